// A client of the protocol as docs/protocol.md has it, written for this check alone and strict: whatever the server says
// that the protocol does not allow is told to the recorder. It shares nothing with the JavaScript client, so that the two
// cannot share a mistake. What it does over each transport is in raw-transports.mjs.

import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './http.mjs';
import { transports } from './raw-transports.mjs';

/** A command was answered with an error. */
export class Refused extends Error {
  constructor({ code, message } = {}) {
    super(message ?? code);
    this.code = code;
  }
}

/** What becomes of unanswered commands when the session is rebuilt or lost: nobody knows whether they happened. */
const INTERRUPTED = new Set(['call']);

export class RawSession {
  /** The session's id, once there is one. */
  id;
  /** How many messages came down. */
  down = 0;
  /** How many messages the server has, as far as we know. */
  confirmed = 0;
  /** Values that follow these, in order. */
  outbox = [];
  turn = 0;
  /** The link to the server at this moment: raw-transports.mjs. */
  link;
  online = false;

  #commands = new Map();
  #lastId = 0;
  #channels = new Map();
  #procedures = new Map();
  #closed = false;

  constructor({ url, transport, recorder, random }) {
    Object.assign(this, { url, transport, recorder, random });
  }

  // ---- what an application uses ----

  async start() {
    await this.#open();
    this.running = this.#run();
  }

  subscribe(channel, { presence = false } = {}) {
    this.#channels.set(channel, { presence });
    return this.#command('subscribe', { channel, presence: presence || undefined });
  }

  publish(channel, data, key) {
    return this.#command('publish', { channel, data, key });
  }

  presence(channel) {
    return this.#command('presence', { channel });
  }

  call(procedure, data) {
    return this.#command('call', { procedure, data });
  }

  register(procedure, handler) {
    this.#procedures.set(procedure, handler);
    return this.#command('register', { procedure });
  }

  async close() {
    this.#closed = true;
    this.link?.end({});
    await this.running;
    if (this.id) await ask({ method: 'DELETE', url: `${this.url}/sessions/${this.id}`, timeoutMs: 3000 });
  }

  // ---- opening and coming back ----

