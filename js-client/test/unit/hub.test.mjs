/** The layers of channels, procedures and commands above a session that is lost and begins when the test says so. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Commands } from '../../target/es5/hub/commands.js';
import { Procedures } from '../../target/es5/hub/procedures.js';
import { Subscriptions } from '../../target/es5/hub/subscriptions.js';
import { until } from '../support/wait.mjs';

let session;
let commands;
let subscriptions;
let procedures;
let told;

/** A session that keeps what it is offered. */
class FakeSession {
  state = 'connecting';
  offered = [];
  full = false;

  offer(text, again) {
    if (this.full && !again) throw Object.assign(new Error('full'), { code: 'overflow' });
    this.offered.push(JSON.parse(text));
  }

  /** What was offered since the last look. */
  look() {
    return this.offered.splice(0);
  }
}

const listener = {
  deliver: (message) => told.push(['message', message.data]),
  tell: (event, detail) => told.push([event, detail]),
};

function begin(subscribed, gone = 0) {
  commands.begun(gone, () => {
    subscriptions.begun(subscribed);
    procedures.begun();
  });
}

function lose() {
  commands.lost();
  subscriptions.lost();
  procedures.lost();
}

/** Subscribes and lets the server answer. */
function subscribed(channel, options, answer) {
  subscriptions.subscribe(channel, options, listener, () => undefined);
  const [command] = session.look();
  commands.reply({ id: command.id, data: answer });
  told.length = 0;
}

/** A function that remembers how it was called. */
function outcome() {
  const calls = [];
  const done = (error, data) => calls.push(error ? error.code : (data ?? 'done'));
  return Object.assign(done, { calls });
}

beforeEach(() => {
  told = [];
  listener.position = undefined;
  session = new FakeSession();
  commands = new Commands(session, 1000);
  subscriptions = new Subscriptions(commands);
  procedures = new Procedures(commands, (error) => told.push(['error', error.code]));
});

test('commands wait for the session and then go in their order, subscriptions first', () => {
  commands.send('publish', { channel: 'a', data: 1 }, 'repeat', () => undefined);
  commands.send('history', { channel: 'a' }, 'repeat', () => undefined);
  subscriptions.subscribe(
    'a',
    { since: { epoch: 'e', offset: 1 }, presence: true },
    listener,
    () => undefined,
  );
  assert.deepEqual(session.look(), []);
  begin();
  assert.deepEqual(
    session.look().map(({ op }) => op),
    ['subscribe', 'publish', 'history'],
  );
});

test('who comes and goes is told, and how things stand where the server cannot say that', () => {
  begin();
  subscribed('a', { presence: true }, { epoch: 'e', offset: 0 });
  subscriptions.presence({ channel: 'a', joined: [{ member: '1' }], left: [], count: 2, users: 1 });
  subscriptions.presence({ channel: 'a', reset: true, members: [{ member: '2' }], count: 1, users: 1 });
  subscriptions.presence({ channel: 'b', members: [], count: 0, users: 0 });
  const change = { channel: 'a', joined: [], left: [], members: undefined, users: 1 };
  assert.deepEqual(told, [
    ['presence', { ...change, joined: [{ member: '1' }], count: 2 }],
    ['presence', { ...change, members: [{ member: '2' }], count: 1 }],
  ]);
});

test('what waits for the session is bounded', () => {
  const done = outcome();
  commands.send('publish', { data: 'x'.repeat(600) }, 'repeat', done);
  commands.send('publish', { data: 'x'.repeat(600) }, 'repeat', done);
  assert.deepEqual(done.calls, ['overflow']);
});

test('a command that the outbox has no room for is refused, but not one that was accepted before', () => {
  const done = outcome();
  begin();
  commands.send('publish', { data: 1 }, 'repeat', done);
  session.full = true;
  commands.send('publish', { data: 2 }, 'repeat', done);
  assert.deepEqual(done.calls, ['overflow']);
  session.look();
  lose();
  begin();
  assert.deepEqual(
    session.look().map(({ data }) => data),
    [1],
  );
});

