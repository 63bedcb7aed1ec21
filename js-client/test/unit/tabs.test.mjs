/** The switchboard that lets several tabs share a session, between a session and tabs that the test plays. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { switchboard } from '../../target/es5/tabs/switchboard.js';

let offered;
let told;
let full;
let board;

beforeEach(() => {
  offered = [];
  told = [];
  full = false;
  board = switchboard(
    (text) => {
      if (full && !text.includes('"code"')) throw Object.assign(new Error('full'), { code: 'overflow' });
      offered.push(JSON.parse(text));
    },
    (value, tab) => told.push([tab ?? 'all', value]),
  );
});

/** What was offered since the last look. */
const look = () => offered.splice(0);
/** What was told since the last look, in short. */
const hear = () =>
  told
    .splice(0)
    .map(([tab, { op, id, data, error, offset }]) =>
      op === 'reply'
        ? `${tab} ${id}: ${error ? error.code : JSON.stringify(data)}`
        : `${tab} ${op} ${offset ?? ''}`,
    );
const take = (tab, command) => board.take(tab, JSON.stringify(command));
const answer = (command, data) => board.message({ op: 'reply', id: command.id, data });
const refuse = (command, code) => board.message({ op: 'reply', id: command.id, error: { code } });
const message = (offset) => ({ op: 'message', channel: 'c', offset });

/** A tab subscribes to the channel `c`, as the first. */
function subscribed(tab = 'a', top = 5) {
  take(tab, { op: 'subscribe', id: 1, channel: 'c' });
  answer(look()[0], { epoch: 'e', offset: top });
  hear();
}

test('a command is answered to the tab that sent it, under its own id', () => {
  take('a', { op: 'publish', id: 1, channel: 'c', data: 1 });
  take('b', { op: 'publish', id: 1, channel: 'c', data: 2 });
  const [one, two] = look();
  assert.notEqual(one.id, two.id);
  answer(two, 'second');
  refuse(one, 'forbidden');
  assert.deepEqual(hear(), ['b 1: "second"', 'a 1: forbidden']);
});

test('an answer that nobody waits for any more is for nobody', () => {
  take('a', { op: 'publish', id: 1, channel: 'c', data: 1 });
  const [one] = look();
  board.lost();
  answer(one, 'late');
  assert.deepEqual(hear(), []);
});

test('what the session has no room for is refused to the tab that sent it', () => {
  full = true;
  take('a', { op: 'publish', id: 1, channel: 'c', data: 1 });
  assert.deepEqual(hear(), ['a 1: overflow']);
});

test('tabs that listen to one channel share a subscription', () => {
  take('a', { op: 'subscribe', id: 1, channel: 'c' });
  take('b', { op: 'subscribe', id: 7, channel: 'c' });
  const [first, ...more] = look();
  assert.deepEqual([first.op, more], ['subscribe', []]);
  answer(first, { epoch: 'e', offset: 5 });
  assert.deepEqual(look(), []);
  board.message(message(6));
  assert.deepEqual(hear(), [
    'a 1: {"epoch":"e","offset":5}',
    'b 7: {"epoch":"e","offset":5,"recovered":true}',
    'all message 6',
  ]);

  take('a', { op: 'unsubscribe', id: 2, channel: 'c' });
  assert.deepEqual([look(), hear()], [[], ['a 2: {}']]);
  take('b', { op: 'unsubscribe', id: 8, channel: 'c' });
  const [last] = look();
  assert.equal(last.op, 'unsubscribe');
  answer(last, {});
  assert.deepEqual(hear(), ['b 8: {}']);
});

test('a subscription that is refused is refused to all who wait, and may be asked for again', () => {
  take('a', { op: 'subscribe', id: 1, channel: 'c' });
  take('b', { op: 'subscribe', id: 2, channel: 'c' });
  refuse(look()[0], 'forbidden');
  const [again] = look();
  refuse(again, 'forbidden');
  assert.deepEqual(hear(), ['a 1: forbidden', 'b 2: forbidden']);
});

test('a tab that comes later is given what came since its position, and then what comes to all', () => {
  subscribed();
  take('b', { op: 'subscribe', id: 1, channel: 'c', since: { epoch: 'e', offset: 2 } });
  const [history] = look();
  assert.deepEqual([history.op, history.since.offset], ['history', 2]);
  // A message comes while the history is read: it is at the top then, and the history may have it or not.
  board.message(message(6));
  assert.deepEqual(hear(), ['all message 6']);
  answer(history, { epoch: 'e', offset: 7, messages: [3, 4, 5, 6, 7].map(message) });
  board.message(message(7));
  assert.deepEqual(hear(), [
    'b 1: {"epoch":"e","offset":6,"recovered":true}',
    'b message 3',
    'b message 4',
    'b message 5',
    'b message 6',
    'all message 7',
  ]);
});

