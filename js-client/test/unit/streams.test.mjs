import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Streams } from '../../target/es5/core/streams.js';
import { seeded } from '../support/random.mjs';

const message = (text) => ({ text, size: text.length });

test('messages going up stay until the server confirms them', () => {
  const streams = new Streams();
  ['a', 'b', 'c'].forEach((text) => streams.push(message(text)));
  assert.equal(streams.sent(), 3);
  assert.ok(streams.confirm(2));
  assert.deepEqual(streams.above(2, Infinity), [message('c')]);
  assert.equal(streams.sent(), 3);
});

test('an older confirmation says nothing new', () => {
  const streams = new Streams();
  ['a', 'b'].forEach((text) => streams.push(message(text)));
  streams.confirm(2);
  assert.ok(streams.confirm(1));
  assert.equal(streams.confirmed, 2);
});

test('a server that confirms more than was sent speaks of another session', () => {
  const streams = new Streams();
  streams.push(message('a'));
  assert.equal(streams.confirm(2), false);
});

test('a connection cannot start below what was confirmed', () => {
  const streams = new Streams();
  ['a', 'b'].forEach((text) => streams.push(message(text)));
  streams.confirm(2);
  assert.equal(streams.resume(1), false);
  assert.ok(streams.resume(2));
});

test('a message coming down counts once and only in order', () => {
  const streams = new Streams();
  assert.equal(streams.take(1), 'next');
  assert.equal(streams.take(1), 'repeat');
  assert.equal(streams.take(3), 'hole');
  assert.equal(streams.take(2), 'next');
  assert.equal(streams.received, 2);
});

test('the outbox is bounded, but one large message always fits into an empty one', () => {
  const streams = new Streams();
  assert.ok(streams.fits(100, 10));
  streams.push(message('12345678'));
  assert.ok(streams.fits(2, 10));
  assert.ok(!streams.fits(3, 10));
  streams.confirm(1);
  assert.ok(streams.fits(10, 10));
});

test('a batch has at least one message and otherwise keeps to its size', () => {
  const streams = new Streams();
  ['aaaa', 'bbbb', 'cccc'].forEach((text) => streams.push(message(text)));
  assert.equal(streams.above(0, 1).length, 1);
  assert.equal(streams.above(0, 10).length, 2);
  assert.equal(streams.above(0, 15).length, 3);
});

test('a new session starts at its own numbers and hands back what was never confirmed', () => {
  const streams = new Streams();
  ['a', 'b'].forEach((text) => streams.push(message(text)));
  streams.confirm(1);
  assert.deepEqual(streams.rebase(7, 30), [message('b')]);
  assert.equal(streams.sent(), 7);
  assert.equal(streams.take(31), 'next');
});

/**
 * A server that is as simple as the protocol's text, a client that does what the transports do, and between them a
 * network that loses, repeats, delays and reorders requests and loses answers.
 */
class History {
  constructor(seed) {
    this.random = seeded(seed);
    this.streams = new Streams();
    this.turn = 1;
    this.offeredUp = 0;
    this.gotDown = [];
    this.server = { turn: 0, up: [], down: [], acknowledged: 0 };
    this.requests = [];
    this.answers = [];
    this.sending = false;
    this.polling = false;
  }

  run(steps) {
    const actions = [
      () => this.streams.push(message(String(++this.offeredUp))),
      () => this.server.down.push(this.server.down.length + 1),
      () => this.send(),
      () => this.poll(),
      () => this.network(0.3),
      () => this.network(0.3),
      () => this.network(0.3),
      () => this.answer(),
      () => this.answer(),
      () => this.random.chance(0.3) && this.giveUp(),
      () => this.random.chance(0.2) && this.changeTransport(),
    ];
    for (let i = 0; i < steps; i++) actions[this.random.below(actions.length)]();
    this.calm();
  }

  /** The network works again: everything that lingers arrives, and both sides come to an end. */
  calm() {
    for (let i = 0; i < 50; i++) {
      while (this.requests.length > 0) this.network(0);
      while (this.answers.length > 0) this.answer();
      this.giveUp();
      this.send();
      this.poll();
    }
  }

  /** One POST at a time; it says how many went before it and how far we received. */
  send() {
    if (this.sending) return;
    const after = this.streams.confirmed;
    const messages = this.streams.above(after, 12);
    if (messages.length === 0) return;
    this.sending = true;
    this.request({
      kind: 'send',
      after,
      values: messages.map((one) => Number(one.text)),
      received: this.streams.received,
    });
  }

  poll() {
    if (this.polling) return;
    this.polling = true;
    this.request({ kind: 'poll', received: this.streams.received });
  }

  request(request) {
    this.requests.push({ ...request, turn: this.turn });
  }

  /** No answer came in time. A POST is repeated as it is; a poll that failed is a connection that failed. */
  giveUp() {
    this.sending = false;
    if (this.polling) this.changeTransport();
  }

  changeTransport() {
    this.turn++;
    this.sending = this.polling = false;
  }

  /** Any request arrives, perhaps not for the last time, or never. */
  network(fault) {
    if (this.requests.length === 0) return;
    const index = this.random.below(this.requests.length);
    const request = this.requests[index];
    if (!this.random.chance(fault)) this.requests.splice(index, 1);
    if (this.random.chance(fault)) return;
    const answer = this.serve(request);
    if (!this.random.chance(fault)) this.answers.push({ ...answer, turn: request.turn, kind: request.kind });
  }

  serve(request) {
    const { server } = this;
    if (request.turn < server.turn) return { refused: 'superseded' };
    server.turn = request.turn;
    if (request.kind === 'send') {
      assert.ok(request.after <= server.up.length, 'the server misses a message going up');
      server.up.push(...request.values.slice(server.up.length - request.after));
      server.acknowledged = Math.max(server.acknowledged, request.received);
      return { received: server.up.length };
    }
    // A repeated poll of the same turn may arrive late; a real server has closed its connection by then.
    if (request.received < server.acknowledged) return { refused: 'superseded' };
    server.acknowledged = request.received;
    const messages = server.down.slice(request.received, request.received + 3);
    return { first: request.received + 1, messages, received: server.up.length };
  }

  answer() {
    if (this.answers.length === 0) return;
    const answer = this.answers.splice(this.random.below(this.answers.length), 1)[0];
    // What an earlier line still says is not listened to.
    if (answer.turn !== this.turn || answer.refused) return;
    assert.ok(this.streams.confirm(answer.received), 'the server confirms what was never sent');
    if (answer.kind === 'send') {
      this.sending = false;
      return;
    }
    this.polling = false;
    answer.messages.forEach((value, index) => {
      const arrival = this.streams.take(answer.first + index);
      assert.notEqual(arrival, 'hole');
      if (arrival === 'next') this.gotDown.push(value);
    });
  }
}

test('whatever the network does, each message arrives once and in order, in both directions', () => {
  const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);
  for (let seed = 1; seed <= 3000; seed++) {
    const history = new History(seed);
    try {
      history.run(120);
      assert.deepEqual(history.server.up, upTo(history.offeredUp));
      assert.deepEqual(history.gotDown, upTo(history.server.down.length));
    } catch (error) {
      error.message = `history ${seed}: ${error.message}`;
      throw error;
    }
  }
});
