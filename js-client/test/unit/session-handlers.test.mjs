/** What an application does to a session while it is being told something. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectFaults } from '../support/faults.mjs';
import {
  cut,
  events,
  link,
  links,
  opened,
  openings,
  pass,
  session,
  sockets,
  start,
  WELCOME,
  works,
} from '../support/stage.mjs';

const open = () => links.filter(({ closed }) => !closed);

test('who closes at a message of the opening is told nothing more', () => {
  const told = [];
  start(['longpoll'], { listener: { message: (value) => told.push(value) && session.leave() } });
  opened({ messages: ['one', 'two', 'three'] });
  assert.deepEqual([told, links.length], [['one'], 0]);
});

test('who closes when the session begins leaves no WebSocket open', () => {
  start(undefined, { listener: { begun: () => session.leave() } });
  openings[0].done({ status: 403 });
  sockets[0].says({ op: 'pong' });
  pass(1);
  sockets[0].says({ ...WELCOME, resumed: false });
  assert.deepEqual([session.state, sockets[0].readyState], ['closed', 3]);
});

test('who closes when a session was rebuilt is not told that it begins', () => {
  start(['longpoll'], { listener: { lost: () => session.leave() } });
  opened();
  events.length = 0;
  link().line.value({ ...WELCOME, resumed: false, received: 9, after: 9 }, 0);
  assert.deepEqual([session.state, events, open()], ['closed', ['state closed'], []]);
});

test('who closes at a reset gets no other session', () => {
  start(['longpoll'], { listener: { lost: () => session.leave() } });
  opened();
  link().line.lost({ code: 'session_gone' });
  pass(60000);
  assert.deepEqual([session.state, openings.length, open()], ['closed', 1, []]);
});

test('a session that is moved when it is told of a loss is not moved again by what was planned', () => {
  let once = true;
  const state = (now) => {
    if (now !== 'connecting' || !once) return;
    once = false;
    session.force('shortpoll');
  };
  start(['longpoll', 'shortpoll'], { listener: { state } });
  opened();
  pass(5000);
  cut();
  assert.equal(link().rung, 'shortpoll');
  works();
  pass(2000);
  session.wake();
  pass(60000);
  assert.deepEqual(
    links.map(({ rung, closed }) => [rung, closed]),
    [
      ['longpoll', true],
      ['shortpoll', false],
    ],
  );
  assert.ok(!events.includes('reconnecting'), events.join());
});

for (const when of ['state', 'transport', 'begun', 'message', 'lost', 'resumed']) {
  test(`a transport that is forced at ${when} is the one that stays, and the only one`, () => {
    start(undefined, { listener: { [when]: () => session.force('shortpoll') } });
    opened({ messages: ['one'] });
    if (when === 'lost') {
      link().line.lost({ code: 'session_gone' });
      pass(1000);
      opened({ session: 'another' });
    } else if (when === 'resumed') {
      cut();
      pass(1000);
    }
    for (let i = 0; i < 2 && when !== 'lost'; i++) works();
    pass(60000);
    assert.deepEqual([session.state, session.transport], ['online', 'shortpoll']);
    assert.deepEqual(
      open().map(({ rung }) => rung),
      ['shortpoll'],
    );
  });
}

test('a fault of whoever takes the messages disturbs nothing, and is not hidden', () => {
  const taken = [];
  const faults = collectFaults();
  const message = (value) => {
    taken.push(value);
    throw new Error(`a fault at ${value}`);
  };
  start(['longpoll'], { listener: { message } });
  opened();
  link().line.value('one', 3, 1);
  link().line.value('one', 3, 1);
  link().line.value('two', 3, 2);
  pass(1);
  assert.deepEqual([taken, links.length, session.state], [['one', 'two'], 1, 'online']);
  assert.deepEqual(faults, ['a fault at one', 'a fault at two']);
});
