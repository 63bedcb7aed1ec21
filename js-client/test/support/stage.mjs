/** A session on a platform whose transports, streams, WebSockets and requests the test plays, with a clock that stands still. */
import { afterEach, beforeEach, mock } from 'node:test';
import { createSession } from '../../target/es5/session/session.js';
import { pass } from './pass.mjs';

export const WELCOME = { op: 'welcome', session: 's', resumed: true, received: 0, after: 0, ping: 25 };

export let session;
/** The connections so far: their rung, their `line`, and whether they were closed. */
export let links;
export let probes;
export let events;
export let openings;
export let sockets;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1e12 });
  mock.method(Math, 'random', () => 0.5);
  mock.method(performance, 'now', () => Date.now());
  delete globalThis.localStorage;
  start();
});
afterEach(() => {
  session.close();
  mock.restoreAll();
  mock.timers.reset();
});

export { pass };

/** A WebSocket that the test plays. */
class FakeSocket {
  readyState = 0;
  sent = [];
  constructor(url) {
    this.url = url;
    sockets.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  /** The server says something. */
  says(value) {
    this.readyState = 1;
    this.onmessage?.({ data: JSON.stringify(value) });
  }
}

/** Makes a session on a platform with these rungs; `more` are options, a `listener`, and what to do `before` it opens. */
export function start(rungs = ['websocket', 'sse', 'stream', 'longpoll', 'shortpoll'], more = {}) {
  session?.close();
  links = [];
  probes = [];
  events = [];
  openings = [];
  sockets = [];
  const transport = (rung) => (line, proven) => {
    const link = { rung, line, proven, closed: false, checks: 0, acknowledged: 0, flush() {} };
    link.acknowledge = () => link.acknowledged++;
    link.close = () => (link.closed = true);
    link.check = () => link.checks++;
    links.push(link);
    return link;
  };
  const stream = (url, piece, end) => {
    const probe = { url, piece, end, given: false };
    probes.push(probe);
    return () => (probe.given = true);
  };
  const transports = Object.fromEntries(rungs.map((rung) => [rung, transport(rung)]));
  const told = (name) => (value) => events.push(value === undefined ? name : `${name} ${value}`);
  const send = (url, body, ms, done) => {
    if (/sessions$/.test(url)) openings.push({ body: JSON.parse(body), done });
    else events.push(`request ${url.replace(/\?.*/, '')}`);
    return () => events.push('given up');
  };
  session = createSession(
    {
      kit: { send, transports, streams: { sse: stream, stream }, WebSocket: FakeSocket },
      url: 'http://h',
      outboxBytes: 1000,
      tryMs: 4000,
      silenceMs: 4000,
      ...more,
    },
    {
      opening: () => ({ subscribe: [], messages: [] }),
      begun: told('begun'),
      lost: ({ code }) => events.push(`lost ${code}`),
      message: told('message'),
      resumed: told('resumed'),
      state: told('state'),
      transport: told('transport'),
      reconnecting: () => events.push('reconnecting'),
      ended: ({ code }) => events.push(`ended ${code}`),
      ...more.listener,
    },
  );
  more.before?.();
  session.open();
}

export const link = () => links.at(-1);
export const opened = (more) =>
  openings.at(-1).done({ status: 201, body: { ...WELCOME, resumed: false, ...more } });
/** The connection works. */
export const works = () => link().line.value(WELCOME, 0);
/** It ends: without a word, or silently. */
export const cut = () => link().line.lost({ code: 'unreachable', status: 0 });
export const silent = () => link().line.lost({ code: 'silent', status: 0 });
/** A stream that is tried lets its values through. */
export function flows() {
  probes.at(-1).piece('{"op":"ping"}\n');
  pass(1000);
  probes.at(-1).piece('{"op":"ping"}\n');
}
