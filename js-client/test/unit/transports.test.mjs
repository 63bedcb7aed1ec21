/** Each transport by itself, between a session and a network that the test plays. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Streams } from '../../target/es5/core/streams.js';
import { acknowledger } from '../../target/es5/session/acknowledger.js';
import { heldPolls, longpoll, shortpoll, takePoll } from '../../target/es5/transports/poll.js';
import { streaming, valuesOf } from '../../target/es5/transports/stream.js';
import { uplink } from '../../target/es5/transports/uplink.js';
import { probeWebSocket, websocket } from '../../target/es5/transports/websocket.js';
import { pass } from '../support/pass.mjs';

let streams;
/** What the transport told the session. */
let told;
/** The requests so far; the last one may be answered. */
let asked;
let hold;
let line;
let sockets;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1e12 });
  mock.method(Math, 'random', () => 0.5);
  mock.method(performance, 'now', () => Date.now());
  streams = new Streams();
  told = [];
  asked = [];
  sockets = [];
  hold = 2;
  const send = (url, body, ms, done) => {
    const request = { url, ms, open: true, body: body && JSON.parse(body), size: body?.length };
    request.answer = (answer) => {
      request.open = false;
      done(answer);
    };
    asked.push(request);
    return () => (request.open = false);
  };
  line = {
    kit: { send, WebSocket: FakeSocket },
    streams,
    session: 's',
    turn: 1,
    proven: true,
    address: (path, query) => [path, ...Object.values(query || {})].join(' '),
    quietMs: () => 1500,
    holdSeconds: () => hold,
    patience: (ms) => ms,
    batchBytes: () => 4e6,
    roundTrip: (ms) => told.push(`took ${ms}`),
    value: (value, size, number) => told.push(`value ${JSON.stringify(value)} ${number}`),
    confirmed: (received) => streams.confirm(received),
    refused: () => told.push(`refused ${streams.drop().text.length}`),
    lost: ({ code }) => told.push(`lost ${code}`),
  };
});
afterEach(() => {
  mock.restoreAll();
  mock.timers.reset();
});

class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  sent = [];
  constructor(url) {
    this.url = url;
    sockets.push(this);
  }
  send(text) {
    this.sent.push(text);
  }
  close() {
    this.readyState = 3;
  }
  says(value) {
    this.readyState = 1;
    this.onmessage?.({ data: typeof value === 'string' ? value : JSON.stringify(value) });
  }
}

const last = () => asked.at(-1);
const losses = () => told.filter((word) => word.startsWith('lost'));
const push = (...texts) => texts.forEach((text) => streams.push({ text, size: text.length }));
/** The server has all of the last request. */
const took = () =>
  last().answer({ status: 200, body: { received: last().body.after + last().body.messages.length } });
const polled = (more) =>
  last().answer({ status: 200, body: { messages: [], received: streams.confirmed, ...more } });

test('requests going up go one at a time, and carry what came meanwhile', () => {
  const up = uplink(line);
  up.flush();
  assert.equal(asked.length, 0);
  push('1');
  up.flush();
  push('2', '3');
  up.flush();
  assert.equal(asked.length, 1);
  took();
  assert.deepEqual(
    asked.map(({ body }) => [body.after, body.messages]),
    [
      [0, [1]],
      [1, [2, 3]],
    ],
  );
  took();
  assert.deepEqual([asked.length, losses()], [2, []]);
});

test('what was received is told with the next request up, or by one of its own', () => {
  const up = uplink(line);
  streams.received = 3;
  up.acknowledge();
  assert.deepEqual([last().body.received, last().body.messages], [3, []]);
  took();
  up.acknowledge();
  assert.equal(asked.length, 1);
});

test('an answer that confirms nothing is not asked for in a loop', () => {
  const up = uplink(line);
  push('1');
  up.flush();
  for (let i = 0; i < 20 && !losses().length; i++) {
    last().answer({ status: 200, body: { received: 0 } });
    assert.ok(!last().open);
    pass(20000);
  }
  assert.deepEqual([asked.length, losses().length], [5, 1]);
});

test('a request that fails is repeated a few times, with waits, before the connection is given up', () => {
  const up = uplink(line);
  push('1');
  up.flush();
  for (let i = 0; i < 4; i++) {
    last().answer({ status: 0 });
    up.flush();
    assert.equal(asked.length, i + 1);
    pass(20000);
    assert.deepEqual(last().body.messages, [1]);
  }
  last().answer({ status: 0 });
  assert.deepEqual(losses(), ['lost unreachable']);
});

