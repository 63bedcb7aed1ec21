/** What a session makes of servers, proxies and clocks that say or do what they should not. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import {
  cut,
  events,
  link,
  links,
  opened,
  openings,
  pass,
  session,
  start,
  WELCOME,
  works,
} from '../support/stage.mjs';

/** A session on polls, of which nothing was told yet. */
function polls(more) {
  start(['longpoll'], more);
  opened();
  events.length = 0;
}

test('what an old connection still says is ignored', () => {
  polls();
  const old = link().line;
  session.offer('"up"');
  cut();
  pass(1000);
  old.confirmed(1);
  assert.equal(session.state, 'connecting');
  works();
  events.length = 0;
  old.value('late', 4, 1);
  old.value({ op: 'bye', code: 'superseded' }, 0);
  old.value({ ...WELCOME, resumed: false, received: 7 }, 0);
  old.confirmed(99);
  old.refused();
  old.lost({ code: 'superseded' });
  assert.deepEqual([events, links.length, session.stats.received], [[], 2, 0]);
});

test('a message before which one is missing is not taken, and the connection is made anew', () => {
  polls();
  link().line.value('one', 3, 1);
  link().line.value('three', 5, 3);
  assert.deepEqual([links[0].closed, session.stats.received], [true, 1]);
  pass(1000);
  link().line.value({ ...WELCOME, after: 3 }, 0);
  link().line.value('four', 4);
  assert.deepEqual(
    events.filter((event) => event.startsWith('message')),
    ['message one'],
  );
});

test('a welcome of another session is the end of this one', () => {
  polls();
  cut();
  pass(1000);
  link().line.value({ ...WELCOME, session: 'other' }, 0);
  assert.ok(events.includes('lost gap'), events.join());
  pass(1000);
  assert.equal(openings.length, 2);
});

test('a welcome of a server that forgot what it confirmed is the end of the session', () => {
  polls();
  session.offer('"one"');
  session.offer('"two"');
  link().line.confirmed(2);
  cut();
  pass(1000);
  link().line.value({ ...WELCOME, received: 1 }, 0);
  assert.ok(events.includes('lost gap'), events.join());
});

test('a server that confirms what was never sent is not believed', () => {
  polls();
  link().line.confirmed(1);
  assert.ok(events.includes('lost gap'), events.join());
});

test('a session that was rebuilt hands back what the server may not have', () => {
  const lost = [];
  const handBack = ({ code }, undelivered) => lost.push(code, ...undelivered.map(({ text }) => text));
  polls({ listener: { lost: handBack } });
  ['"one"', '"two"', '"three"'].forEach((text) => session.offer(text));
  link().line.confirmed(1);
  cut();
  pass(1000);
  link().line.value({ ...WELCOME, resumed: false, received: 40, after: 60 }, 0);
  assert.deepEqual(lost, ['rebuilt', '"two"', '"three"']);
  assert.ok(events.includes('begun [object Object]'));
  // Both counts go on from where the rebuilt session says.
  link().line.value('next', 4);
  link().line.confirmed(40);
  assert.deepEqual([session.state, session.stats.received, links.length], ['online', 1, 2]);
});

test('a message that something on the way finds too large fails for itself, if it is a command', () => {
  const replies = [];
  polls({ listener: { message: (value) => replies.push(value) } });
  session.offer('{"op":"publish","id":7}');
  link().line.refused();
  assert.deepEqual([replies[0].op, replies[0].id, replies[0].error.code], ['reply', 7, 'too_large']);
  assert.equal(session.state, 'online');
  session.offer('"of a conversation"');
  link().line.refused();
  assert.equal(events.at(-1), 'ended too_large');
});

const noValues = [undefined, null, 5, true, [], {}, { op: 5 }, { op: null }];
for (const value of noValues) {
  test(`a value that is ${JSON.stringify(value)} ends a connection, and nobody is told of it`, () => {
    polls();
    link().line.value(value, 1, 1);
    assert.deepEqual([links[0].closed, session.stats.received], [true, 0]);
    pass(1000);
    works();
    assert.equal(session.state, 'online');
    assert.ok(!events.some((event) => /message|lost|ended/.test(event)), events.join());
  });
}

