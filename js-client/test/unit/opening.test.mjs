/** How a session is opened, where requests get lost or only a WebSocket comes through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { events, link, opened, openings, pass, session, sockets, start, WELCOME } from '../support/stage.mjs';

const NEW = { ...WELCOME, resumed: false };
const refused = (status, code) => openings.at(-1).done({ status, body: code && { code } });

test('an opening over a WebSocket that swallows it is given up after a while', () => {
  sockets[0].says({ op: 'pong' });
  pass(2501);
  assert.deepEqual([openings.length, sockets[0].sent[0].op], [1, 'open']);
  pass(2500);
  openings.forEach(({ done }) => done({ status: 0, late: true }));
  assert.equal(openings.length, 2);
  pass(5000);
  assert.deepEqual([session.state, sockets[0].readyState], ['offline', 3]);
  pass(20000);
  assert.ok(openings.length > 2);
  opened();
  assert.equal(session.state, 'online');
});

test('a WebSocket over which the session was asked for and not opened is hung up', () => {
  sockets[0].says({ op: 'pong' });
  pass(2501);
  assert.equal(sockets[0].sent.length, 1);
  opened();
  assert.deepEqual([session.transport, sockets[0].readyState], ['longpoll', 3]);
});

test('a WebSocket that answers an opening with anything else is hung up', () => {
  for (const answer of [{ op: 'bye', code: 'forbidden', reconnect: false }, { op: 'value' }, null]) {
    start();
    refused(502);
    sockets[0].says({ op: 'pong' });
    pass(1000);
    sockets[0].says(answer);
    assert.equal(sockets[0].readyState, 3);
    assert.equal(session.state, answer?.op === 'bye' ? 'closed' : 'connecting');
  }
});

test('an opening that is found malformed is asked for again without what went along', () => {
  const baggage = { subscribe: [{ channel: 'a' }], messages: ['{"op":"publish","id":1}'] };
  const begun = [];
  start(['longpoll'], {
    listener: { opening: () => baggage, begun: (_, messages) => begun.push(messages) },
  });
  assert.deepEqual([openings[0].body.subscribe.length, openings[0].body.messages.length], [1, 1]);
  refused(400, 'malformed');
  assert.equal(openings.length, 2);
  const { subscribe, messages, key, again } = openings[1].body;
  assert.deepEqual([subscribe, messages, again], [undefined, undefined, undefined]);
  assert.equal(key, openings[0].body.key);
  opened();
  assert.deepEqual([begun, session.state], [[0], 'online']);
});

test('an opening that is malformed even so is the end', () => {
  start(['longpoll'], { listener: { opening: () => ({ subscribe: [{}], messages: [] }) } });
  refused(400, 'malformed');
  refused(400, 'malformed');
  pass(60000);
  assert.deepEqual([openings.length, events.at(-1)], [2, 'ended malformed']);
});

test('of the messages that went along only those count that the server has', () => {
  const begun = [];
  start(['longpoll'], {
    listener: {
      opening: () => ({ subscribe: [], messages: ['1', '2', '3'] }),
      begun: (_, messages) => begun.push(messages),
    },
  });
  opened({ received: 2 });
  assert.deepEqual(begun, [2]);
});

test('an opening that is given up gives up all its requests, and their answers say nothing', () => {
  pass(2501);
  pass(2501);
  assert.equal(openings.length, 3);
  events.length = 0;
  session.leave();
  assert.equal(events.filter((event) => event === 'given up').length, 3);
  openings.forEach(({ done }) => done({ status: 201, body: NEW }));
  pass(60000);
  assert.deepEqual([openings.length, session.state, session.welcome], [3, 'closed', undefined]);
});

test('no more than three requests for an opening are under way, and the last to fail is the answer', () => {
  start(['longpoll']);
  pass(60000);
  assert.equal(openings.length, 3);
  openings[1].done({ status: 0 });
  openings[0].done({ status: 502 });
  assert.ok(!events.includes('reconnecting'));
  openings[2].done({ status: 503 });
  assert.ok(events.includes('reconnecting'));
});

test('after an opening that failed the next one carries the same key, and after a session another', () => {
  start(['longpoll']);
  refused(502);
  pass(1000);
  const keys = () => openings.map(({ body }) => body.key);
  assert.equal(keys()[0], keys()[1]);
  assert.equal(openings[1].body.again, true);
  opened();
  link().line.lost({ code: 'session_gone' });
  pass(1000);
  assert.notEqual(keys()[1], keys()[2]);
  assert.equal(openings[2].body.again, undefined);
});

test('an answer of something that is not our server opens no session', () => {
  start(['longpoll']);
  for (const body of [undefined, null, {}, 'text', { op: 'welcome' }, [NEW]]) {
    openings.at(-1).done({ status: 200, body });
    assert.equal(session.welcome, undefined);
    pass(20000);
  }
  assert.equal(openings.length, 7);
});

test('without a token that a function was to give nothing is asked for', async () => {
  const faults = [
    () => Promise.reject(),
    () => Promise.reject(new Error('no')),
    () => {
      throw new Error('no');
    },
  ];
  for (const token of faults) {
    start(['longpoll'], { token });
    await Promise.resolve().then(() => undefined);
    assert.deepEqual([openings.length, events.at(-1)], [0, 'reconnecting']);
  }
});

test('a token that comes late is not used by an opening that was given up', async () => {
  let give;
  start(['longpoll'], { token: () => new Promise((resolve) => (give = resolve)) });
  session.leave();
  give('late');
  await Promise.resolve().then(() => undefined);
  assert.equal(openings.length, 0);
});
