// Every kind of wrong that the check is for must be seen, and nothing else be called wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, newMemory } from './history.mjs';
import { liar, LIES } from './recorder.mjs';

const at = (epoch, offset) => ({ channel: 'x', epoch, offset });
const subscribed = (epoch, offset, t = 0) => ({ kind: 'subscribed', ...at(epoch, offset), t });
const message = (offset, { epoch = 'e', id = `a-${offset}`, t = offset } = {}) => ({
  kind: 'message',
  ...at(epoch, offset),
  id,
  t,
});
const published = (offset, { epoch = 'e', id = `a-${offset}`, n = offset, t = offset, again } = {}) => ({
  kind: 'published',
  ...at(epoch, offset),
  id,
  n,
  t,
  again,
});
const gap = (epoch, offset, t = offset) => ({ kind: 'gap', ...at(epoch, offset), t });
const asked = (...members) => ({ kind: 'asked', channel: 'x', members, count: members.length, t: 99 });
const told = (more) => ({ kind: 'presence', channel: 'x', joined: [], left: [], t: 9, ...more });

/** The kinds of violation in a history, each once, in order. */
function kinds(clients, { memory = newMemory(), ...allowed } = {}) {
  const { violations } = judge(new Map(Object.entries(clients)), memory, allowed);
  return [...new Set(violations.map(({ kind }) => kind))].sort();
}

const publisher = [1, 2, 3].map((offset) => published(offset));
const right = [subscribed('e', 0), message(1), message(2), message(3)];

test('what is right is right', () => {
  assert.deepEqual(kinds({ a: publisher, b: right, c: [...right] }), []);
});

test('counts are told', () => {
  const { counts } = judge(
    new Map([
      ['a', publisher],
      ['b', right],
    ]),
    newMemory(),
  );
  assert.equal(counts.published, 3);
  assert.equal(counts.deliveries, 3);
});

test('a message that is missing in the middle is lost, and silently', () => {
  assert.deepEqual(kinds({ a: publisher, b: [subscribed('e', 0), message(1), message(3)] }), [
    'lost',
    'silent',
  ]);
});

test('a message that nobody acknowledged may not be missing in the middle either', () => {
  assert.deepEqual(kinds({ b: [subscribed('e', 0), message(1), message(3)] }), ['silent']);
});

test('a message that is missing at the end is lost', () => {
  assert.deepEqual(kinds({ a: publisher, b: right.slice(0, 3) }), ['lost']);
});

test('one who subscribed later does not miss what came before', () => {
  assert.deepEqual(kinds({ a: publisher, b: [subscribed('e', 2), message(3)] }), []);
});

test('a message may not come twice', () => {
  assert.deepEqual(kinds({ a: publisher, b: [...right, message(3)] }), ['repeated']);
});

test('nor may it be stored twice', () => {
  assert.deepEqual(kinds({ b: [subscribed('e', 0), message(1), message(2, { id: 'a-1' })] }), ['repeated']);
});

test('it may be stored again in a new epoch, where the old one was lost with its keys', () => {
  const b = [...right, gap('f', 0, 8), message(1, { epoch: 'f', id: 'a-3', t: 9 })];
  assert.deepEqual(kinds({ b }, { gaps: true }), []);
  assert.deepEqual(kinds({ b }), ['gap', 'repeated']);
});

test('a message that comes late is out of order, and neither lost nor a gap', () => {
  assert.deepEqual(kinds({ a: publisher, b: [subscribed('e', 0), message(1), message(3), message(2)] }), [
    'disorder',
  ]);
});

test('all see the same message at one place', () => {
  assert.deepEqual(kinds({ b: right, c: [subscribed('e', 2), message(3, { id: 'z-1' })] }), ['conflict']);
  assert.deepEqual(kinds({ a: [published(3, { id: 'z-1' })], b: right }), ['conflict']);
});

test('an announced gap covers what it jumps over, where it is allowed', () => {
  const b = [subscribed('e', 0), message(1), gap('e', 2), message(3)];
  assert.deepEqual(kinds({ a: publisher, b }, { gaps: true }), []);
  assert.deepEqual(kinds({ a: publisher, b }), ['gap']);
});

test('a gap does not cover what lies outside of it', () => {
  const b = [subscribed('e', 0), gap('e', 1), message(2)];
  assert.deepEqual(kinds({ a: publisher, b }, { gaps: true }), ['lost']);
});

test('a new epoch needs an announced gap', () => {
  const later = message(1, { epoch: 'f', id: 'a-9', t: 9 });
  assert.deepEqual(kinds({ b: [...right, later] }), ['silent']);
  assert.deepEqual(kinds({ a: publisher, b: [...right, gap('f', 0, 8), later] }, { gaps: true }), []);
});

