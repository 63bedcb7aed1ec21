// A client that speaks the protocol by itself, as docs/protocol.md has it, and is strict where a library would be
// lenient. Every request is a connection of its own, and so goes to whatever node the balancer takes.

import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const AGAIN_MS = 300;
const ACK_MS = 400;
const WAIT_S = 20;
const TRY_MS = 5000;

/** The transports that there are. */
export const TRANSPORTS = ['websocket', 'sse', 'stream', 'longpoll', 'shortpoll', 'jsonp'];

const json = (text) => JSON.parse(text);
const failed = (code, detail) => Object.assign(new Error(`${code} ${detail ?? ''}`), { code });

/**
 * Asks on a connection of its own.
 *
 * @param each is given the body in parts as they come; without it the whole body is the answer
 */
function ask(url, { method = 'GET', body, each, limitMs, abort }) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: false, signal: abort, timeout: limitMs }, (answer) => {
      answer.setEncoding('utf8');
      let text = '';
      const whole = answer.statusCode !== 200 || !each;
      answer.on('data', (part) => {
        if (whole) text += part;
        else {
          try {
            each(part);
          } catch (error) {
            asked.destroy();
            reject(error);
          }
        }
      });
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
      answer.on('error', reject);
      answer.on('aborted', () => reject(failed('cut')));
    });
    asked.on('timeout', () => asked.destroy(failed('slow')));
    asked.on('error', reject);
    asked.end(body);
  });
}

/** A session over one transport. */
export class RawClient {
  /**
   * @param report `message`, `gap`, `subscribed` of channels; `session(id)`; `violation(text)`; `connected(boolean)`
   */
  constructor(name, url, transport, channels, report, WebSocket) {
    Object.assign(this, { name, url, transport, channels, report, WebSocket });
    this.turn = 0;
    this.after = 0;
    this.acked = 0;
    this.confirmed = 0;
    this.outbox = [];
    this.pending = new Map();
    this.lastId = 0;
    this.positions = new Map();
    this.recovering = false;
    this.closed = false;
  }

  /** Goes on until it is closed. */
  async run() {
    while (!this.closed) {
      try {
        if (!this.id) await this.open();
        await this.attach();
      } catch (error) {
        this.report.connected(false);
        if (this.closed) return;
        if (['session_gone', 'expired', 'gap'].includes(error.code)) this.gone(error.code);
        else if (error instanceof TypeError || error instanceof SyntaxError)
          this.report.violation(`${this.name}: ${error.stack}`);
        await sleep(Math.max(error.delay ?? 0, Math.random() * AGAIN_MS));
      }
    }
  }

  async close() {
    this.closed = true;
    this.aborting?.abort();
    this.socket?.terminate();
    if (this.id)
      await ask(`${this.url}/sessions/${this.id}`, {
        method: 'DELETE',
        limitMs: TRY_MS,
      }).catch(() => undefined);
  }

  gone(code) {
    this.report.violation(`${this.name}: the session was lost (${code})`);
    this.id = undefined;
  }

  // ---- opening ----

  async open() {
    const answer = await ask(`${this.url}/sessions`, {
      method: 'POST',
      body: '',
      limitMs: TRY_MS,
    });
    if (answer.status !== 201) throw this.problem(answer);
    const welcome = json(answer.text);
    this.id = welcome.session;
    this.report.session(this.id);
    this.begin(welcome);
  }

  /** A session begins, or a new life of it. */
  begin(welcome) {
    const unanswered = [...this.pending.values()];
    this.pending.clear();
    this.outbox = [];
    this.confirmed = welcome.received;
    this.after = this.acked = welcome.after;
    const fresh = this.channels.filter((channel) => !this.positions.has(channel));
    fresh.forEach((channel) => this.subscribe(channel));
    if (fresh.length < this.channels.length) this.recover();
    unanswered
      .filter(({ value }) => value.op === 'publish')
      .forEach(({ value, done }) => this.command(value, done));
  }

  subscribe(channel) {
    this.command({ op: 'subscribe', channel }, (error, { epoch, offset } = {}) => {
      if (error) return this.violates(`subscribing to ${channel}: ${error.code}`);
      this.positions.set(channel, { epoch, offset });
      this.report.subscribed(channel, epoch, offset);
    });
  }

  recover() {
    this.recovering = true;
    this.command(
      { op: 'recover', positions: Object.fromEntries(this.positions) },
      (error, { channels = {} } = {}) => {
        if (error) return this.violates(`recovering: ${error.code}`);
        this.recovering = false;
        for (const [channel, answer] of Object.entries(channels)) {
          if (answer.error?.code === 'unavailable') setTimeout(() => this.recover(), AGAIN_MS);
          else if (answer.error) this.violates(`recovering ${channel}: ${answer.error.code}`);
          else if (!answer.recovered) this.gapped({ channel, ...answer });
        }
      },
    );
  }