test('a history that comes in parts is read to its end', () => {
  subscribed();
  take('b', { op: 'subscribe', id: 1, channel: 'c', since: { epoch: 'e', offset: 1 } });
  answer(look()[0], { epoch: 'e', offset: 5, messages: [2, 3].map(message) });
  const [rest] = look();
  assert.deepEqual(rest.since, { epoch: 'e', offset: 3 });
  answer(rest, { epoch: 'e', offset: 5, messages: [4, 5].map(message) });
  assert.deepEqual(hear().slice(1), ['b message 2', 'b message 3', 'b message 4', 'b message 5']);
});

test('a tab may ask for the last messages, or be up to date already', () => {
  subscribed();
  take('b', { op: 'subscribe', id: 1, channel: 'c', last: 2 });
  const [history] = look();
  assert.deepEqual([history.limit, history.since], [2, undefined]);
  answer(history, { epoch: 'e', offset: 5, messages: [4, 5].map(message) });
  take('d', { op: 'subscribe', id: 1, channel: 'c', since: { epoch: 'e', offset: 5 } });
  assert.deepEqual(look(), []);
  assert.deepEqual(hear(), [
    'b 1: {"epoch":"e","offset":5,"recovered":true}',
    'b message 4',
    'b message 5',
    'd 1: {"epoch":"e","offset":5,"recovered":true}',
  ]);
});

test('a position that the history no longer reaches is not recovered', () => {
  subscribed();
  take('b', { op: 'subscribe', id: 1, channel: 'c', since: { epoch: 'old', offset: 9 } });
  refuse(look()[0], 'gap');
  assert.deepEqual(hear(), ['b 1: {"epoch":"e","offset":5,"recovered":false}']);
});

test('a gap is told to all, and from there the positions count', () => {
  subscribed();
  board.message({ op: 'gap', channel: 'c', epoch: 'f', offset: 2 });
  hear();
  take('b', { op: 'subscribe', id: 1, channel: 'c' });
  assert.deepEqual(hear(), ['b 1: {"epoch":"f","offset":2,"recovered":true}']);
});

test('one who wants to be present joins a channel that is listened to already, without missing anything', () => {
  subscribed();
  take('b', { op: 'subscribe', id: 1, channel: 'c', presence: true });
  const [left, joined] = look();
  assert.deepEqual([left.op, joined.op, joined.presence], ['unsubscribe', 'subscribe', true]);
  assert.deepEqual(joined.since, { epoch: 'e', offset: 5 });
  answer(joined, { epoch: 'e', offset: 6, recovered: true });
  assert.deepEqual(hear(), ['b 1: {"epoch":"e","offset":6,"recovered":true}']);
  // Both have it still.
  take('b', { op: 'unsubscribe', id: 2, channel: 'c' });
  assert.deepEqual(look(), []);
  take('a', { op: 'unsubscribe', id: 2, channel: 'c' });
  assert.equal(look().length, 1);
});

test('a subscription that the server ended is begun anew by whoever asks', () => {
  subscribed();
  board.message({ op: 'unsubscribed', channel: 'c', code: 'forbidden' });
  take('a', { op: 'subscribe', id: 2, channel: 'c' });
  assert.equal(look()[0].op, 'subscribe');
});

test('calls go to the tabs that offer the procedure in turns, and results back', () => {
  take('a', { op: 'register', id: 1, procedure: 'p' });
  take('b', { op: 'register', id: 1, procedure: 'p' });
  const [registered, ...more] = look();
  assert.deepEqual(more, []);
  answer(registered, {});
  hear();
  for (const invocation of ['1', '2', '3']) board.message({ op: 'invoke', invocation, procedure: 'p' });
  assert.deepEqual(
    told.splice(0).map(([tab, { invocation }]) => tab + invocation),
    ['a1', 'b2', 'a3'],
  );
  take('a', { op: 'result', invocation: '1', data: 42 });
  assert.deepEqual(look(), [{ op: 'result', invocation: '1', data: 42 }]);
});

