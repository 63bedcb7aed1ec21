/** A client as its application sees it, on a platform where the test answers the requests. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { attend } from '../../target/es5/api/page.js';
import { Client } from '../../target/es5/api/client.js';
import { Emitter } from '../../target/es5/api/emitter.js';
import { promised } from '../../target/es5/api/promised.js';
import { timer } from '../../target/es5/core/clock.js';
import { fetchSend } from '../../target/es5/net/fetch.js';
import { jsonp } from '../../target/es5/transports/jsonp.js';
import { longpoll } from '../../target/es5/transports/poll.js';
import { collectFaults } from '../support/faults.mjs';
import { pass } from '../support/pass.mjs';

const WELCOME = { op: 'welcome', session: 's', resumed: false, received: 0, after: 0 };

let clients;
/** The requests so far. */
let asked;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1e12 });
  mock.method(performance, 'now', () => Date.now());
  clients = [];
  asked = [];
});
afterEach(() => {
  clients.forEach((client) => client.close());
  mock.restoreAll();
  mock.timers.reset();
  for (const name of ['document', 'addEventListener', 'removeEventListener']) delete globalThis[name];
});

const flush = () => new Promise((resolve) => setImmediate(resolve));

function connect(options = {}, send) {
  const kit = { streams: {}, transports: { longpoll } };
  kit.send = (url, body, ms, done) => {
    asked.push({ url, body: body && JSON.parse(body), done });
    return () => undefined;
  };
  const client = new Client({ ...kit, send: send || kit.send }, 'http://h', options);
  clients.push(client);
  return client;
}

/** Lets the server answer the opening. */
function opens(more) {
  pass(1);
  const opening = asked.findLast(({ url }) => /sessions$/.test(url));
  opening.done({ status: 201, body: { ...WELCOME, ...more } });
}

/** The commands that went up since the last look. */
function look() {
  const request = asked.findLast(({ url, seen }) => /send\?/.test(url) && !seen);
  if (!request) return [];
  request.seen = true;
  const { after, messages } = request.body;
  request.done({ status: 200, body: { received: after + messages.length } });
  return messages;
}

/** The server says something. */
function says(...messages) {
  const poll = asked.findLast(({ url }) => /poll\?/.test(url));
  const first = +/after=(\d+)/.exec(poll.url)[1] + 1;
  poll.done({ status: 200, body: { received: 0, first, messages } });
}

/** How a promise ended. */
async function outcome(promise) {
  let how = 'nothing yet';
  promise.then(
    () => (how = 'done'),
    (error) => (how = error.code),
  );
  await flush();
  return how;
}

test('after the end everything that is asked for ends with the error closed', async () => {
  for (const open of [false, true]) {
    const client = connect();
    if (open) opens();
    client.close();
    const channel = client.channel('a');
    const asks = {
      publish: channel.publish(1),
      subscribe: channel.subscribe(() => undefined),
      history: channel.history(),
      presence: channel.presence(),
      register: client.register('p', () => 0),
      call: client.call('p'),
      authenticate: client.authenticate('token'),
    };
    for (const [name, promise] of Object.entries(asks)) assert.equal(await outcome(promise), 'closed', name);
    assert.equal(await outcome(channel.unsubscribe()), 'done');
    assert.equal(await outcome(client.unregister('p')), 'done');
    client.debug.drop();
    client.debug.force(null);
    client.close();
  }
});

test('what was asked for before the end ends with it, and nobody has to hear of that', async () => {
  for (const open of [false, true]) {
    const client = connect();
    if (open) opens();
    const asks = [
      client.channel('a').publish(1),
      client.channel('a').subscribe(() => undefined),
      client.register('p', () => 0),
      client.call('p'),
    ];
    client.channel('b').publish(1); // an answer that is dropped is no uncaught rejection
    client.close();
    for (const promise of asks) assert.equal(await outcome(promise), 'closed');
  }
});

test('a client that the server closed for good settles everything with the reason', async () => {
  const errors = [];
  const client = connect().on('error', ({ code }) => errors.push(code));
  const published = client.channel('a').publish(1);
  published.catch(() => undefined);
  pass(1);
  asked[0].done({ status: 403, body: { code: 'forbidden' } });
  assert.equal(await outcome(published), 'forbidden');
  client.register(
    'p',
    () => 0,
    ({ code }) => errors.push(code),
  );
  assert.deepEqual([errors, client.state], [['forbidden', 'forbidden'], 'closed']);
});