test('when the session is lost each kind of command is settled in its way', () => {
  begin();
  const outcomes = { repeat: outcome(), interrupt: outcome(), done: outcome(), forget: outcome() };
  for (const [onLoss, done] of Object.entries(outcomes)) commands.send(onLoss, {}, onLoss, done);
  session.look();
  lose();
  begin();
  assert.deepEqual(
    session.look().map(({ op }) => op),
    ['repeat'],
  );
  const calls = Object.fromEntries(Object.entries(outcomes).map(([name, done]) => [name, done.calls]));
  assert.deepEqual(calls, { repeat: [], interrupt: ['interrupted'], done: ['done'], forget: [] });
});

test('a call that waited for the session is not interrupted by it', () => {
  const done = outcome();
  begin();
  lose();
  commands.send('call', {}, 'interrupt', done);
  lose();
  begin();
  assert.deepEqual(done.calls, []);
  assert.equal(session.look().length, 1);
});

test('what waits goes along with the opening, up to the first that may not be repeated', () => {
  const done = outcome();
  commands.send('publish', { data: 1 }, 'repeat', done);
  commands.send('history', {}, 'repeat', done);
  commands.send('call', {}, 'interrupt', done);
  commands.send('publish', { data: 2 }, 'repeat', done);
  const along = commands.opening().map((text) => JSON.parse(text));
  assert.deepEqual(
    along.map(({ op }) => op),
    ['publish', 'history'],
  );
  begin({}, 2);
  assert.deepEqual(
    session.look().map(({ op }) => op),
    ['call', 'publish'],
  );
  along.forEach(({ id }) => commands.reply({ id, data: id }));
  assert.deepEqual(done.calls, [1, 2]);
  lose();
  begin();
  assert.deepEqual(
    session.look().map(({ data }) => data),
    [2],
  );
});

test('no more goes along with the opening than one request should carry', () => {
  commands = new Commands(session, 1 << 20);
  for (let i = 0; i < 5; i++)
    commands.send('publish', { data: 'x'.repeat(10000) }, 'repeat', () => undefined);
  assert.equal(commands.opening().length, 3);
});

test('a call ends when its time is over, sent or not, and is not sent afterwards', async () => {
  const [unsent, sent, answered] = [outcome(), outcome(), outcome()];
  commands.send('call', { n: 1 }, 'interrupt', unsent, 10);
  await until('it is given up', () => unsent.calls.length === 1);
  begin();
  assert.deepEqual(session.look(), []);
  commands.send('call', { n: 2 }, 'interrupt', sent, 10);
  commands.send('call', { n: 3 }, 'interrupt', answered, 50);
  const [late, soon] = session.look();
  commands.reply({ id: soon.id, data: 'answer' });
  await until('it is given up', () => sent.calls.length === 1);
  commands.reply({ id: late.id, data: 'too late' });
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual([unsent.calls, sent.calls, answered.calls], [['timeout'], ['timeout'], ['answer']]);
});

test('a late answer to a command that was settled is ignored', () => {
  const done = outcome();
  begin();
  commands.send('call', {}, 'interrupt', done);
  const [{ id }] = session.look();
  lose();
  commands.reply({ id, data: 1 });
  assert.deepEqual(done.calls, ['interrupted']);
});

test('while opening, a channel is asked for with the session, and its welcome is the answer', () => {
  const done = outcome();
  subscriptions.subscribe('a', { last: 3 }, listener, done);
  assert.deepEqual(subscriptions.opening(), [
    { channel: 'a', since: undefined, last: 3, presence: undefined, token: undefined },
  ]);
  begin({ a: { epoch: 'e', offset: 7 } });
  assert.deepEqual(session.look(), []);
  assert.deepEqual(done.calls, [{ epoch: 'e', offset: 7 }]);
});

test('a channel that was refused with the opening is the error of its own subscription', () => {
  const done = outcome();
  subscriptions.subscribe('a', {}, listener, done);
  subscriptions.opening();
  begin({ a: { error: { code: 'forbidden' } } });
  assert.deepEqual(done.calls, ['forbidden']);
});

