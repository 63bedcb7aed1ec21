/** A log that grows while one looks at it. */
import { appendTo, byId, make, timeOfDay } from './dom.js';

const CHANNEL = 'demo:log';
const MOST_LINES = 300;

export function log() {
  const list = byId('log-lines');
  const pause = byId('log-pause');
  /** Lines that came while the log stood still; null while it runs. */
  let held = null;

  function show({ data }) {
    const { time, level, text } = data;
    const line = make(
      'li',
      { className: 'log-line', data: { level } },
      make('time', { text: timeOfDay(time) }),
      make('b', { text: level }),
      make('span', { text }),
    );
    appendTo(list, line, MOST_LINES);
  }

  function receive(message) {
    if (!held) return show(message);
    held.push(message);
    if (held.length > MOST_LINES) held.shift();
    pause.textContent = `Go on (${held.length})`;
  }

  pause.addEventListener('click', () => {
    const waiting = held;
    held = held ? null : [];
    pause.setAttribute('aria-pressed', String(held !== null));
    pause.textContent = held ? 'Go on' : 'Pause';
    if (waiting) waiting.forEach(show);
  });

  return {
    attach(client) {
      list.replaceChildren();
      if (held) held = [];
      client
        .channel(CHANNEL)
        .subscribe(receive, { last: 50 })
        .catch(() => undefined);
    },
  };
}
