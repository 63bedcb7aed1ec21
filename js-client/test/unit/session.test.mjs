/** When a session connects, on which rung, and what it does when a connection ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cut,
  events,
  flows,
  link,
  links,
  opened,
  openings,
  pass,
  probes,
  session,
  silent,
  sockets,
  start,
  WELCOME,
  works,
} from '../support/stage.mjs';

test('polls carry the session as soon as it is open, and a WebSocket once a value came through it', () => {
  assert.match(sockets[0].url, /^ws:\/\/h\/ws\?attach=1$/);
  opened();
  assert.deepEqual([session.state, session.transport], ['online', 'longpoll']);
  sockets[0].readyState = 1; // it opened, which counts for nothing
  pass(500);
  assert.equal(session.transport, 'longpoll');
  sockets[0].says({ op: 'pong' });
  assert.deepEqual([link().rung, link().proven], ['websocket', sockets[0]]);
  assert.equal(links[0].closed, true);
  works();
  assert.equal(session.transport, 'websocket');
});

test('a WebSocket that works before the session is open is taken at once', () => {
  sockets[0].says({ op: 'pong' });
  opened();
  assert.deepEqual([links.length, link().rung], [1, 'websocket']);
});

test('what a WebSocket says first must be the greeting', () => {
  opened();
  sockets[0].says({ op: 'bye', code: 'draining' });
  assert.deepEqual([links.length, sockets[0].readyState], [1, 3]);
});

test('where WebSocket fails, a stream is tried beside the polls, and taken when it flows', () => {
  opened();
  sockets[0].onclose();
  pass(1);
  assert.equal(probes.length, 1);
  assert.equal(session.transport, 'longpoll');
  flows();
  assert.equal(link().rung, 'sse');
  works();
  assert.equal(session.transport, 'sse');
});

test('a stream whose values come in lumps, or not in time, is left alone', () => {
  opened();
  sockets[0].onclose();
  pass(1);
  probes[0].piece('data:{"op":"ping"}\n\ndata:{"op":"ping"}\n\n');
  pass(1);
  assert.match(probes[1].url, /probe\/stream/);
  pass(2001);
  assert.equal(probes[1].given, true);
  pass(30000);
  assert.deepEqual([probes.length, session.transport, sockets.length], [2, 'longpoll', 1]);
  pass(31000);
  assert.equal(sockets.length, 2);
});

test('one that was taken and then does not work is left alone for a while', () => {
  opened();
  sockets[0].says({ op: 'pong' });
  pass(1001);
  assert.equal(link().rung, 'longpoll');
  works();
  pass(1);
  assert.deepEqual([sockets.length, probes.length], [1, 1]);
});

test('one that went silent is left for polls, and not tried again at once', () => {
  opened();
  sockets[0].says({ op: 'pong' });
  works();
  pass(5000);
  silent();
  pass(300);
  assert.equal(link().rung, 'longpoll');
  works();
  pass(1);
  assert.deepEqual([sockets.length, probes.length], [1, 1]);
});

test('one that was cut is tried first when the session comes back, with polls soon after', () => {
  opened();
  sockets[0].says({ op: 'pong' });
  works();
  pass(5000);
  cut();
  assert.equal(session.state, 'connecting');
  pass(300);
  assert.equal(link().rung, 'websocket');
  pass(1001);
  assert.equal(link().rung, 'longpoll');
  works();
  assert.equal(session.state, 'online');
});

test('polls that are never answered when they are held give way to short ones', () => {
  start(['longpoll', 'shortpoll']);
  opened();
  for (let i = 0; i < 3; i++) {
    assert.equal(link().rung, 'longpoll');
    pass(3500);
    silent();
    pass(2000);
    works();
  }
  assert.equal(link().rung, 'shortpoll');
});

test('each time that patience was in vain there is twice as much, until it has been calm', () => {
  start(['longpoll']);
  opened();
  const patience = () => link().line.patience(1000);
  const waits = [];
  for (let i = 0; i < 4; i++) {
    waits.push(patience());
    silent();
    pass(1000);
    works();
  }
  assert.deepEqual(waits, [1000, 1000, 2000, 4000]);
  pass(20000);
  silent();
  pass(1000);
  works();
  assert.equal(patience(), 1000);
});

test('where answers are slow there is more patience', () => {
  start(['longpoll']);
  opened();
  link().line.roundTrip(600);
  assert.equal(link().line.patience(1000), 2400);
});

test('in the background nothing is tried, and polls are held for long', () => {
  session.watched(false);
  opened();
  sockets[0].onclose();
  pass(30000);
  assert.deepEqual([probes.length, link().line.holdSeconds()], [0, 25]);
  session.watched(true);
  pass(1);
  assert.deepEqual([probes.length, link().line.holdSeconds(), link().checks], [1, 2, 1]);
});

test('on another network everything is tried again', () => {
  opened();
  sockets[0].onclose();
  pass(1);
  probes[0].end({ status: 0 });
  pass(1);
  probes[1].end({ status: 0 });
  pass(1000);
  assert.equal(sockets.length, 1);
  session.wake(true);
  pass(1);
  assert.equal(sockets.length, 2);
});

test('what waits for its next attempt is tried at once when the browser says so, but not in a loop', () => {
  start(['longpoll']);
  opened();
  pass(10000);
  cut();
  session.wake(true);
  assert.equal(links.length, 2);
  cut();
  session.wake(true);
  assert.equal(links.length, 2);
  pass(1001);
  assert.equal(links.length, 3); // by itself
  cut();
  session.wake(true);
  assert.equal(links.length, 4);
});

test('a server that wants us to wait is obeyed, whatever the browser says', () => {
  start(['longpoll']);
  opened();
  link().line.lost({ code: 'draining', reconnect: true, delay: 3000 });
  session.wake(true);
  pass(2900);
  session.wake(true);
  assert.equal(links.length, 1);
  pass(101);
  assert.equal(links.length, 2);
});

test('an opening that is not answered is asked for again beside, and counts once', () => {
  pass(2501);
  assert.equal(openings.length, 2);
  assert.equal(openings[0].body.key, openings[1].body.key);
  assert.deepEqual([openings[0].body.again, openings[1].body.again], [undefined, true]);
  openings[1].done({ status: 201, body: { ...WELCOME, resumed: false } });
  openings[0].done({ status: 201, body: { ...WELCOME, resumed: false } });
  assert.deepEqual(
    events.filter((event) => /close|begun/.test(event)),
    ['begun [object Object]'],
  );
});

test('of two sessions that a forgetful server opened the other one is closed', () => {
  pass(2501);
  openings[1].done({ status: 201, body: { ...WELCOME, resumed: false } });
  openings[0].done({ status: 201, body: { ...WELCOME, resumed: false, session: 'other' } });
  assert.ok(events.includes('request http://h/sessions/other/close'), events.join());
});

test('where requests are refused, the session is opened over the WebSocket', () => {
  openings[0].done({ status: 403 });
  sockets[0].says({ op: 'pong' });
  pass(1);
  const [open] = sockets[0].sent;
  assert.deepEqual([open.op, open.again, open.key], ['open', true, openings[0].body.key]);
  sockets[0].says({ ...WELCOME, resumed: false });
  assert.deepEqual([session.state, session.transport], ['online', 'websocket']);
  assert.equal(link().line.proven, true);
});

test('what came with the opening is handed on once, in order, before anything else', () => {
  opened({ received: 2, messages: ['one', 'two'] });
  assert.equal(session.stats.sent, 2);
  link().line.value('two', 3, 2);
  link().line.value('three', 5, 3);
  assert.deepEqual(
    events.filter((event) => event.startsWith('message')),
    ['message one', 'message two', 'message three'],
  );
});

test('a page may end the session whenever it is told something', () => {
  for (const when of ['state', 'transport', 'begun', 'message', 'resumed', 'lost', 'reconnecting']) {
    start(['longpoll', 'shortpoll'], { listener: { [when]: () => session.leave() } });
    if (when === 'lost') {
      opened();
      link().line.lost({ code: 'session_gone' });
    } else {
      opened({ received: 0, messages: ['one'] });
      if (session.state !== 'closed') cut();
      pass(300);
      if (session.state !== 'closed') works();
    }
    const made = links.length;
    pass(30000);
    assert.equal(session.state, 'closed', when);
    assert.ok(links.length === made && links.every(({ closed }) => closed), when);
  }
});

test('what worked is remembered, and tried first the next time', () => {
  const kept = {};
  globalThis.localStorage = kept;
  start();
  opened();
  sockets[0].onclose();
  pass(1);
  flows();
  works();
  assert.match(kept['footbridge http://h'], /"rung":"sse"/);
  session.leave();
  start();
  opened();
  assert.deepEqual([links.length, link().rung, sockets.length], [1, 'sse', 1]);
  pass(1001);
  assert.equal(link().rung, 'longpoll');
  session.leave();
  pass(25 * 3600000);
  start();
  opened();
  assert.equal(link().rung, 'longpoll');
});

test('what was found wanting is remembered too, and what is tried is tried beside the remembered stream', () => {
  const bars = { websocket: { left: 50000, times: 1 } };
  globalThis.localStorage = {
    'footbridge http://h': JSON.stringify({ rung: 'sse', bars, written: Date.now() }),
  };
  start();
  opened();
  assert.deepEqual([link().rung, sockets.length, sockets[0].readyState], ['sse', 1, 0]);
  works();
  sockets[0].says({ op: 'pong' });
  assert.deepEqual([link().rung, link().proven], ['websocket', sockets[0]]);
});

test('a transport that is forced while another is tried stays', () => {
  opened();
  session.force('longpoll');
  assert.equal(sockets[0].readyState, 3);
  sockets[0].says({ op: 'pong' });
  works();
  pass(60000);
  assert.deepEqual([link().rung, sockets.length, probes.length], ['longpoll', 1, 0]);
});

test('a transport that is forced while the session opens stays', () => {
  session.force('longpoll');
  sockets[0].says({ op: 'pong' });
  opened();
  pass(60000);
  assert.deepEqual([links.length, link().rung], [1, 'longpoll']);
});

test('a transport that is forced goes before what is remembered, and nothing else is tried', () => {
  globalThis.localStorage = {
    'footbridge http://h': JSON.stringify({ rung: 'sse', bars: {}, written: Date.now() }),
  };
  start(undefined, { before: () => session.force('longpoll') });
  opened();
  pass(60000);
  assert.deepEqual([links.length, link().rung, sockets.length, probes.length], [1, 'longpoll', 0, 0]);
});

test('a stream that is forced while it is tried is not tried any more', () => {
  opened();
  sockets[0].onclose();
  pass(1);
  session.force('sse');
  assert.deepEqual([link().rung, probes[0].given], ['sse', true]);
});

test('a transport that is forced is kept when it fails, and left when one may choose again', () => {
  opened();
  session.force('stream');
  for (let i = 0; i < 3; i++) {
    assert.equal(link().rung, 'stream');
    cut();
    pass(1000);
  }
  works();
  assert.equal(session.transport, 'stream');
  const tried = sockets.length + probes.length;
  session.force(null);
  pass(60000);
  assert.ok(sockets.length + probes.length > tried);
});

test('what a platform or a server does not have cannot be forced', () => {
  assert.throws(() => session.force('jsonp'), { code: 'unavailable' });
  opened({ transports: ['longpoll', 'shortpoll'] });
  assert.throws(() => session.force('sse'), { code: 'unavailable' });
  assert.equal(session.transport, 'longpoll');
});

test('a server that has no polls is reached by what it has', () => {
  opened({ transports: ['websocket'] });
  sockets[0].says({ op: 'pong' });
  works();
  assert.equal(session.transport, 'websocket');
});

test('a WebSocket that shows up while the server wants us to wait is not used against its will', () => {
  opened();
  link().line.lost({ code: 'draining', reconnect: true, delay: 3000 });
  sockets[0].says({ op: 'pong' });
  assert.deepEqual([links.length, sockets[0].readyState], [1, 3]);
});

test('where no server is reached the session is offline, until it is', () => {
  start(['longpoll', 'shortpoll']);
  openings[0].done({ status: 0 });
  assert.equal(session.state, 'offline');
  pass(1000);
  opened();
  assert.equal(session.state, 'online');
  pass(5000);
  cut();
  assert.equal(session.state, 'connecting'); // it worked a moment ago
  pass(1000);
  cut();
  assert.equal(session.state, 'offline');
});

/** How long the session waits before each attempt, and how many there were until then. */
function waiting() {
  const waits = [];
  start(['longpoll'], { listener: { reconnecting: (attempt, wait) => waits.push([attempt, wait]) } });
  opened();
  return waits;
}