test('one who unsubscribed while the session opened listens to nothing', () => {
  const [wanted, unwanted] = [outcome(), outcome()];
  subscriptions.subscribe('a', {}, listener, wanted);
  subscriptions.opening();
  subscriptions.unsubscribe('a', unwanted);
  begin({ a: { epoch: 'e', offset: 0 } });
  assert.deepEqual(
    session.look().map(({ op, channel }) => [op, channel]),
    [['unsubscribe', 'a']],
  );
  assert.deepEqual([wanted.calls, unwanted.calls], [['unsubscribed'], ['done']]);
});

test('a new session goes on where the messages of the last one ended', () => {
  begin();
  subscribed('a', {}, { epoch: 'e', offset: 4 });
  subscriptions.message({ channel: 'a', offset: 5, data: 'five' });
  lose();
  assert.deepEqual(subscriptions.opening()[0].since, { epoch: 'e', offset: 5 });
  begin({ a: { epoch: 'e', offset: 6, recovered: true } });
  assert.deepEqual(session.look(), []);
  subscriptions.message({ channel: 'a', offset: 6, data: 'six' });
  assert.deepEqual(
    told.filter(([event]) => event !== 'subscribed'),
    [
      ['message', 'five'],
      ['message', 'six'],
    ],
  );
});

test('a channel that the opening could not take along is subscribed to where its messages ended', () => {
  begin();
  subscribed('a', { presence: true }, { epoch: 'e', offset: 4 });
  lose();
  begin();
  const [{ op, since, presence }] = session.look();
  assert.deepEqual([op, since, presence], ['subscribe', { epoch: 'e', offset: 4 }, true]);
});

test('in a rebuilt session that still listens, one who is present does not leave', () => {
  begin();
  subscribed('a', { presence: true }, { epoch: 'e', offset: 4 });
  lose();
  begin({ a: { epoch: 'e', offset: 9 } });
  const [{ op, positions }, ...more] = session.look();
  assert.deepEqual([op, positions, more], ['recover', { a: { epoch: 'e', offset: 4 } }, []]);
});

test('in a rebuilt session that still listens, a subscription that never stood is begun anew', () => {
  begin();
  subscriptions.subscribe('a', { last: 3 }, listener, () => undefined);
  session.look();
  lose();
  begin({ a: { epoch: 'e', offset: 9 } });
  assert.deepEqual(
    session.look().map(({ op }) => op),
    ['unsubscribe', 'subscribe'],
  );
});

test('a channel that cannot be recovered now is left and subscribed to anew', () => {
  begin();
  subscribed('a', {}, { epoch: 'e', offset: 4 });
  lose();
  begin({ a: { epoch: 'e', offset: 9 } });
  const [{ id }] = session.look();
  commands.reply({ id, data: { channels: { a: { error: { code: 'unavailable' } } } } });
  assert.deepEqual(
    session.look().map(({ op, since }) => [op, since && since.offset]),
    [
      ['unsubscribe', undefined],
      ['subscribe', 4],
    ],
  );
});

test('what a rebuilt session delivers before it is recovered is neither lost nor repeated', () => {
  begin();
  subscribed('a', {}, { epoch: 'e', offset: 4 });
  const published = outcome();
  const called = outcome();
  commands.send('publish', { channel: 'a', data: 1, key: 'k' }, 'repeat', published);
  commands.send('call', { procedure: 'p' }, 'interrupt', called);
  procedures.register(
    'mine',
    () => 1,
    () => undefined,
  );
  session.look();
  lose();
  begin({ a: { epoch: 'e', offset: 9 } });
  const offered = session.look();
  assert.deepEqual(
    offered.map(({ op }) => op),
    ['recover', 'register', 'publish'],
  );
  assert.equal(offered[2].key, 'k');
  assert.deepEqual(called.calls, ['interrupted']);
  // The rebuilt session begins at the live top, above what this client has not seen yet.
  subscriptions.message({ channel: 'a', offset: 10, data: 'ten' });
  subscriptions.gap({ channel: 'a', epoch: 'e', offset: 12 });
  assert.deepEqual(told, []);
  commands.reply({
    id: offered[0].id,
    data: { channels: { a: { epoch: 'e', offset: 10, recovered: true } } },
  });
  for (let offset = 5; offset <= 10; offset++) subscriptions.message({ channel: 'a', offset, data: offset });
  assert.deepEqual(
    told.filter(([event]) => event === 'message').map(([, data]) => data),
    [5, 6, 7, 8, 9, 10],
  );
  assert.ok(!told.some(([event]) => event === 'gap'));
});