test('a registration or subscription that is taken back before it stands is settled', async () => {
  const client = connect();
  const registered = client.register('p', () => 0);
  client.unregister('p');
  const subscribed = client.channel('a').subscribe(() => undefined);
  client.channel('a').unsubscribe();
  assert.deepEqual([await outcome(registered), await outcome(subscribed)], ['unsubscribed', 'unsubscribed']);
});

test('what cannot be told as JSON is refused, and is no exception', async () => {
  const client = connect();
  const circle = {};
  circle.circle = circle;
  const channel = client.channel('a');
  const asks = [
    () => channel.publish(circle),
    () => channel.publish(undefined),
    () => client.call('p', circle),
  ];
  for (const ask of asks) assert.equal(await outcome(ask()), 'malformed');
});

test('a handler of a subscription that was refused does not hear what the next one hears', () => {
  const heard = [];
  const client = connect();
  opens();
  const channel = client.channel('a');
  const ignore = () => undefined;
  channel.subscribe(() => heard.push('refused'), {}, ignore);
  says({ op: 'reply', id: look()[0].id, error: { code: 'forbidden' } });
  channel.subscribe(() => heard.push('taken'), {}, ignore);
  says({ op: 'reply', id: look()[0].id, data: { epoch: 'e', offset: 1 } });
  says({ op: 'message', channel: 'a', offset: 2, data: 1 });
  assert.deepEqual(heard, ['taken']);
});

test('a token that the server took is the one of sessions to come', async () => {
  const client = connect({ token: 'old' });
  opens();
  assert.equal(asked[0].body.token, 'old');
  const shown = client.authenticate('fresh');
  const [{ op, id, token }] = look();
  assert.deepEqual([op, token], ['auth', 'fresh']);
  says({ op: 'reply', id, data: { user: 'me' } });
  assert.deepEqual([await outcome(shown), client.user], ['done', 'me']);
  asked.findLast(({ url }) => /poll\?/.test(url)).done({ status: 410, body: { code: 'session_gone' } });
  pass(1000);
  assert.equal(asked.at(-1).body.token, 'fresh');
});

test('a callback that throws disturbs nobody, and its fault is not hidden', () => {
  const faults = collectFaults();
  const fault = (text) => () => {
    throw new Error(text);
  };
  promised((done) => done(null, 1), fault('answer'));
  const heard = [];
  const emitter = new Emitter();
  emitter.on('event', fault('event'));
  emitter.on('event', () => heard.push('the next handler'));
  emitter.emit('event');
  const client = connect();
  client.on('state', fault('state'));
  client.channel('a').subscribe(fault('message'), {}, fault('subscribed'));
  client.channel('a').subscribe(({ data }) => heard.push(data));
  opens({ subscribed: { a: { epoch: 'e', offset: 0 } } });
  says(
    { op: 'message', channel: 'a', offset: 1, data: 1 },
    { op: 'message', channel: 'a', offset: 2, data: 2 },
  );
  assert.deepEqual([client.state, client.channel('a').position.offset], ['online', 2]);
  pass(1);
  assert.deepEqual(heard, ['the next handler', 1, 2]);
  assert.deepEqual(faults.sort(), ['answer', 'event', 'message', 'message', 'state', 'subscribed'].sort());
});

test('a callback that throws is not taken for a request that failed', async () => {
  const faults = collectFaults();
  const answers = [];
  mock.method(globalThis, 'fetch', async () => new Response('{"a":1}'));
  fetchSend(false)('http://h', '', 1000, (answer) => {
    answers.push(answer.status);
    throw new Error('mine');
  });
  for (let i = 0; i < 5; i++) await flush();
  pass(5000);
  assert.deepEqual([answers, faults], [[200], ['mine']]);
});

test('an answer that does not come in time, or was given up, is answered once or not at all', async () => {
  mock.method(globalThis, 'fetch', () => new Promise(() => undefined));
  const answers = [];
  const send = () => fetchSend(false)('http://h', undefined, 1000, (answer) => answers.push(answer));
  send();
  send()();
  pass(5000);
  assert.deepEqual(answers, [{ status: 0, late: true }]);
});

/** A target of events that knows who listens. */
function target(more) {
  const listeners = [];
  return {
    listeners,
    addEventListener: (type, action) => listeners.push({ type, action }),
    removeEventListener: (type, action) =>
      listeners.splice(
        listeners.findIndex((one) => one.type === type && one.action === action),
        1,
      ),
    fire: (type, event = {}) =>
      listeners.filter((one) => one.type === type).forEach(({ action }) => action(event)),
    ...more,
  };
}