test('after a connection that held the next wait is short again', () => {
  const waits = waiting();
  for (let i = 0; i < 20; i++) {
    cut();
    pass(20000);
  }
  assert.ok(waits.at(-1)[1] > 5000, String(waits.at(-1)));
  works();
  pass(2000);
  cut();
  assert.deepEqual(waits.at(-1), [1, 150]);
});

test('after one that did not hold the next wait is up to a second', () => {
  const waits = waiting();
  for (let i = 0; i < 20; i++) {
    cut();
    pass(20000);
  }
  works();
  pass(500);
  cut();
  const [attempt, wait] = waits.at(-1);
  assert.ok(attempt > 10 && wait > 150 && wait <= 500, `${attempt} ${wait}`);
});

test('a token that is refused in the midst is asked for anew, where that can be done', () => {
  let tokens = 0;
  const refuse = () => link().line.lost({ code: 'unauthenticated', status: 401 });
  start(['longpoll'], { token: () => `token ${++tokens}` });
  opened();
  refuse();
  pass(1000);
  assert.deepEqual(
    openings.map(({ body }) => body.token),
    ['token 1', 'token 2'],
  );
  // One that was never taken is of no use, and neither is another one of the same kind.
  openings[1].done({ status: 401, body: { code: 'unauthenticated' } });
  assert.deepEqual([session.state, events.at(-1)], ['closed', 'ended unauthenticated']);
  start(['longpoll'], { token: 'the only one' });
  opened();
  refuse();
  assert.equal(events.at(-1), 'ended unauthenticated');
});