for (const received of [undefined, null, '1', -1, 0.5, Infinity, NaN, {}]) {
  test(`a count that is ${JSON.stringify(received)} confirms nothing and ends a connection`, () => {
    polls();
    session.offer('"up"');
    link().line.confirmed(received);
    pass(1000);
    link().line.value({ op: 'ack', received }, 0);
    pass(1000);
    works();
    assert.deepEqual([session.state, links.length], ['online', 3]);
    assert.ok(!events.some((event) => /lost|ended/.test(event)), events.join());
  });
}

const noWelcomes = [{}, { received: null }, { after: '3' }, { after: -1 }, { session: null }, { session: 5 }];
for (const wrong of noWelcomes) {
  test(`a welcome with ${JSON.stringify(wrong)} is none`, () => {
    const welcome = Object.keys(wrong).length ? { ...WELCOME, ...wrong } : { op: 'welcome' };
    start(['longpoll']);
    openings[0].done({ status: 201, body: welcome });
    assert.ok(!session.welcome && session.state !== 'closed');
    pass(1000);
    opened();
    cut();
    pass(1000);
    link().line.value(welcome, 0);
    assert.notEqual(session.state, 'online');
    pass(1000);
    works();
    assert.equal(session.state, 'online');
  });
}

test('a welcome may leave out, or have wrong, all that can be done without', () => {
  const nulls = { limits: null, subscribed: null, transports: null, messages: null, ping: null };
  const wrong = {
    limits: { message: 'x', batch: -1, buffer: {} },
    transports: 'all',
    messages: 'none',
    ping: 1e9,
  };
  for (const more of [nulls, wrong]) {
    start(['longpoll'], { outboxBytes: 1 << 20 });
    opened(more);
    assert.equal(session.state, 'online');
    session.offer(JSON.stringify('x'.repeat(60000)));
    session.watched(false);
    assert.ok(link().line.quietMs() <= 300000 && link().line.batchBytes() !== 0);
    cut();
    pass(1000);
    link().line.value({ ...WELCOME, ...more }, 0);
    assert.equal(session.state, 'online');
  }
});

for (const bye of [
  {},
  { code: null, reconnect: null, delay: null },
  { code: 7, delay: 'soon', message: 7 },
]) {
  test(`a bye with ${JSON.stringify(bye)} ends a connection, and the session comes back`, () => {
    polls();
    link().line.value({ op: 'bye', ...bye }, 0);
    pass(1000);
    works();
    assert.equal(session.state, 'online');
  });
}

for (const delay of [1e10, Infinity, NaN, -5, '1']) {
  test(`a server that wants us to wait for ${delay} ms is obeyed within reason`, () => {
    polls();
    link().line.value({ op: 'bye', code: 'draining', delay }, 0);
    pass(delay > 0 && typeof delay === 'number' ? 299000 : 200);
    assert.equal(links.length, typeof delay === 'number' && delay > 0 ? 1 : 2);
    pass(2000);
    assert.equal(links.length, 2);
  });
}

test('one answer that slept through the night does not make us patient for hours', () => {
  polls();
  link().line.roundTrip(100);
  link().line.roundTrip(600000);
  assert.equal(link().line.patience(1000), 16000);
});

test('where there is only the clock of the wall, one that is set back neither hides a loss nor makes attempts without a wait', () => {
  polls();
  pass(5000);
  mock.timers.setTime(Date.now() - 3600000);
  cut();
  assert.equal(session.state, 'connecting');
  pass(1000);
  const before = links.length;
  for (let i = 0; i < 20; i++) {
    cut();
    pass(1);
  }
  assert.equal(links.length, before);
  pass(60000);
  assert.ok(links.length > before);
});

test('a large message may be offered before the session says what it takes', () => {
  start(['longpoll'], { outboxBytes: 1 << 20 });
  session.offer(JSON.stringify('x'.repeat(100000)));
  assert.throws(() => session.offer('x'.repeat(1 << 22)), { code: 'too_large' });
});