  violates(text) {
    this.report.violation(`${this.name}: ${text}`);
  }

  // ---- commands ----

  /** Sends a command; `done(error, data)` is called once. What cannot be done now is sent again. */
  command(value, done, id = ++this.lastId) {
    if (this.postponed) {
      this.postponed.push({ value, done, id });
      return;
    }
    this.pending.set(id, { value, done, id });
    this.outbox.push({ ...value, id });
    this.wake?.();
  }

  publish(channel, data, key) {
    return new Promise((resolve, reject) =>
      this.command({ op: 'publish', channel, data, key }, (error, place) =>
        error ? reject(error) : resolve(place),
      ),
    );
  }

  // ---- what comes ----

  numbered(number, value) {
    if (number !== this.after + 1) throw this.broken(`number ${number} came after ${this.after}`);
    this.after = number;
    this.value(value);
  }

  broken(text) {
    this.violates(text);
    return failed('broken', text);
  }

  value(value) {
    switch (value.op) {
      case 'message': {
        const position = this.positions.get(value.channel);
        if (this.recovering || !position) return;
        position.offset = value.offset;
        this.report.message(value.channel, position.epoch, value.offset, value.data);
        return;
      }
      case 'gap':
        if (!this.recovering) this.gapped(value);
        return;
      case 'reply': {
        const command = this.pending.get(value.id);
        this.pending.delete(value.id);
        if (!command) return;
        if (value.error?.code === 'unavailable') this.again(command);
        else if (value.error) command.done(Object.assign(new Error(value.error.code), value.error));
        else command.done(null, value.data ?? {});
        return;
      }
      default:
    }
  }

  /** What cannot be done now is sent again a little later, all of it in its order. */
  again(command) {
    this.postponed ??= [];
    this.postponed.push(command);
    if (this.postponed.length === 1) this.sendAgainLater();
  }

  sendAgainLater() {
    setTimeout(() => {
      if (this.pending.size > 0) return this.sendAgainLater();
      const all = this.postponed.sort((one, other) => one.id - other.id);
      this.postponed = undefined;
      all.forEach(({ value, done, id }) => this.command(value, done, id));
    }, AGAIN_MS);
  }

  gapped({ channel, epoch, offset }) {
    this.positions.set(channel, { epoch, offset });
    this.report.gap(channel, epoch, offset);
  }

  confirm(received) {
    const fresh = received - this.confirmed;
    if (fresh > this.outbox.length)
      throw this.broken(`${received} were received, ${this.confirmed + this.outbox.length} were sent`);
    if (fresh > 0) {
      this.outbox.splice(0, fresh);
      this.confirmed = received;
    }
  }

  welcomed(welcome) {
    if (welcome.session !== this.id) throw this.broken(`welcome to ${welcome.session}`);
    if (!welcome.resumed) {
      this.begin(welcome);
      return;
    }
    if (welcome.after !== this.after) throw this.broken(`welcome after ${welcome.after}, not ${this.after}`);
    this.confirm(welcome.received);
  }

  bye(bye) {
    return Object.assign(failed(bye.code), { delay: bye.delay });
  }

  problem({ status, text }) {
    try {
      return failed(json(text).code, text);
    } catch {
      return failed(`http_${status}`);
    }
  }

  // ---- transports ----

  async attach() {
    this.turn++;
    this.aborting = new AbortController();
    const over = new AbortController();
    try {
      if (this.transport === 'websocket') await this.webSocket();
      else if (this.transport === 'sse' || this.transport === 'stream') {
        await Promise.race([this.stream(), this.sending(over.signal)]);
      } else await Promise.race([this.polling(), this.sending(over.signal)]);
    } finally {
      over.abort();
      this.aborting.abort();
    }
  }

  target(what, query) {
    return `${this.url}/sessions/${this.id}/${what}?turn=${this.turn}${query}`;
  }

  async polling() {
    const wait = this.transport === 'shortpoll' ? 0 : WAIT_S;
    const path = this.transport === 'jsonp' ? 'jsonp' : 'poll';
    const callback = this.transport === 'jsonp' ? '&callback=f' : '';
    for (let first = true; !this.closed; first = false) {
      // The first one does not wait, so that it is known at once whether there is a session.
      const query = `&after=${this.after}&wait=${first ? 0 : wait}${callback}`;
      const answer = await ask(this.target(path, query), {
        abort: this.aborting.signal,
        limitMs: (WAIT_S + 10) * 1000,
      });
      const text = this.transport === 'jsonp' ? /^\/\*\*\/f\((.*)\);$/s.exec(answer.text)?.[1] : answer.text;
      if (answer.status !== 200 || text === undefined) throw this.problem(answer);
      const value = json(text);
      if (value.status) throw this.problem({ status: value.status, text });
      this.report.connected(true);
      if (value.welcome) this.welcomed(value.welcome);
      (value.messages ?? []).forEach((message, i) => this.numbered(value.first + i, message));
      if (value.received !== undefined) this.confirm(value.received);
      if (value.bye) throw this.bye(value.bye);
      if (wait === 0 && value.messages?.length === 0) await sleep(500);
    }
  }

