// Clients of every kind that publish, listen, are present and call, and a record of all that they see.

import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { Seen, check } from './history.mjs';
import { RawClient, TRANSPORTS } from './raw.mjs';

const CHANNELS = ['check-a', 'check-b', 'check-c'];
const PRESENCE = 'check-there';
const CALL_TIMEOUT_S = 5;

/** Loads the client library, and the classes that Node lacks, from where the library's own tests have them. */
async function library() {
  const from = createRequire(new URL('../../js-client/package.json', import.meta.url));
  const { connect } = await import(new URL('../../js-client/dist/footbridge.mjs', import.meta.url));
  return {
    connect,
    WebSocket: from('ws').WebSocket,
    EventSource: from('eventsource').EventSource,
  };
}

/** One client, whichever kind it is: it publishes its numbers and remembers when it heard something. */
class Participant {
  constructor(traffic, name) {
    Object.assign(this, { traffic, name });
    this.seen = new Seen(name);
    this.record = traffic.lie((event) =>
      this.seen.message(event.channel, event.epoch, event.offset, event.id),
    );
    this.sent = 0;
    this.heardAt = performance.now();
    this.pauses = [];
    this.sessions = new Set();
  }

  heard(channel, epoch, offset, data) {
    const now = performance.now();
    this.pause = Math.max(this.pause ?? 0, now - this.heardAt);
    this.heardAt = now;
    this.record({ channel, epoch, offset, id: data.id });
  }

  session(id) {
    this.sessions.add(id);
  }

  publishNext() {
    const n = ++this.sent;
    const id = `${this.name}#${n}`;
    const channel = CHANNELS[(n + this.name.length) % CHANNELS.length];
    const open = { id, channel, since: performance.now() };
    this.traffic.open.add(open);
    this.publish(channel, { id }, id).then(
      ({ epoch, offset }) => {
        this.traffic.open.delete(open);
        this.traffic.published.push({
          id,
          by: this.name,
          n,
          channel,
          epoch,
          offset,
        });
      },
      (error) => {
        this.traffic.open.delete(open);
        this.traffic.violation('failures', `${this.name}: publishing ${id} failed: ${error.code ?? error}`);
      },
    );
  }
}

class RawParticipant extends Participant {
  constructor(traffic, transport) {
    super(traffic, `raw-${transport}`);
    const report = {
      message: (...of) => this.heard(...of),
      gap: (...of) => this.seen.gap(...of),
      subscribed: (...of) => this.seen.subscribed(...of),
      session: (id) => this.session(id),
      violation: (text) => traffic.violation('protocol', text),
      connected: () => undefined,
    };
    this.client = new RawClient(
      this.name,
      traffic.url,
      transport,
      CHANNELS,
      report,
      traffic.library.WebSocket,
    );
    this.running = this.client.run();
  }

  get ready() {
    return this.client.positions.size === CHANNELS.length;
  }

  publish(channel, data, key) {
    return this.client.publish(channel, data, key);
  }

  async close() {
    await this.client.close();
  }
}

class LibraryParticipant extends Participant {
  constructor(traffic, transport) {
    super(traffic, `js-${transport}`);
    const { connect, WebSocket, EventSource } = traffic.library;
    const wish = transport === 'auto' ? {} : { transport };
    const client = connect(traffic.url, { WebSocket, EventSource, ...wish });
    this.client = client;
    this.subscribed = 0;
    this.left = 0;
    for (const name of CHANNELS) {
      const channel = client.channel(name);
      let epoch;
      channel.on('subscribed', (answer) => {
        if (epoch === undefined) this.seen.subscribed(name, answer.epoch, answer.offset);
        epoch ??= answer.epoch;
      });
      channel.on('gap', (gap) => {
        epoch = gap.epoch;
        this.seen.gap(name, gap.epoch, gap.offset);
      });
      channel.on('unsubscribed', (error) =>
        traffic.violation('failures', `${this.name}: ${name} was ended: ${error.code}`),
      );
      channel
        .subscribe((message) => this.heard(name, epoch, message.offset, message.data))
        .then(
          () => this.subscribed++,
          (error) => traffic.violation('failures', `${this.name}: subscribing to ${name}: ${error.code}`),
        );
    }
    const there = client.channel(PRESENCE);
    there.on('presence', (change) => (this.left += change.left.length));
    there
      .subscribe(() => undefined, { presence: true })
      .then(
        () => this.subscribed++,
        (error) => traffic.violation('failures', `${this.name}: presence: ${error.code}`),
      );
    client.on('state', () => client.session && this.session(client.session));
    client.on(
      'reset',
      ({ code }) =>
        code !== 'rebuilt' && traffic.violation('sessions', `${this.name}: the session was lost (${code})`),
    );
    client.on('error', (error) =>
      traffic.violation('failures', `${this.name}: ${error.code} ${error.message}`),
    );
    client
      .register(`echo-${this.name}`, (data) => data)
      .catch((error) => traffic.violation('failures', `${this.name}: register: ${error.code}`));
  }

  get ready() {
    return this.subscribed === CHANNELS.length + 1 && this.client.state === 'online';
  }

  publish(channel, data, key) {
    return this.client.channel(channel).publish(data, { key });
  }