test('a fresh token that is refused before anything worked is not followed by another', () => {
  globalThis.localStorage = {
    'footbridge http://h': JSON.stringify({ rung: 'sse', bars: {}, written: Date.now() }),
  };
  start(undefined, { token: () => 'fresh' });
  opened();
  link().line.lost({ code: 'unauthenticated', status: 401 });
  pass(60000);
  assert.deepEqual([openings.length, events.at(-1)], [1, 'ended unauthenticated']);
});

test('what goes through another connection, or none, is acknowledged by the next one itself', () => {
  start(['longpoll']);
  opened();
  link().line.value('one', 3, 1);
  cut();
  pass(1000);
  works();
  pass(10000);
  assert.deepEqual(
    links.map(({ acknowledged }) => acknowledged),
    [0, 0],
  );
});

test('where a page may keep nothing, nothing is missing', () => {
  const forbidden = {
    configurable: true,
    get() {
      throw new Error('forbidden');
    },
  };
  Object.defineProperty(globalThis, 'localStorage', forbidden);
  start();
  opened();
  sockets[0].says({ op: 'pong' });
  works();
  assert.deepEqual([session.state, session.transport], ['online', 'websocket']);
});

test('what is remembered and makes no sense is not believed', () => {
  const written = Date.now();
  for (const kept of [
    'no JSON',
    'null',
    '5',
    '{}',
    JSON.stringify({ rung: 'sse', bars: {}, written: written + 1000 }),
    JSON.stringify({ rung: 'pigeon', bars: 7, written }),
    JSON.stringify({ rung: null, bars: { longpoll: 'x', sse: null }, written }),
  ]) {
    globalThis.localStorage = { 'footbridge http://h': kept };
    start();
    opened();
    assert.deepEqual([links.length, link().rung, session.state], [1, 'longpoll', 'online'], kept);
  }
});