test('a channel of which nothing came yet asks for its last messages again', () => {
  begin();
  subscribed('a', { last: 5 }, { epoch: 'e', offset: 4 });
  lose();
  begin();
  const [{ op, since, last }] = session.look();
  assert.deepEqual([op, since, last], ['subscribe', undefined, 5]);
});

test('a history that no longer reaches back is reported once, whoever says it', () => {
  begin();
  subscribed('a', {}, { epoch: 'e', offset: 4 });
  lose();
  begin();
  const [{ id }] = session.look();
  commands.reply({ id, data: { epoch: 'f', offset: 2, recovered: false } });
  subscriptions.gap({ channel: 'a', epoch: 'f', offset: 2 });
  assert.deepEqual(
    told.filter(([event]) => event === 'gap'),
    [['gap', { channel: 'a', epoch: 'f', offset: 2 }]],
  );
  subscriptions.message({ channel: 'a', offset: 3, data: 'next' });
  assert.deepEqual(told.at(-1), ['message', 'next']);
  assert.deepEqual(listener.position, { epoch: 'f', offset: 3 });
});

test('a channel that cannot be recovered for lack of permission is lost with its reason', () => {
  begin();
  subscribed('a', {}, { epoch: 'e', offset: 4 });
  lose();
  begin({ a: { epoch: 'e', offset: 9 } });
  const [{ id }] = session.look();
  commands.reply({ id, data: { channels: { a: { error: { code: 'forbidden', message: 'no more' } } } } });
  assert.deepEqual([told[0][0], told[0][1].code], ['unsubscribed', 'forbidden']);
  subscriptions.message({ channel: 'a', offset: 5, data: 'late' });
  assert.equal(told.length, 1);
});

test('a repeated message is not delivered twice', () => {
  begin();
  subscribed('a', {}, { epoch: 'e', offset: 4 });
  subscriptions.message({ channel: 'a', offset: 5, data: 'five' });
  subscriptions.message({ channel: 'a', offset: 5, data: 'five' });
  assert.deepEqual(told, [['message', 'five']]);
});

test('messages of an ended subscription do not reach the next one', () => {
  begin();
  subscribed('a', {}, { epoch: 'e', offset: 4 });
  subscriptions.unsubscribe('a', () => undefined);
  subscriptions.subscribe('a', {}, listener, () => undefined);
  subscriptions.message({ channel: 'a', offset: 5, data: 'five' });
  assert.deepEqual(told, []);
});

test('procedures are offered again in a new session', () => {
  const done = outcome();
  begin();
  procedures.register('p', () => 1, done);
  lose();
  begin();
  const registers = session.look().filter(({ op }) => op === 'register');
  assert.equal(registers.length, 2);
  commands.reply({ id: registers[1].id, data: {} });
  assert.equal(done.calls.length, 1);
});

test('a result is not sent into another session than the call came from', async () => {
  begin();
  let finish;
  procedures.register(
    'p',
    () => new Promise((resolve) => (finish = resolve)),
    () => undefined,
  );
  procedures.invoke({ invocation: 'i', procedure: 'p', data: null });
  lose();
  begin();
  session.look();
  finish(1);
  await Promise.resolve();
  assert.deepEqual(session.look(), []);
});