  async stream() {
    const events = this.transport === 'sse';
    let rest = '';
    let number;
    const control = (value) => {
      if (value.op === 'welcome') {
        this.welcomed(value);
        number = this.after;
        this.report.connected(true);
      } else if (value.op === 'bye') throw this.bye(value);
    };
    const one = (text) => {
      if (events) {
        const id = /^id: ?(.*)$/m.exec(text)?.[1];
        const data = /^data: ?(.*)$/m.exec(text)?.[1];
        if (!data) return;
        if (id) this.numbered(Number(id), json(data));
        else control(json(data));
      } else if (text.trim()) {
        const value = json(text);
        if (['welcome', 'bye', 'ping', 'pong', 'ack'].includes(value.op)) control(value);
        else this.numbered(++number, value);
      }
    };
    const answer = await ask(this.target(events ? 'events' : 'stream', `&after=${this.after}`), {
      abort: this.aborting.signal,
      limitMs: 60_000,
      each: (part) => {
        const parts = (rest + part).split(events ? '\n\n' : '\n');
        rest = parts.pop();
        parts.forEach(one);
      },
    });
    throw answer.status === 200 ? failed('ended') : this.problem(answer);
  }

  /** Sends what there is and acknowledges, beside what comes down. */
  async sending(over) {
    while (!over.aborted) {
      if (this.outbox.length > 0 || this.after > this.acked) {
        const received = this.after;
        const body = JSON.stringify({
          after: this.confirmed,
          received,
          messages: this.outbox,
        });
        const answer = await ask(this.target('send', ''), {
          method: 'POST',
          body,
          limitMs: TRY_MS,
        });
        if (over.aborted) return;
        if (answer.status !== 200) {
          const problem = this.problem(answer);
          if (problem.code !== 'rebuilt') throw problem;
          // The receiver is told where the session stands.
          await sleep(100);
          continue;
        }
        this.acked = Math.max(this.acked, received);
        this.confirm(json(answer.text).received);
      }
      if (this.outbox.length === 0) {
        await new Promise((resolve) => {
          this.wake = resolve;
          setTimeout(resolve, ACK_MS);
        });
      }
    }
  }

  webSocket() {
    return new Promise((resolve, reject) => {
      const query = `?session=${this.id}&after=${this.after}&turn=${this.turn}`;
      const socket = new this.WebSocket(`${this.url.replace('http', 'ws')}/ws${query}`, 'footbridge.v1', {
        perMessageDeflate: false,
        handshakeTimeout: TRY_MS,
      });
      this.socket = socket;
      let number;
      let sent;
      const late = setTimeout(() => end(failed('slow')), TRY_MS);
      const end = (error) => {
        clearTimeout(late);
        clearInterval(beat);
        this.wake = undefined;
        socket.removeAllListeners('message');
        socket.on('error', () => undefined);
        socket.terminate();
        reject(error);
      };
      const flush = () => {
        if (sent === undefined || socket.readyState !== 1) return;
        this.outbox.slice(sent - this.confirmed).forEach((value) => socket.send(JSON.stringify(value)));
        sent = this.confirmed + this.outbox.length;
      };
      const beat = setInterval(() => {
        if (sent === undefined || this.after === this.acked) return;
        this.acked = this.after;
        socket.send(JSON.stringify({ op: 'ack', received: this.after }));
      }, ACK_MS);
      socket.on('message', (data) => {
        try {
          const value = json(data.toString());
          if (value.op === 'welcome') {
            clearTimeout(late);
            this.welcomed(value);
            number = this.after;
            sent = this.confirmed;
            this.wake = flush;
            this.report.connected(true);
            flush();
          } else if (value.op === 'ack') {
            this.confirm(value.received);
          } else if (value.op === 'bye') end(this.bye(value));
          else if (value.op !== 'ping' && value.op !== 'pong') this.numbered(++number, value);
        } catch (error) {
          end(error);
        }
      });
      socket.on('close', () => end(failed('cut')));
      socket.on('error', (error) => end(failed('cut', error.message)));
      this.aborting.signal.addEventListener('abort', () => end(failed('aborted')));
    });
  }
}