test('what a tab worked on when it went is interrupted, and what it alone had is given back', () => {
  subscribed('b');
  take('b', { op: 'register', id: 2, procedure: 'p' });
  answer(look()[0], {});
  board.message({ op: 'invoke', invocation: '1', procedure: 'p' });
  board.gone('b');
  assert.deepEqual(
    look().map(({ op, invocation, error }) => [op, invocation, error?.code]),
    [
      ['unsubscribe', undefined, undefined],
      ['unregister', undefined, undefined],
      ['result', '1', 'interrupted'],
    ],
  );
  board.message({ op: 'invoke', invocation: '2', procedure: 'p' });
  assert.equal(look()[0].error.code, 'no_callee');
});

test('a result that the session has no room for is an error to the caller', () => {
  full = true;
  take('a', { op: 'result', invocation: '1', data: 42 });
  assert.deepEqual(
    look().map(({ error }) => error.code),
    ['overflow'],
  );
});

test('channels and procedures may have any name', () => {
  for (const name of ['constructor', '__proto__']) {
    take('a', { op: 'subscribe', id: 1, channel: name });
    take('a', { op: 'register', id: 2, procedure: name });
    look().forEach((command) => answer(command, { epoch: 'e', offset: 0 }));
    board.message({ op: 'invoke', invocation: 'i', procedure: name });
    hear();
    board.gone('a');
    assert.deepEqual(
      look().map(({ op }) => op),
      ['unsubscribe', 'unregister', 'result'],
    );
  }
});

test('a tab that went while it waited for a subscription does not come back', () => {
  take('a', { op: 'subscribe', id: 1, channel: 'c' });
  take('b', { op: 'subscribe', id: 1, channel: 'c' });
  const [first] = look();
  board.gone('b');
  answer(first, { epoch: 'e', offset: 5 });
  take('a', { op: 'unsubscribe', id: 2, channel: 'c' });
  assert.deepEqual(
    look().map(({ op }) => op),
    ['unsubscribe'],
  );
});

test('a late refusal of an ended subscription does not end the one that follows', () => {
  take('a', { op: 'subscribe', id: 1, channel: 'c' });
  const [first] = look();
  take('a', { op: 'unsubscribe', id: 2, channel: 'c' });
  take('b', { op: 'subscribe', id: 1, channel: 'c', token: 'good' });
  const [, second] = look();
  refuse(first, 'forbidden');
  answer(second, { epoch: 'e', offset: 5 });
  hear();
  take('b', { op: 'subscribe', id: 2, channel: 'c' });
  assert.deepEqual([look(), hear()], [[], ['b 2: {"epoch":"e","offset":5,"recovered":true}']]);
});

test('a tab cannot end what it does not have', () => {
  subscribed('a');
  take('b', { op: 'unsubscribe', id: 9, channel: 'c' });
  assert.deepEqual([look(), hear()], [[], ['b 9: {}']]);
});

/** The tab `a` listens, and `b` wants to be present there too, which the server refuses. */
function presenceRefused() {
  subscribed('a');
  take('b', { op: 'subscribe', id: 1, channel: 'c', presence: true });
  const [left, joined] = look();
  answer(left, {});
  refuse(joined, 'forbidden');
  assert.deepEqual(hear(), ['b 1: forbidden']);
  return look();
}

test('who may not be present does not cost the others what they listen to', () => {
  const [again, ...more] = presenceRefused();
  const { op, presence, since } = again;
  assert.deepEqual([op, presence, since, more], ['subscribe', undefined, { epoch: 'e', offset: 5 }, []]);
  answer(again, { epoch: 'e', offset: 7, recovered: true });
  assert.deepEqual(hear(), []);
  board.message(message(8));
  assert.deepEqual(hear(), ['all message 8']);
  take('a', { op: 'unsubscribe', id: 2, channel: 'c' });
  assert.equal(look()[0].op, 'unsubscribe');
});

test('where the others cannot go on either, they are told', () => {
  const [again] = presenceRefused();
  refuse(again, 'unavailable');
  assert.deepEqual(
    told.splice(0).map(([tab, { op, channel, code }]) => [tab, op, channel, code]),
    [['a', 'unsubscribed', 'c', 'unavailable']],
  );
  take('a', { op: 'subscribe', id: 2, channel: 'c' });
  assert.equal(look()[0].op, 'subscribe');
});

test('a history that a tab may not read is refused to it alone', () => {
  subscribed('a');
  take('b', { op: 'subscribe', id: 1, channel: 'c', last: 3 });
  refuse(look()[0], 'forbidden');
  assert.deepEqual(hear(), ['b 1: forbidden']);
  take('a', { op: 'unsubscribe', id: 2, channel: 'c' });
  assert.equal(look().length, 1);
});
