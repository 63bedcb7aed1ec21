import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Backoff } from '../../target/es5/core/backoff.js';

let time;
let luck;
let backoff;

beforeEach(() => {
  time = 1000;
  luck = 1;
  backoff = new Backoff(
    300,
    20000,
    () => luck,
    () => time,
  );
});

/** The wait that is handed out when attempts have failed for so long. */
function after(ms) {
  backoff.next();
  time += ms;
  return backoff.next();
}

test('the bound of the wait is 0.3 s at first, and grows with the time for which nothing worked, to 20 s', () => {
  assert.equal(backoff.next(), 300);
  for (const [away, wait] of [
    [1000, 1000],
    [9000, 7300],
    [50000, 20000],
  ]) {
    time += away;
    assert.equal(backoff.next(), wait);
  }
});

test('nobody waits longer than it was away, but for the first 0.3 s', () => {
  for (const away of [1000, 3000, 10000]) assert.ok(after(away) <= away + 300);
});

test('the wait is anywhere between nothing and its bound', () => {
  luck = 0.5;
  assert.equal(after(1000), 500);
  luck = 0;
  assert.equal(backoff.next(), 0);
});

test('after a success that did not last the wait is neither long nor as short as the first', () => {
  after(60000);
  backoff.ease(500);
  assert.equal(backoff.next(), 650);
});

test('after a success the wait is short again', () => {
  after(60000);
  assert.equal(backoff.count(), 2);
  backoff.reset();
  assert.equal(backoff.next(), 300);
});

test('a clock that is set back makes no wait shorter than the shortest', () => {
  let time = 1e6;
  const backoff = new Backoff(
    300,
    20000,
    () => 0.5,
    () => time,
  );
  backoff.next();
  time -= 3600000;
  assert.equal(backoff.next(), 150);
});

test('attempts that work now and then keep waits short, and the count of attempts goes on', () => {
  let time = 0;
  const backoff = new Backoff(
    300,
    20000,
    () => 1,
    () => time,
  );
  backoff.next();
  time = 60000;
  assert.equal(backoff.next(), 20000);
  backoff.ease(1000);
  assert.deepEqual([backoff.next(), backoff.count()], [1000, 3]);
});