test('an invocation of what is no longer offered says so', () => {
  begin();
  procedures.invoke({ invocation: 'i', procedure: 'p', data: null });
  const [{ op, invocation, error }] = session.look();
  assert.deepEqual([op, invocation, error.code], ['result', 'i', 'no_callee']);
});

test('what the server cannot do now is sent again in its order, and what follows waits for it', async () => {
  const done = outcome();
  begin();
  commands.send('publish', { data: 1 }, 'repeat', done);
  commands.send('publish', { data: 2 }, 'repeat', done);
  const [one, two] = session.look();
  commands.reply({ id: two.id, error: { code: 'unavailable' } });
  commands.reply({ id: one.id, error: { code: 'unavailable' } });
  commands.send('publish', { data: 3 }, 'repeat', done);
  commands.send('call', {}, 'interrupt', done);
  assert.deepEqual(
    session.look().map(({ op }) => op),
    ['call'],
  );
  assert.deepEqual(done.calls, []);
  await until('they were sent again', () => session.offered.length === 3);
  const again = session.look();
  assert.deepEqual(
    again.map(({ data }) => data),
    [1, 2, 3],
  );
  again.forEach(({ id, data }) => commands.reply({ id, data }));
  assert.deepEqual(done.calls, [1, 2, 3]);
});

test('a subscription that cannot be had now is not given up, and not asked for twice in a new session', async () => {
  const done = outcome();
  begin();
  subscriptions.subscribe('a', {}, listener, done);
  const [first] = session.look();
  commands.reply({ id: first.id, error: { code: 'unavailable' } });
  await until('it was asked for again', () => session.offered.length === 1);
  const [second] = session.look();
  commands.reply({ id: second.id, error: { code: 'unavailable' } });
  lose();
  begin();
  const [third, ...more] = session.look();
  assert.deepEqual(more, []);
  commands.reply({ id: third.id, data: { epoch: 'e', offset: 0 } });
  assert.deepEqual(done.calls, [{ epoch: 'e', offset: 0 }]);
});

test('a call that cannot be had now ends with that error', () => {
  const done = outcome();
  begin();
  commands.send('call', {}, 'interrupt', done);
  const [call] = session.look();
  commands.reply({ id: call.id, error: { code: 'unavailable' } });
  assert.deepEqual(done.calls, ['unavailable']);
});

for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
  test(`a channel and a procedure may be called ${name}`, () => {
    const done = outcome();
    subscriptions.subscribe(name, {}, listener, done);
    assert.equal(subscriptions.opening()[0].channel, name);
    begin(JSON.parse(`{"${name}":{"epoch":"e","offset":4}}`));
    assert.deepEqual(done.calls, [{ epoch: 'e', offset: 4 }]);
    subscriptions.message({ channel: name, offset: 5, data: 'five' });
    procedures.register(name, (data) => data + 1, done);
    const [register] = session.look();
    assert.equal(register.procedure, name);
    procedures.invoke({ invocation: 'i', procedure: name, data: 41 });
    assert.equal(session.look()[0].data, 42);
    // In a rebuilt session too, whichever way it is taken up again.
    lose();
    begin(JSON.parse(`{"${name}":{"epoch":"e","offset":9}}`));
    const again = JSON.stringify(session.look());
    assert.ok(again.includes(`"${name}"`) && again.includes('"offset":5'), again);
    subscriptions.unsubscribe(name, () => undefined);
    assert.deepEqual(
      told.filter(([event]) => event === 'message'),
      [['message', 'five']],
    );
  });
}

test('a channel that the session was not asked for is not taken for one that it has', () => {
  subscriptions.subscribe('constructor', {}, listener, () => undefined);
  subscriptions.opening();
  begin({});
  assert.deepEqual(
    session.look().map(({ op }) => op),
    ['subscribe'],
  );
});