test('a server that wants the next request later gets it later, and a refusal is the end', () => {
  const up = uplink(line);
  push('1');
  up.flush();
  last().answer({ status: 503, retryAfter: '7' });
  pass(6999);
  assert.equal(asked.length, 1);
  pass(1);
  assert.equal(asked.length, 2);
  last().answer({ status: 410, body: { code: 'session_gone' } });
  assert.deepEqual(losses(), ['lost session_gone']);
});

test('requests that were given up say nothing, and no more follow', () => {
  const up = uplink(line);
  push('1');
  up.flush();
  up.close();
  assert.equal(last().open, false);
  push('2');
  up.flush();
  pass(60000);
  assert.equal(asked.length, 1);
});

for (const make of [uplink, shortpoll]) {
  test(`${make.name}: where large requests are refused, they get smaller until they get through`, () => {
    make(line).flush();
    if (asked.length) polled();
    push(...Array(8).fill(JSON.stringify('x'.repeat(200000))));
    const before = asked.length;
    const again = make(line);
    again.flush();
    for (let i = 0; i < 30 && streams.confirmed < 8; i++) {
      if (last().size > 500000) last().answer({ status: 413 });
      else
        last().answer({
          status: 200,
          body: { messages: [], received: last().body.after + last().body.messages.length },
        });
      if (!last().open) pass(5000);
    }
    const sizes = asked.slice(before).map(({ size }) => size);
    const refused = sizes.filter((size) => size > 500000);
    assert.ok(refused.length === 2 && refused[1] <= refused[0] / 2 + 100, sizes.join());
    assert.deepEqual([streams.confirmed, losses()], [8, []]);
    again.close();
  });

  test(`${make.name}: a message that does not even get through alone is taken back, and the next one goes`, () => {
    const link = make(line);
    if (asked.length) polled();
    push(JSON.stringify('x'.repeat(9000)), '"small"');
    link.flush();
    for (let i = 0; i < 9 && last().size > 5000; i++) last().answer({ status: 413 });
    assert.deepEqual(
      [told.filter((word) => word.startsWith('refused')), last().body.messages],
      [['refused 9002'], ['small']],
    );
    assert.deepEqual(losses(), []);
    link.close();
  });
}

test('the first poll does not wait, unless the server has just answered', () => {
  line.proven = false;
  const link = longpoll(line);
  assert.equal(last().url, 'poll 0 0');
  polled({ welcome: { op: 'welcome' } });
  assert.equal(last().url, 'poll 0 2');
  link.close();
  line.proven = true;
  longpoll(line);
  assert.equal(last().url, 'poll 0 2');
});

test('a poll that was held and brings nothing at once is not asked for in a loop', () => {
  longpoll(line);
  polled();
  pass(999);
  assert.equal(asked.length, 1);
  pass(1);
  assert.equal(asked.length, 2);
  pass(1000); // held for long enough
  polled();
  assert.equal(asked.length, 3);
  polled({ messages: ['one'], first: 1 });
  assert.equal(asked.length, 3); // nothing new in it
});

test('a poll that brings something is followed by the next at once', () => {
  line.value = () => streams.received++;
  longpoll(line);
  polled({ messages: ['one'], first: 1 });
  assert.equal(last().url, 'poll 1 2');
  assert.equal(streams.acknowledged, 1);
});

test('there is one row of held polls, whenever somebody looks', () => {
  hold = 25;
  const link = longpoll(line);
  polled(); // empty at once: a pause
  hold = 2;
  link.check();
  pass(5000);
  assert.equal(asked.filter(({ open }) => open).length, 1);
  link.check();
  assert.equal(asked.length, 2);
});

test('a poll that is held for longer than is wanted now is given up for one that is not', () => {
  hold = 25;
  const link = longpoll(line);
  hold = 2;
  link.check();
  assert.deepEqual([asked[0].open, last().url], [false, 'poll 0 0']);
});

test('polls that ended are not followed by others', () => {
  const link = longpoll(line);
  const ends = { ...last() };
  link.close();
  ends.answer({ status: 200, body: { messages: [], received: 0 } });
  pass(60000);
  assert.deepEqual([asked.length, losses()], [1, []]);
});

test('an answer to a poll that is none ends the connection, and nothing of it is taken', () => {
  const bodies = [
    undefined,
    null,
    5,
    'text',
    {},
    { messages: null },
    { messages: 'one' },
    { messages: { length: 1, 0: 'one' }, first: 1 },
    { messages: ['one'] },
    { messages: ['one'], first: 0 },
    { messages: ['one'], first: '1' },
    { messages: ['one'], first: 1.5 },
    { messages: ['one'], first: null },
  ];
  for (const body of bodies) {
    told = [];
    assert.equal(takePoll(line, { status: 200, body }), false);
    assert.deepEqual(told, ['lost garbled'], JSON.stringify(body));
  }
  told = [];
  takePoll(line, { status: 502 });
  takePoll(line, { status: 410, body: { code: 'session_gone' } });
  takePoll(line, { status: 404, body: { code: 7 } });
  assert.deepEqual(told, ['lost http_502', 'lost session_gone', 'lost http_404']);
});