test('an epoch that came and went is covered, and what follows the gap is not', () => {
  const a = [
    published(1, { epoch: 'f', id: 'a-8', n: 8, t: 8 }),
    published(2, { epoch: 'g', id: 'a-10', n: 10, t: 12 }),
  ];
  assert.deepEqual(kinds({ a, b: [...right, gap('g', 1, 10)] }, { gaps: true }), ['lost']);
  const all = [...right, gap('g', 1, 10), message(2, { epoch: 'g', id: 'a-10', t: 12 })];
  assert.deepEqual(kinds({ a, b: all }, { gaps: true }), []);
});

test("a publisher's own messages keep their order, unless one was refused first", () => {
  const turned = (again) => [published(2, { id: 'a-1', n: 1, again }), published(1, { id: 'a-2', n: 2 })];
  assert.deepEqual(kinds({ a: turned(false) }), ['disorder']);
  assert.deepEqual(kinds({ a: turned(true) }), []);
});

test('a new session is seen, the first is none', () => {
  const session = (name) => ({ kind: 'session', session: name, t: 0 });
  assert.deepEqual(kinds({ b: [session('n.1'), session('n.1')] }), []);
  assert.deepEqual(kinds({ b: [session('n.1'), session('n.2')] }), ['session']);
});

test('histories go on from piece to piece', () => {
  const memory = newMemory();
  assert.deepEqual(kinds({ a: publisher.slice(0, 2), b: right.slice(0, 3) }, { memory }), []);
  assert.deepEqual(kinds({ a: publisher.slice(2), b: [message(3)] }, { memory }), []);
  assert.deepEqual(kinds({ b: [message(3)] }, { memory }), ['repeated']);
  assert.deepEqual(kinds({ b: [message(5)] }, { memory }), ['silent']);
});

test('a client that hears nothing at all in a piece has lost what was published', () => {
  const memory = newMemory();
  kinds({ b: [subscribed('e', 0)] }, { memory });
  assert.deepEqual(kinds({ a: publisher, b: [{ kind: 'note', t: 1 }] }, { memory }), ['lost']);
  const again = newMemory();
  kinds({ b: [subscribed('e', 0)] }, { memory: again });
  assert.deepEqual(kinds({ a: publisher }, { memory: again }), ['lost']);
});

test('presence is the same for all, and nobody comes or goes who stays', () => {
  const start = () => {
    const memory = newMemory();
    assert.deepEqual(kinds({ b: [asked('m', 'o')], c: [asked('o', 'm')] }, { memory, presence: true }), []);
    return memory;
  };
  const all = asked('m', 'o');
  assert.deepEqual(kinds({ b: [all], c: [all] }, { memory: start() }), []);
  assert.deepEqual(kinds({ b: [asked('m')], c: [all] }, { memory: start() }), ['presence']);
  assert.deepEqual(kinds({ b: [asked('m', 'o', 'p')], c: [all] }, { memory: start() }), ['presence']);
  assert.deepEqual(kinds({ b: [told({ left: ['o'] }), told({ joined: ['o'] }), all] }, { memory: start() }), [
    'presence',
  ]);
  assert.deepEqual(kinds({ b: [told({ members: ['m', 'o'] }), all] }, { memory: start() }), []);
  assert.deepEqual(kinds({ b: [told({ members: ['m'] }), all] }, { memory: start() }), ['presence']);
  assert.deepEqual(kinds({ b: [{ ...all, count: 3 }] }, { memory: start() }), ['presence']);
});

test('who is wrongly there is complained of once, also when he leaves', () => {
  const memory = newMemory();
  kinds({ b: [asked('m')] }, { memory, presence: true });
  assert.deepEqual(kinds({ b: [told({ joined: ['p'] }), asked('m', 'p')] }, { memory }), ['presence']);
  assert.deepEqual(kinds({ b: [asked('m', 'p')] }, { memory }), []);
  assert.deepEqual(kinds({ b: [told({ left: ['p'] }), asked('m')] }, { memory }), []);
});

test('what a client itself saw counts', () => {
  assert.deepEqual(kinds({ b: [{ kind: 'violation', what: 'a second welcome', t: 0 }] }), ['protocol']);
  assert.deepEqual(kinds({ b: [{ kind: 'refused', what: 'a call', t: 0 }] }), ['call']);
});

for (const name of Object.keys(LIES))
  test(`the lie "${name}" is found`, () => {
    const lie = liar(name, () => 0.5);
    lie.member = 'm';
    const many = Array.from({ length: 1000 }, (_, i) => i + 1);
    const events = (client, told) => [
      subscribed('e', 0),
      ...many.map((n) => message(n)).flatMap((event) => told(event, client)),
    ];
    const clients = {
      a: many.map((n) => published(n)),
      b: events('b', lie),
      c: events('c', (event) => [event]),
    };
    const memory = newMemory();
    kinds({ b: [{ kind: 'session', session: 'n.1' }, asked('m')] }, { memory, presence: true });
    const found = kinds(clients, { memory });
    assert.equal(lie.told, 1);
    assert.ok(
      LIES[name].every((kind) => found.includes(kind)),
      `found ${found}`,
    );
  });