  async #open() {
    while (!this.#closed) {
      const answer = await ask({ method: 'POST', url: `${this.url}/sessions`, body: '{}' });
      const welcome = answer.status === 201 && this.parse(answer.text);
      if (welcome) {
        if (welcome.resumed !== false || welcome.received !== 0 || welcome.after !== 0)
          this.violation(`a new session began with ${answer.text}`);
        Object.assign(this, { id: welcome.session, ping: welcome.ping, down: 0, confirmed: 0, turn: 0 });
        this.recorder.session(this.id);
        return;
      }
      if (![0, 502, 503, 504].includes(answer.status))
        this.violation(`opening a session was answered with ${answer.status} ${answer.text}`);
      await this.#pause(answer);
    }
  }

  #pause(answer, least = 100) {
    const asked = Number(answer.headers?.['retry-after'] ?? 0) * 1000;
    return sleep(Math.max(asked, least + this.random() * 200));
  }

  async #run() {
    while (!this.#closed) {
      this.turn++;
      const ended = await new Promise((resolve) => {
        this.link = transports[this.transport](this, this.turn, resolve);
      });
      this.online = false;
      this.link = undefined;
      if (this.#closed) return;
      this.recorder.note(`end ${ended.code ?? ended.status ?? ''}`);
      if (ended.gone) await this.#anew(ended.gone);
      else await sleep(Math.max(ended.delay ?? 0, 20 + this.random() * 200));
    }
  }

  /** The session is no more: a new one takes up the channels where the old one ended. */
  async #anew(why) {
    this.recorder.note(`lost ${why}`);
    await this.#open();
    // What was said meanwhile is among the commands without an answer, and is sent with these.
    this.outbox = [];
    for (const [channel, subscription] of this.#channels) {
      const { presence, position } = subscription;
      subscription.recovering = false;
      if (position) this.#again('subscribe', { channel, since: position, presence: presence || undefined });
    }
    for (const procedure of this.#procedures.keys()) this.#again('register', { procedure });
    this.#settle();
  }

  /** Sends what was unanswered again, except what must not happen twice. */
  #settle() {
    for (const [id, command] of this.#commands) {
      if (command.forgets) continue;
      if (INTERRUPTED.has(command.op)) {
        this.#commands.delete(id);
        command.reject(new Refused({ code: 'interrupted' }));
      } else {
        this.#put({ op: command.op, id, ...command.fields });
      }
    }
  }

  /** A command of our own after a loss; should that happen again, it is made anew and not repeated. */
  #again(op, fields) {
    for (const [id, other] of this.#commands)
      if (other.forgets && other.op === op && other.fields.channel === fields.channel)
        this.#commands.delete(id);
    this.#command(op, fields, true).catch((error) =>
      this.violation(`${op} after a loss was refused: ${error.code} ${error.message}`),
    );
  }

  // ---- up ----

  #command(op, fields, forgets = false) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#commands.set(id, { op, fields, resolve, reject, forgets });
      this.#put({ op, id, ...fields });
    });
  }

  #put(value) {
    this.outbox.push(JSON.stringify(value));
    this.link?.flush();
  }

  /** A batch for `send` or `poll`: what follows the messages that the server surely has. */
  batch() {
    const messages = this.outbox.slice(0, 100);
    return `{"after":${this.confirmed},"received":${this.down},"messages":[${messages.join(',')}]}`;
  }

  /** The server says that it has so many. An answer that was overtaken by another says less; that is nothing. */
  confirm(received, where) {
    const more = received - this.confirmed;
    if (!Number.isInteger(received) || more > this.outbox.length)
      return this.violation(
        `${where} says received ${received}, and ${this.confirmed + this.outbox.length} were sent`,
      );
    if (more > 0) {
      this.confirmed = received;
      this.outbox.splice(0, more);
    }
    return undefined;
  }

  // ---- down ----

  parse(text) {
    try {
      return JSON.parse(text);
    } catch {
      return this.violation(`what came is no JSON: ${text.slice(0, 200)}`);
    }
  }

  violation(what) {
    this.recorder.violation(`${what} (turn ${this.turn}, session ${this.id})`);
  }

  /**
   * The first value on a link. `after` is what was asked for.
   *
   * @returns false if the link cannot go on
   */
  welcome(welcome, after) {
    if (welcome.session !== this.id) {
      this.violation(`welcome to another session: ${JSON.stringify(welcome)}`);
      return false;
    }
    if (!welcome.resumed) {
      this.#rebuilt(welcome);
      return true;
    }
    if (welcome.after !== after) this.violation(`asked after ${after}, welcome says after ${welcome.after}`);
    if (welcome.received < this.confirmed)
      this.violation(`welcome says received ${welcome.received}, ${this.confirmed} were confirmed`);
    this.confirm(welcome.received, 'welcome');
    this.online = true;
    return true;
  }

  #rebuilt(welcome) {
    if (welcome.after <= this.down || welcome.received < this.confirmed)
      this.violation(`rebuilt below what was counted: ${JSON.stringify(welcome)}, down ${this.down}`);
    this.recorder.rebuilt(welcome.after);
    this.down = welcome.after;
    this.confirmed = welcome.received;
    this.outbox = [];
    const positions = {};
    for (const [channel, subscription] of this.#channels) {
      if (!subscription.position) continue;
      positions[channel] = subscription.position;
      subscription.recovering = true;
    }
    if (Object.keys(positions).length > 0) this.#again('recover', { positions });
    this.#settle();
    this.online = true;
  }

  /** A numbered message came down. @returns false if the link cannot go on */
  receive(value, number) {
    if (number !== this.down + 1) {
      this.violation(`message ${number} came after ${this.down}`);
      return false;
    }
    this.down = number;
    this.online = true;
    switch (value?.op) {
      case 'reply':
        this.#reply(value);
        break;
      case 'message':
        this.#message(value);
        break;
      case 'gap':
        this.#gap(value);
        break;
      case 'presence':
        this.recorder.presence(value);
        break;
      case 'invoke':
        this.#invoke(value);
        break;
      default:
        this.violation(`an unknown value came down: ${JSON.stringify(value)}`);
    }
    return true;
  }

  #reply({ id, data, error }) {
    const command = this.#commands.get(id);
    if (!command) return this.violation(`a reply to ${id}, which was not asked or has its reply`);
    this.#commands.delete(id);
    if (error) {
      if (command.op === 'recover')
        for (const channel of Object.keys(command.fields.positions))
          this.#channels.get(channel).recovering = false;
      return command.reject(new Refused(error));
    }
    if (command.op === 'subscribe') this.#subscribed(command.fields.channel, data, command.fields.since);
    if (command.op === 'recover') {
      for (const [channel, since] of Object.entries(command.fields.positions)) {
        const answer = data.channels[channel];
        this.#channels.get(channel).recovering = false;
        if (answer && !answer.error) this.#subscribed(channel, answer, since);
        else this.violation(`recover has no ${channel}: ${JSON.stringify(answer)}`);
      }
    }
    return command.resolve(data);
  }

  #subscribed(channel, { epoch, offset, recovered }, since) {
    const subscription = this.#channels.get(channel);
    if (!since) subscription.position = { epoch, offset };
    else if (recovered === false) this.#jump(channel, { epoch, offset });
    else if (epoch !== since.epoch)
      this.violation(`${channel} was recovered from ${since.epoch} and has the epoch ${epoch}`);
    this.recorder.subscribed(channel, { epoch, offset });
  }

  #message({ channel, offset, data }) {
    const subscription = this.#channels.get(channel);
    if (!subscription?.position) return this.violation(`a message of ${channel}, before subscribing`);
    if (subscription.recovering) return undefined; // it comes again after the answer to `recover`
    const { epoch } = subscription.position;
    subscription.position = { epoch, offset };
    return this.recorder.message(channel, { epoch, offset, data });
  }

  #gap({ channel, epoch, offset }) {
    const subscription = this.#channels.get(channel);
    if (subscription && !subscription.recovering) this.#jump(channel, { epoch, offset });
  }

  #jump(channel, to) {
    const subscription = this.#channels.get(channel);
    const { epoch, offset } = subscription.position;
    if (epoch === to.epoch && offset === to.offset) return;
    subscription.position = to;
    this.recorder.gap(channel, to);
  }

  #invoke({ invocation, procedure, data }) {
    const handler = this.#procedures.get(procedure);
    if (!handler) return this.violation(`an invocation of ${procedure}, which was not registered`);
    return this.#put({ op: 'result', invocation, data: handler(data) });
  }
}