for (const [interval, ms] of [
  [undefined, 2000],
  [null, 2000],
  ['soon', 2000],
  [NaN, 2000],
  [5, 5000],
  [1e10, 60000],
  [-1, 50],
  [0, 50],
]) {
  test(`after a server's advice of ${interval} the next short poll comes in ${ms} ms`, () => {
    shortpoll(line);
    polled({ interval });
    pass(ms - 1);
    assert.equal(asked.length, 1);
    pass(1);
    assert.equal(asked.length, 2);
  });
}

test('a short poll that carried something is followed by another one soon, and what waits goes at once', () => {
  const link = shortpoll(line);
  push('1');
  link.flush(); // one is under way
  assert.equal(asked.length, 1);
  polled();
  assert.deepEqual([asked.length, last().body.messages], [2, [1]]);
  took(); // without the list of messages it is no answer
  assert.deepEqual(losses(), ['lost garbled']);
  told = [];
  const next = shortpoll(line);
  push('2');
  polled({ received: 1, messages: ['down'], first: 1 });
  polled({ received: 2 });
  pass(199);
  assert.equal(asked.length, 4);
  pass(1);
  assert.equal(asked.length, 5);
  next.close();
});

test('what a short poll could not hand over is not sent in a loop', () => {
  push('1');
  const link = shortpoll(line);
  polled({ received: 0 });
  pass(1999);
  assert.equal(asked.length, 1);
  pass(1);
  assert.equal(asked.length, 2);
  link.close();
});

/** A WebSocket on which the session stands. */
function attached(received = 0) {
  line.proven = false;
  const link = websocket(line);
  sockets[0].says({ op: 'welcome', session: 's', received, after: 0 });
  sockets[0].sent.length = 0;
  return link;
}

test('a WebSocket on which no pong comes is taken for dead', () => {
  attached();
  pass(1500);
  assert.deepEqual([sockets[0].sent, losses()], [['{"op":"ping"}'], []]);
  pass(1125);
  assert.deepEqual(losses(), []);
  pass(750);
  assert.deepEqual(losses().slice(0, 1), ['lost silent']);
});

test('a WebSocket on which something comes down but no pong is given more time, not all of it', () => {
  attached();
  push('1'); // waits to be confirmed
  const alive = (ms) => {
    for (let at = 0; at < ms; at += 500) {
      sockets[0].says({ op: 'value' });
      pass(500);
    }
  };
  alive(5000);
  assert.deepEqual([sockets[0].sent, losses()], [['{"op":"ping"}'], []]);
  alive(2500);
  assert.deepEqual(losses().slice(0, 1), ['lost silent']);
});

test('a WebSocket that answers is asked now and then, and kept', () => {
  attached();
  for (let i = 0; i < 10; i++) {
    pass(1500);
    sockets[0].says({ op: 'pong' });
  }
  assert.equal(sockets[0].sent.length, 10);
  assert.deepEqual(losses(), []);
});

test('over a WebSocket each message goes once, and only what the server does not have', () => {
  line.proven = false;
  push('1', '2');
  const link = websocket(line);
  link.flush();
  assert.deepEqual(sockets[0].sent, []);
  sockets[0].says({ op: 'welcome', session: 's', received: 1, after: 0 });
  link.flush();
  push('3');
  link.flush();
  link.flush();
  assert.deepEqual(
    sockets[0].sent.filter((text) => !/ping/.test(text)),
    ['2', '3'],
  );
});

test('a WebSocket over which the session was opened says at once how far it received', () => {
  const socket = new FakeSocket();
  socket.readyState = 1;
  websocket(line, socket);
  assert.deepEqual(socket.sent, ['{"op":"ack","received":0}']);
});

test('a WebSocket that was tried is attached to the session', () => {
  line.proven = false;
  const socket = new FakeSocket();
  socket.readyState = 1;
  websocket(line, socket);
  assert.deepEqual(JSON.parse(socket.sent[0]), { op: 'attach', session: 's', after: 0, turn: 1 });
});