  /** Calls another's procedure: it ends, and if with a result, with the right one. */
  async call(callee) {
    const data = { by: this.name, at: Math.random() };
    const since = performance.now();
    try {
      const result = await this.client.call(`echo-${callee}`, data, {
        timeout: CALL_TIMEOUT_S,
      });
      if (result.at !== data.at)
        this.traffic.violation('failures', `${this.name}: a call was answered with another's result`);
      this.traffic.calls.ok++;
    } catch (error) {
      this.traffic.calls[error.code] = (this.traffic.calls[error.code] ?? 0) + 1;
      if (!['interrupted', 'timeout', 'unavailable', 'no_callee'].includes(error.code))
        this.traffic.violation('failures', `${this.name}: a call ended with ${error.code}`);
    }
    if (performance.now() - since > 30_000)
      this.traffic.violation('failures', `${this.name}: a call took half a minute to end`);
  }

  async close() {
    this.client.close();
  }
}

/** All clients, and what they saw. */
export class Traffic {
  /**
   * @param lie passes on what a client tells; see `LIES`
   */
  constructor(url, { rate, lie = (record) => record }) {
    Object.assign(this, { url, rate, lie });
    this.published = [];
    this.open = new Set();
    this.calls = { ok: 0 };
    this.violations = { failures: 0, protocol: 0, sessions: 0, presence: 0 };
    this.examples = [];
  }

  violation(kind, text) {
    this.violations[kind]++;
    if (this.examples.length < 40) this.examples.push(`${kind}: ${text}`);
  }

  async start() {
    this.library = await library();
    this.library.WebSocket ??= globalThis.WebSocket;
    this.participants = [
      ...TRANSPORTS.map((transport) => new RawParticipant(this, transport)),
      ...['websocket', 'sse', 'stream', 'longpoll', 'shortpoll', 'auto'].map(
        (transport) => new LibraryParticipant(this, transport),
      ),
    ];
    await this.until('every client is subscribed', () => this.participants.every(({ ready }) => ready), 30);
    this.talk();
  }

  get libraries() {
    return this.participants.filter((one) => one instanceof LibraryParticipant);
  }

  async until(what, condition, seconds) {
    const deadline = performance.now() + seconds * 1000;
    while (!condition()) {
      if (performance.now() > deadline) {
        this.violation('failures', `after ${seconds} s still not so: ${what}`);
        return;
      }
      await sleep(20);
    }
  }

  talk() {
    const pause = 1000 / this.rate;
    this.timers = this.participants.map((one) => setInterval(() => one.publishNext(), pause));
    const libraries = this.libraries;
    let turn = 0;
    this.timers.push(
      setInterval(() => {
        const caller = libraries[turn++ % libraries.length];
        caller.call(libraries[(turn * 5) % libraries.length].name);
      }, 200),
    );
  }

  /** From here on the longest pause of each client counts anew. */
  mark() {
    const now = performance.now();
    this.participants.forEach((one) => Object.assign(one, { pause: 0, heardAt: now, leftBefore: one.left }));
  }

  /** The longest pause of each client since the mark, in milliseconds. */
  pauses() {
    const now = performance.now();
    return this.participants.map((one) => Math.max(one.pause, now - one.heardAt));
  }

  /** Waits until every client has got something that was published from now on. */
  async recovered(seconds) {
    const marks = this.participants.map((one) => one.sent);
    const began = this.published.length;
    await this.until(
      'all that is published is acknowledged',
      () => {
        const since = this.published.slice(began);
        return this.participants.every((one, i) =>
          since.some(({ by, n }) => by === one.name && n > marks[i]),
        );
      },
      seconds,
    );
  }

  /** Nobody publishes any more; waits until everything has been acknowledged and has arrived. */
  async settle() {
    this.timers.forEach(clearInterval);
    await this.until('every publish is acknowledged', () => this.open.size === 0, 30);
    const expected = this.published.at(-1);
    if (expected) {
      for (const channel of CHANNELS) {
        const last = this.published.filter((message) => message.channel === channel).at(-1)?.id;
        await this.untilQuiet(channel, last);
      }
    }
    await this.checkPresence();
  }

  async untilQuiet(channel, id) {
    const has = (one) =>
      one.seen.events.some((event) => event.id === id || (event.type === 'gap' && event.channel === channel));
    const deadline = performance.now() + 8000;
    while (id && !this.participants.every(has) && performance.now() < deadline) await sleep(50);
    await sleep(300);
  }

  async checkPresence() {
    const expected = this.libraries.length;
    const deadline = performance.now() + 10_000;
    for (const one of this.libraries) {
      let state;
      do {
        state = await one.client
          .channel(PRESENCE)
          .presence()
          .catch((error) => ({ error: error.code, members: [] }));
        if (state.count === expected && state.members.length === expected) break;
        await sleep(200);
      } while (performance.now() < deadline);
      if (state.count !== expected || new Set(state.members.map(({ member }) => member)).size !== expected)
        this.violation(
          'presence',
          `${one.name} finds ${state.count ?? state.error} present, not ${expected}`,
        );
    }
  }

  /** What is wrong with what was seen. */
  verdict() {
    this.participants.forEach((one) => {
      if (one.sessions.size > 1) this.violation('sessions', `${one.name} had ${one.sessions.size} sessions`);
    });
    const found = check(
      this.participants.map(({ seen }) => seen),
      this.published,
    );
    return {
      ...found,
      ...this.violations,
      examples: [...found.examples, ...this.examples],
    };
  }

  async close() {
    this.timers?.forEach(clearInterval);
    await Promise.all(this.participants.map((one) => one.close()));
  }
}