/** A page, and a session that remembers what it is told of it. */
function page(visibilityState = 'visible') {
  const told = [];
  const document = target({ visibilityState });
  const window = target();
  const connection = target();
  const beacons = [];
  const navigator = { connection, sendBeacon: (url) => beacons.push(url) };
  Object.assign(globalThis, {
    document,
    addEventListener: window.addEventListener,
    removeEventListener: window.removeEventListener,
  });
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: navigator });
  const session = {
    wake: (changed) => told.push(`wake ${changed}`),
    watched: (looks) => told.push(`watched ${looks}`),
    leave: () => told.push('leave') && 'http://h/close',
  };
  return { told, document, window, connection, beacons, stop: attend(session) };
}

test('a page tells of the network, of whoever looks, and of its end', () => {
  const { told, document, window, connection, beacons, stop } = page();
  window.fire('online');
  connection.fire('change');
  document.visibilityState = 'hidden';
  document.fire('visibilitychange');
  window.fire('pagehide', { persisted: false });
  assert.deepEqual(told.splice(0), ['wake true', 'wake true', 'watched false', 'leave']);
  assert.deepEqual(beacons, ['http://h/close']);
  stop();
});

test('a page that the browser may bring back does not leave, and wakes when it is back', () => {
  const { told, window, beacons, stop } = page();
  window.fire('pagehide', { persisted: true });
  window.fire('pageshow', { persisted: false });
  assert.deepEqual([told, beacons], [[], []]);
  window.fire('pageshow', { persisted: true });
  assert.deepEqual(told, ['wake true']);
  stop();
});

test('a page that is opened in the background says so at once', () => {
  const { told, stop } = page('hidden');
  assert.deepEqual(told, ['watched false']);
  stop();
});

test('a page that slept wakes, once it is looked at', () => {
  const { told, document, stop } = page();
  pass(60000);
  assert.deepEqual(told, []);
  mock.timers.setTime(Date.now() + 3600000);
  pass(5000);
  assert.ok(told.includes('wake true'));
  document.visibilityState = 'hidden';
  told.length = 0;
  mock.timers.setTime(Date.now() + 3600000);
  pass(5000);
  assert.deepEqual(told, []);
  stop();
});

test('after the end nobody listens to the page any more', () => {
  const { told, document, window, connection, stop } = page();
  assert.ok(document.listeners.length && window.listeners.length && connection.listeners.length);
  stop();
  assert.deepEqual([document.listeners, window.listeners, connection.listeners], [[], [], []]);
  mock.timers.setTime(Date.now() + 3600000);
  pass(60000);
  assert.deepEqual(told, []);
});

test('a client that could not be made leaves nobody listening', () => {
  const window = target();
  globalThis.addEventListener = window.addEventListener;
  globalThis.removeEventListener = window.removeEventListener;
  assert.throws(() => connect({ transport: 'jsonp' }), { code: 'unavailable' });
  assert.deepEqual(window.listeners, []);
  const client = connect();
  assert.ok(window.listeners.length);
  client.close();
  assert.deepEqual(window.listeners, []);
});

test('a wait is no longer than browsers can wait', () => {
  const waits = [];
  mock.method(globalThis, 'setTimeout', (_, ms) => waits.push(ms));
  timer().after(1e10, () => undefined);
  timer().after(Infinity, () => undefined);
  assert.deepEqual(waits, [2147483647, 2147483647]);
});

test('JSONP leaves no names behind', () => {
  const names = () => Object.keys(globalThis).filter((name) => /footbridge_jsonp/.test(name));
  const scripts = [];
  globalThis.document = {
    createElement: () => ({}),
    getElementsByTagName: () => [{ appendChild: (script) => scripts.push(script) }],
  };
  const told = [];
  const line = {
    kit: {},
    streams: { received: 0 },
    proven: true,
    address: (_, { callback }) => callback,
    holdSeconds: () => 2,
    patience: (ms) => ms,
    roundTrip: () => undefined,
    confirmed: (received) => told.push(received),
    lost: ({ code }) => told.push(code),
  };
  jsonp(line);
  scripts[0].onerror();
  const link = jsonp(line);
  pass(2000);
  globalThis[scripts[1].src]({ messages: [], received: 3 });
  assert.equal(scripts.length, 3); // it was held, so the next one follows
  link.close();
  globalThis[scripts[2].src]({ messages: [], received: 4 }); // a script that is loading cannot be stopped
  pass(5000);
  assert.deepEqual([told, names()], [['unreachable', 3], []]);
});