test('what an opening asked for first is not the answer to what was asked for later', () => {
  subscriptions.subscribe('c', {}, listener, () => undefined);
  subscriptions.opening(); // its answer is lost
  subscriptions.unsubscribe('c', () => undefined);
  subscriptions.subscribe('c', { last: 10, presence: true }, listener, () => undefined);
  subscriptions.opening(); // asked for again, it is answered as at first
  begin({ c: { epoch: 'e', offset: 20, recovered: true } });
  assert.deepEqual(
    session.look().map(({ op, last, presence }) => [op, last, presence]),
    [
      ['unsubscribe', undefined, undefined],
      ['subscribe', 10, true],
    ],
  );
});

test('the answer to a recovery is not the answer to a subscription that was begun meanwhile', () => {
  begin();
  subscribed('c', {}, { epoch: 'e', offset: 5 });
  lose();
  begin({ c: { epoch: 'e', offset: 9 } });
  const [recover] = session.look();
  subscriptions.unsubscribe('c', () => undefined);
  const done = outcome();
  subscriptions.subscribe('c', { last: 1 }, listener, done);
  commands.reply({
    id: recover.id,
    data: { channels: { c: { epoch: 'e', offset: 9, recovered: true } } },
  });
  subscriptions.message({ op: 'message', channel: 'c', offset: 6, data: 'old' });
  assert.deepEqual([done.calls, told], [[], []]);
});

test('what waited for a session that came leaves room for what waits for the next', () => {
  const done = outcome();
  for (let round = 0; round < 5; round++) {
    commands.send('publish', { data: 'x'.repeat(600) }, 'repeat', done);
    begin();
    session.look().forEach(({ id }) => commands.reply({ id, data: round }));
    lose();
  }
  assert.deepEqual(done.calls, [0, 1, 2, 3, 4]);
});

test('after the end everything settles with its reason, at once or when it is asked for', () => {
  for (const live of [false, true]) {
    session = new FakeSession();
    commands = new Commands(session, 1000);
    subscriptions = new Subscriptions(commands);
    procedures = new Procedures(commands, () => undefined);
    if (live) begin();
    const closed = Object.assign(new Error('closed'), { code: 'closed' });
    const done = outcome();
    const ask = () => {
      subscriptions.subscribe('a', {}, listener, done);
      procedures.register('p', () => 1, done);
      commands.send('publish', {}, 'repeat', done);
    };
    ask();
    session.state = 'closed';
    session.full = true;
    subscriptions.end(closed);
    procedures.end(closed);
    commands.end(closed);
    assert.deepEqual(done.calls, ['closed', 'closed', 'closed']);
    ask();
    assert.deepEqual(done.calls.length, 6);
    const gone = outcome();
    subscriptions.unsubscribe('a', gone);
    procedures.unregister('p', gone);
    assert.deepEqual(gone.calls, ['done', 'done']);
  }
});

test('a registration that is taken back before it stands is settled', () => {
  const done = outcome();
  procedures.register('p', () => 1, done);
  procedures.unregister('p', done);
  assert.deepEqual(done.calls, ['unsubscribed', 'done']);
  begin();
  assert.deepEqual(session.look(), []);
});

test('a result that cannot be told as JSON is an error to the caller', () => {
  begin();
  const circle = {};
  circle.circle = circle;
  procedures.register(
    'p',
    () => circle,
    () => undefined,
  );
  session.look();
  procedures.invoke({ invocation: 'i', procedure: 'p', data: null });
  const [{ op, invocation, error }] = session.look();
  assert.deepEqual([op, invocation, error.code], ['result', 'i', 'failed']);
});

test('what a handler throws is the error of the caller, with its code', async () => {
  begin();
  const faults = {
    thrown() {
      throw Object.assign(new Error('mine'), { code: 'mine' });
    },
    rejected: () => Promise.reject(new Error('no')),
    nothing: () => Promise.reject(),
  };
  for (const [name, handler] of Object.entries(faults)) procedures.register(name, handler, () => undefined);
  session.look();
  for (const name in faults) procedures.invoke({ invocation: name, procedure: name, data: null });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    session.look().map(({ invocation, error }) => [invocation, error.code]),
    [
      ['thrown', 'mine'],
      ['rejected', 'failed'],
      ['nothing', 'failed'],
    ],
  );
});
