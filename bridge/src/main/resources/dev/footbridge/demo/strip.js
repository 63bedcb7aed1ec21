/** A strip chart: which transport the session stood on over the last two minutes, and how much came down it. */
import { byId, make } from './dom.js';
import { TRANSPORT_NAMES, TRANSPORTS } from './transports.js';

const SAMPLE_MS = 400;
const SAMPLES = 300;

export function strip() {
  const canvas = byId('strip');
  const samples = [];
  let client;
  let received = 0;
  let resumed = false;

  function sample() {
    const { stats } = client.debug;
    const messages = Math.max(0, stats.received - received);
    received = stats.received;
    samples.push({ transport: client.state === 'online' ? client.transport : null, messages, resumed });
    resumed = false;
    if (samples.length > SAMPLES) samples.shift();
    if (!document.hidden) draw();
  }

  function draw() {
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const pen = canvas.getContext('2d');
    const style = getComputedStyle(canvas);
    const step = width / SAMPLES;
    const band = 16;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    samples.forEach((entry, index) => {
      const left = width - (samples.length - index) * step;
      pen.fillStyle = style.getPropertyValue(entry.transport ? `--${entry.transport}` : '--line');
      if (entry.transport) pen.fillRect(left, height - band, step + 0.6, band);
      else pen.fillRect(left, height - band / 2 - 1, step + 0.6, 2);
      const bar = Math.min(height - band - 14, Math.sqrt(entry.messages) * 9);
      pen.globalAlpha = 0.55;
      pen.fillRect(left + step * 0.15, height - band - 2 - bar, step * 0.7, bar);
      pen.globalAlpha = 1;
      if (entry.resumed) {
        pen.fillStyle = style.getPropertyValue('--ink');
        pen.beginPath();
        pen.moveTo(left - 4, 1);
        pen.lineTo(left + 4, 1);
        pen.lineTo(left, 8);
        pen.fill();
        pen.fillRect(left - 0.5, 8, 1, height - 8);
      }
    });
    describe();
  }

  function describe() {
    const walked = [];
    for (const { transport } of samples) {
      const name = transport ? TRANSPORT_NAMES[transport] : 'not connected';
      if (walked.at(-1) !== name) walked.push(name);
    }
    const label = `The way across over the last two minutes: ${walked.slice(-6).join(', then ')}`;
    if (canvas.getAttribute('aria-label') !== label) canvas.setAttribute('aria-label', label);
  }

  byId('strip-legend').append(
    ...TRANSPORTS.map((name) => make('span', { data: { rung: name } }, make('i'), TRANSPORT_NAMES[name])),
    make('span', { text: '▼ resumed' }),
  );
  setInterval(sample, SAMPLE_MS);
  window.addEventListener('resize', draw);

  return {
    attach(newClient) {
      client = newClient;
      received = 0;
      client.on('resume', () => {
        resumed = true;
      });
    },
  };
}
