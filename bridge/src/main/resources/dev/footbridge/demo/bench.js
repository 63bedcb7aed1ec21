/** The test that anyone can run: numbered messages go to the server and come back, and are counted. */
import { byId } from './dom.js';

const INTERVAL_MS = 200;
/** More than this on the way, and sending waits for the network. */
const MOST_PENDING = 400;
const CHANNEL = `demo:ladder:${Math.random().toString(36).slice(2, 12)}`;

/** Counts the arrival of messages that are numbered from 1. */
export class Tally {
  sent = 0;
  received = 0;
  repeated = 0;
  disordered = 0;
  #highest = 0;
  #missing = new Set();

  arrived(number) {
    if (number > this.#highest) {
      for (let missed = this.#highest + 1; missed < number; missed++) this.#missing.add(missed);
      this.#highest = number;
      this.received++;
    } else if (this.#missing.delete(number)) {
      this.disordered++;
      this.received++;
    } else {
      this.repeated++;
    }
  }

  /** Passed over by later ones. */
  get lost() {
    return this.#missing.size;
  }

  get pending() {
    return this.sent - this.received - this.lost;
  }
}

export function bench(crossings) {
  const toggle = byId('test-toggle');
  let client;
  let tally = new Tally();
  let run = 0;
  let timer;

  function show() {
    const { changes, resumes } = client.debug.stats;
    const { sent, received, lost, repeated, disordered, pending } = tally;
    const values = { sent, received, lost, repeated, disordered, pending, changes, resumes };
    for (const [name, value] of Object.entries(values)) {
      const counter = byId(`counter-${name}`);
      if (counter.textContent !== String(value)) counter.textContent = value;
      const box = counter.parentElement;
      if (box.className === 'verdict') box.toggleAttribute('data-bad', value > 0);
    }
  }

  function send() {
    if (tally.pending >= MOST_PENDING) return;
    tally.sent++;
    crossings.packet('up');
    client
      .channel(CHANNEL)
      .publish({ run, number: tally.sent })
      .catch((error) => {
        if (error.code !== 'closed') stop(`Sending stopped: ${error.message}`);
      });
    show();
  }

  function start() {
    timer = setInterval(send, INTERVAL_MS);
    toggle.textContent = 'Stop sending';
    toggle.setAttribute('aria-pressed', 'true');
    byId('bench-note').textContent = 'Now break the connection, change the way, pull the plug.';
  }

  function stop(note) {
    clearInterval(timer);
    timer = undefined;
    toggle.textContent = 'Start sending';
    toggle.setAttribute('aria-pressed', 'false');
    byId('bench-note').textContent = note;
  }

  toggle.addEventListener('click', () => {
    if (timer === undefined) start();
    else stop('Stopped. What was on the way still arrives.');
  });

  return {
    attach(newClient) {
      client = newClient;
      tally = new Tally();
      const own = ++run;
      client.on('transport', show).on('resume', show);
      client
        .channel(CHANNEL)
        .subscribe(({ data }) => {
          if (data.run !== own) return;
          tally.arrived(data.number);
          crossings.packet('down');
          show();
        })
        .catch((error) => stop(`The test cannot run: ${error.message}`));
      show();
    },
  };
}
