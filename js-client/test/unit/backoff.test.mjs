import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff } from '../../target/es5/core/backoff.js';

test('the bound of the wait grows by half from 0.3 s to 20 s', () => {
  const backoff = new Backoff(300, 20000, () => 1);
  const waits = Array.from({ length: 13 }, () => backoff.next());
  assert.deepEqual(waits, [300, 450, 675, 1013, 1519, 2278, 3417, 5126, 7689, 11533, 17300, 20000, 20000]);
});

test('the wait is anywhere between nothing and its bound', () => {
  const backoff = new Backoff(300, 20000, () => 0.5);
  assert.deepEqual([backoff.next(), backoff.next()], [150, 225]);
});

test('after a success that did not last the wait is neither long nor as short as the first', () => {
  const backoff = new Backoff(300, 20000, () => 1);
  for (let i = 0; i < 8; i++) backoff.next();
  backoff.ease(2);
  assert.deepEqual([backoff.next(), backoff.next()], [675, 1013]);
});

test('after a success the wait is short again', () => {
  const backoff = new Backoff(300, 20000, () => 1);
  backoff.next();
  backoff.next();
  assert.equal(backoff.count(), 2);
  backoff.reset();
  assert.equal(backoff.next(), 300);
});
