import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Ladder } from '../../target/es5/core/ladder.js';

const MINUTE = 60000;
let now;
let ladder;

beforeEach(() => {
  now = 1000;
  ladder = new Ladder(['websocket', 'sse', 'longpoll'], () => now);
});

test('the best rung comes first', () => {
  assert.equal(ladder.best(), 'websocket');
});

test('a rung that failed is left alone for a while, longer each time', () => {
  ladder.failed('websocket');
  assert.equal(ladder.best(), 'sse');
  assert.equal(ladder.climbIn('sse'), MINUTE);
  now += MINUTE;
  assert.equal(ladder.best(), 'websocket');
  ladder.failed('websocket');
  assert.equal(ladder.climbIn('sse'), 2 * MINUTE);
});

test('when every rung failed, all may be tried again', () => {
  ['websocket', 'sse', 'longpoll'].forEach((rung) => ladder.failed(rung));
  assert.equal(ladder.best(), 'websocket');
});

test('what the server does not offer is not tried', () => {
  ladder.offered(['longpoll', 'sse']);
  assert.equal(ladder.best(), 'sse');
  assert.ok(!ladder.has('websocket'));
});

test('a server that offers nothing we know is not believed', () => {
  ladder.offered(['carrier-pigeon']);
  assert.equal(ladder.best(), 'websocket');
});

test('a forced rung is the only one', () => {
  ladder.failed('longpoll');
  ladder.forced = 'longpoll';
  assert.equal(ladder.best(), 'longpoll');
  assert.equal(ladder.climbIn('longpoll'), undefined);
});

test('from the best rung there is nowhere to climb', () => {
  assert.equal(ladder.climbIn('websocket'), undefined);
});

test('a rung whose connections are cut three times in a row after seconds is left', () => {
  ladder.cut('websocket', 3000);
  ladder.cut('websocket', 3000);
  assert.equal(ladder.best(), 'websocket');
  ladder.cut('websocket', 3000);
  assert.equal(ladder.best(), 'sse');
});

test('a connection that lasted makes good for those that were cut', () => {
  ladder.cut('websocket', 3000);
  ladder.cut('websocket', 3000);
  ladder.cut('websocket', MINUTE);
  ladder.cut('websocket', 3000);
  assert.equal(ladder.best(), 'websocket');
});

test('the carrier is the best row of requests that end, whatever is above', () => {
  assert.equal(ladder.carrier(), 'longpoll');
  ladder = new Ladder(['websocket', 'longpoll', 'shortpoll'], () => now);
  ladder.failed('longpoll');
  assert.equal(ladder.carrier(), 'shortpoll');
  ladder.failed('shortpoll');
  assert.equal(ladder.carrier(), 'longpoll');
});

test('on another network everything may be tried again', () => {
  ladder.failed('websocket');
  assert.ok(!ladder.free('websocket'));
  ladder.lift();
  assert.ok(ladder.free('websocket'));
  assert.equal(ladder.climbIn('sse'), 0);
});

test('a rung that held is no longer held to have failed', () => {
  ladder.failed('websocket');
  now += MINUTE;
  ladder.cut('websocket', MINUTE);
  ladder.failed('websocket');
  assert.equal(ladder.climbIn('sse'), MINUTE);
});

test('what was remembered wrongly, or too long ago, bars nothing for long', () => {
  ladder.restore({ websocket: { left: 1e12, times: 1e9 }, sse: { left: 'x' }, longpoll: null }, 0);
  assert.deepEqual([ladder.best(), ladder.climbIn('sse')], ['sse', 30 * MINUTE]);
  now += 30 * MINUTE;
  assert.equal(ladder.best(), 'websocket');
  ladder.restore({ sse: { left: MINUTE, times: 1 } }, MINUTE);
  assert.ok(ladder.free('sse'));
});