test('pings are answered, unless they are sent by someone who does not read', () => {
  attached();
  sockets[0].says({ op: 'ping' });
  assert.deepEqual(sockets[0].sent, ['{"op":"pong"}']);
  sockets[0].bufferedAmount = 1 << 20;
  for (let i = 0; i < 1000; i++) sockets[0].says({ op: 'ping' });
  assert.equal(sockets[0].sent.length, 1);
});

test('text on a WebSocket that is no JSON ends it', () => {
  attached();
  sockets[0].says('<html>');
  assert.deepEqual(losses(), ['lost garbled']);
});

test('a WebSocket that was left does nothing any more', () => {
  const link = attached();
  link.close();
  const { onmessage, onclose } = sockets[0];
  push('1');
  link.flush();
  link.check();
  pass(60000);
  assert.deepEqual([onmessage, onclose, sockets[0].sent, losses()], [null, null, [], []]);
});

test('a WebSocket that may not even be made does not work', () => {
  const done = [];
  class Forbidden {
    constructor() {
      throw new Error('forbidden');
    }
  }
  probeWebSocket(Forbidden, 'http://h', 1000, (socket) => done.push(socket));
  pass(5000);
  assert.deepEqual(done, [undefined]);
});

/** A stream that the test writes. */
function stream() {
  const made = { stopped: false };
  made.link = streaming('sse', (url, piece, end) => {
    Object.assign(made, { url, piece, end });
    return () => (made.stopped = true);
  })(line);
  return made;
}

test('a stream on which nothing comes is left, and one on which something comes is not', () => {
  const { piece, url } = stream();
  assert.equal(url, 'events 0 2');
  for (let i = 0; i < 5; i++) {
    pass(3400);
    piece(': ping\n\n');
  }
  assert.deepEqual(losses(), []);
  pass(3500);
  assert.deepEqual(losses(), ['lost silent']);
});

test('a stream whose pings come too rarely for one who looks is made anew', () => {
  hold = 25;
  const { link } = stream();
  link.check();
  assert.deepEqual(losses(), []);
  hold = 2;
  link.check();
  assert.deepEqual(losses(), ['lost rotate']);
});

test('a stream tells how it ended', () => {
  const { end } = stream();
  end({ status: 200 });
  end({ status: 200, body: {} });
  end({ status: 0 });
  end({ status: 410, body: { code: 'session_gone' } });
  assert.deepEqual(losses(), ['lost ended', 'lost rotate', 'lost unreachable', 'lost session_gone']);
});

test('a stream that was left is given up and not heard of again', () => {
  const made = stream();
  made.link.close();
  pass(60000);
  assert.deepEqual([made.stopped, losses()], [true, []]);
});

test('a line that never ends is not kept', () => {
  const values = [];
  const split = valuesOf((value) => values.push(value));
  const piece = 'x'.repeat(1 << 20);
  for (let i = 0; i < 32; i++) split(piece);
  assert.deepEqual(values, []);
  split(piece);
  assert.deepEqual(values, [undefined]);
});

test('what comes on a stream and is no value ends it', () => {
  stream().piece('data: <html>\n\n');
  assert.deepEqual(losses(), ['lost garbled']);
});

/** Tells what an acknowledger says, and receives as many messages of a size. */
function acknowledging() {
  const said = [];
  const acks = acknowledger(streams, () => {
    said.push(streams.received);
    streams.acknowledged = streams.received;
  });
  const receive = (count, size) => {
    while (count--) {
      streams.received++;
      acks.received(size, 100000);
    }
  };
  return { said, acks, receive };
}

test('the server is told of every 64th message', () => {
  const { said, receive } = acknowledging();
  receive(63, 10);
  assert.deepEqual(said, []);
  receive(65, 10);
  assert.deepEqual(said, [64, 128]);
});

test('the server is told 5 s after the first message of which it was not told', () => {
  const { said, receive } = acknowledging();
  receive(1, 10);
  pass(4000);
  receive(1, 10);
  pass(999);
  assert.deepEqual(said, []);
  pass(1);
  assert.deepEqual(said, [2]);
  pass(20000);
  receive(1, 10);
  pass(4999);
  assert.deepEqual(said, [2]);
  pass(1);
  assert.deepEqual(said, [2, 3]);
});

test('the server is told when a quarter of what it buffers for us came down', () => {
  const { said, receive } = acknowledging();
  receive(2, 12500);
  assert.deepEqual(said, []);
  receive(1, 1);
  assert.deepEqual(said, [3]);
  receive(1, 20000);
  assert.deepEqual(said, [3]);
});

test('the server is told nothing by a connection that ended', () => {
  const { said, acks, receive } = acknowledging();
  receive(1, 10);
  acks.stop();
  pass(20000);
  assert.deepEqual(said, []);
});
