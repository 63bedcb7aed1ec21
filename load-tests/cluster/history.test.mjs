// The checker finds what is wrong, and nothing where nothing is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seen, check, LIES } from './history.mjs';

const messages = (count, epoch = 'e', from = 1) =>
  Array.from({ length: count }, (unused, i) => ({
    id: `ann#${from + i}`,
    by: 'ann',
    n: from + i,
    channel: 'c',
    epoch,
    offset: from + i,
  }));

function receiver(list, name = 'bob') {
  const seen = new Seen(name);
  seen.subscribed('c', 'e', 0);
  list.forEach(({ epoch, offset, id }) => seen.message('c', epoch, offset, id));
  return seen;
}

const kinds = ({ orders, lost, repeated, disordered, silent }) => ({
  orders,
  lost,
  repeated,
  disordered,
  silent,
});
const NOTHING = { orders: 0, lost: 0, repeated: 0, disordered: 0, silent: 0 };

test('where everybody got everything in order, nothing is wrong', () => {
  const all = messages(100);
  const found = check([receiver(all), receiver(all, 'cat')], all);
  assert.deepEqual(kinds(found), NOTHING);
  assert.equal(found.deliveries, 200);
});

test('one who subscribed later need not have what was before', () => {
  const all = messages(10);
  const late = new Seen('late');
  late.subscribed('c', 'e', 5);
  all.slice(5).forEach(({ offset, id }) => late.message('c', 'e', offset, id));
  assert.deepEqual(kinds(check([late], all)), NOTHING);
});

test('a message that is missing in the middle is lost, and the gap was silent', () => {
  const all = messages(10);
  const found = check([receiver(all.filter(({ n }) => n !== 5))], all);
  assert.deepEqual(kinds(found), { ...NOTHING, lost: 1, silent: 1 });
  assert.match(found.examples.join('\n'), /bob never got ann#5/);
});

test('a message that is missing at the end is lost', () => {
  const all = messages(10);
  assert.deepEqual(kinds(check([receiver(all.slice(0, 9))], all)), {
    ...NOTHING,
    lost: 1,
  });
});

test('what a gap that was told of covers is not lost, and what it does not cover is', () => {
  const all = [
    ...messages(10),
    ...messages(5, 'f', 1).map((m) => ({
      ...m,
      id: `ann#${m.n + 10}`,
      n: m.n + 10,
    })),
  ];
  const told = (to, list) => {
    const seen = receiver(all.slice(0, 8));
    seen.gap('c', 'f', to);
    list.forEach(({ epoch, offset, id }) => seen.message('c', epoch, offset, id));
    return check([seen], all);
  };
  assert.deepEqual(kinds(told(2, all.slice(12))), NOTHING);
  assert.equal(told(2, all.slice(12)).gaps, 1);
  assert.deepEqual(kinds(told(2, all.slice(13))), {
    ...NOTHING,
    lost: 1,
    silent: 1,
  });
});

test('a new epoch that nobody was told of is a silent gap', () => {
  const all = [...messages(3), { id: 'ann#4', by: 'ann', n: 4, channel: 'c', epoch: 'f', offset: 1 }];
  assert.deepEqual(kinds(check([receiver(all)], all)), {
    ...NOTHING,
    silent: 1,
  });
});

test('a message that comes twice is repeated', () => {
  const all = messages(10);
  assert.deepEqual(kinds(check([receiver([...all.slice(0, 5), all[4], ...all.slice(5)])], all)), {
    ...NOTHING,
    repeated: 1,
  });
});

test('messages that come in another order are noticed', () => {
  const all = messages(4);
  const found = check([receiver([all[0], all[2], all[1], all[3]])], all);
  assert.ok(found.disordered > 0 && found.silent > 0);
});

test('a publisher whose messages took other places than it sent them in is noticed', () => {
  const all = messages(3);
  const places = [all[0], { ...all[2], offset: 2 }, { ...all[1], offset: 3 }];
  assert.deepEqual(kinds(check([receiver(places)], places)), {
    ...NOTHING,
    disordered: 1,
  });
});

test('two receivers that saw different messages in one place do not agree', () => {
  const all = messages(3);
  const other = all.map((message) => (message.n === 2 ? { ...message, id: 'eve#1' } : message));
  const found = check([receiver(all), receiver(other, 'cat')], []);
  assert.equal(found.orders, 1);
});

for (const name of Object.keys(LIES)) {
  test(`the lie "${name}" is found`, () => {
    const all = messages(2000);
    const seen = new Seen('bob');
    seen.subscribed('c', 'e', 0);
    let told = 0;
    const lie = LIES[name](() => ++told === 1000);
    all.forEach((message) => lie(({ offset, id }) => seen.message('c', 'e', offset, id), message));
    const { orders, lost, repeated, disordered, silent } = check([seen], all);
    assert.ok(orders + lost + repeated + disordered + silent > 0);
    assert.equal(told, name === 'swap' ? 1999 : 2000);
  });
}
