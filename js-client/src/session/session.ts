/**
 * A session and the connection that it has at the moment, if any. Decides when to connect, on which rung, and what
 * to do when a connection ends; the counting is in `Streams`, the choice of a rung in `Ladder`, the wait in
 * `Backoff`, the bytes in the transports.
 *
 * One rule makes changes of transport safe: every attempt raises the turn and gets a new `Line`, and what a line of
 * an earlier attempt still says is ignored here, as requests with an earlier turn are ignored by the server.
 */
import { Backoff } from '../core/backoff.js';
import { fromBase64, utf8Length } from '../core/bytes.js';
import { Ladder } from '../core/ladder.js';
import { failure, isExplicit, problemOfBye, remedyFor } from '../core/problem.js';
import type { Outgoing } from '../core/streams.js';
import { Streams } from '../core/streams.js';
import type { Bye, Problem, TransportName, Welcome } from '../core/wire.js';
import { opOf } from '../core/wire.js';
import type { Environment } from '../net/environment.js';
import { rungsOf } from '../net/environment.js';
import { send } from '../net/http.js';
import { transports } from '../transports/all.js';
import { readPoll, SLACK_MS } from '../transports/poll.js';
import type { Line, Link } from '../transports/transport.js';
import { BROKEN, GARBLED } from '../transports/transport.js';
import { probeWebSocket } from '../transports/websocket.js';
import { Acknowledger } from './acknowledger.js';
import type { Opening } from './opening.js';
import { openSession } from './opening.js';

/** A connection that lived this long was a success: the next wait is short again. */
const STABLE_MS = 2000;
/** After one that did not live so long the next wait is up to 1.2 s: something answers, however often it is cut. */
const EASED_ATTEMPTS = 2;
/** At least this long on a rung before a better one is tried. */
const CLIMB_MS = 5000;
/** Room in a batch for what is around its messages. */
const ENVELOPE_BYTES = 128;

/**
 * Where a client stands: `connecting` until a value came, `online`, `offline` when the last attempt reached no
 * server, `closed` for good.
 */
export type State = 'connecting' | 'online' | 'offline' | 'closed';

export interface SessionConfig extends Opening {
  env: Environment;
  outboxBytes: number;
  tryMs: number;
}

/** What the session tells the layer above. */
export interface SessionListener {
  /** What to subscribe to while opening. */
  opening(): unknown[];
  /** A session begins, or was rebuilt without what it knew: both counts start anew. */
  begun(welcome: Welcome): void;
  /** The session is no more; a new one follows. These messages never reached the server, as far as we know. */
  lost(problem: Problem, undelivered: Outgoing[]): void;
  /** The next message of the session: a value of the hub, an application's text, or its bytes. */
  message(value: unknown): void;
  /** The same session goes on over a new connection. */
  resumed(): void;
  state(state: State): void;
  transport(name: TransportName): void;
  reconnecting(attempt: number, delayMs: number, problem: Problem): void;
  /** The server, or something that no attempt can mend, ended it for good. */
  ended(problem: Problem): void;
}

/** What a session counted since the client was made. */
export interface Stats {
  /** Messages numbered going up. */
  sent: number;
  /** Messages received coming down. */
  received: number;
  /** Times that the session went on over a new connection. */
  resumes: number;
  /** Times that the transport changed. */
  changes: number;
}

export class Session {
  state: State = 'connecting';
  transport: TransportName | null = null;
  welcome: Welcome | undefined;
  readonly stats: Stats = { sent: 0, received: 0, resumes: 0, changes: 0 };

  private streams: Streams;
  private ladder: Ladder;
  private backoff = new Backoff();
  private acks: Acknowledger;
  private turn = 0;
  private attempt = 0;
  private link: Link | undefined;
  private rung: TransportName;
  private attached = false;
  private upSince = 0;
  /** Number of the last value that came down on this connection. */
  private cursor = -1;
  private action: (() => void) | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private abort: (() => void) | undefined;

  constructor(
    private config: SessionConfig,
    private listener: SessionListener,
  ) {
    this.streams = new Streams(config.outboxBytes);
    this.ladder = new Ladder(rungsOf(config.env), now);
    this.rung = this.ladder.best();
    this.acks = new Acknowledger(this.streams, () => this.isUp() && this.link!.acknowledge());
  }

  /** Opens the session and connects. */
  open(): void {
    this.detach();
    const own = this.attempt;
    this.abort = openSession(this.config.env, this.config, this.listener.opening(), (problem, welcome) => {
      if (own !== this.attempt) return;
      if (!problem) return this.opened(welcome!);
      const final = remedyFor(problem) !== 'return' && problem.code.indexOf('http_') !== 0;
      if (final) this.end(problem);
      else this.retry(() => this.open(), problem);
    });
  }

  /**
   * Numbers a message and sends it as soon as there is a connection.
   *
   * @param again it was accepted before, in a session that is no more: the bound does not apply
   * @throws FootbridgeError `closed`, `too_large` or `overflow`
   */
  offer(message: string | Uint8Array, again?: boolean): void {
    const outgoing: Outgoing =
      typeof message === 'string'
        ? { text: message, size: utf8Length(message) }
        : { bytes: message, size: Math.ceil(message.length / 3) * 4 + 32 };
    const largest = this.limit('message');
    if (this.state === 'closed') throw failure('closed', 'the client is closed');
    if (outgoing.size > largest)
      throw failure('too_large', 'a message may have ' + largest + ' bytes at most');
    if (!again && !this.streams.fits(outgoing.size)) {
      throw failure('overflow', 'too much waits to be sent; try again when the connection is back');
    }
    this.stats.sent++;
    this.streams.push(outgoing);
    if (this.isUp()) this.link!.flush();
  }

  /** Insists on a rung, or with null chooses by itself again; a live session moves at once. */
  force(rung: TransportName | null): void {
    if (rung && !this.ladder.has(rung)) throw failure('unavailable', 'no ' + rung + ' here');
    this.ladder.forced = rung;
    if (!this.welcome || this.state === 'closed') return;
    if (!this.link || this.rung !== this.ladder.best()) this.attach();
  }

  /** The connection breaks, as if the network had done it; each such break counts as the first. */
  drop(): void {
    this.backoff.reset();
    if (this.link) this.lost({ code: 'dropped', status: 0 });
  }

  /** The network is said to be back: what waits for a later attempt is tried now. */
  hurry(): void {
    const action = this.action;
    if (action) {
      this.detach();
      action();
    }
  }

  /** Ends the session on both sides. */
  close(): void {
    if (this.state === 'closed') return;
    const request = this.welcome && this.closeRequest();
    this.finish();
    if (request) send(this.config.env, request, () => undefined);
  }

  /** Ends the session while its page goes away, when only a beacon still gets out. */
  leave(): void {
    const navigator = this.config.env.navigator;
    if (!this.welcome || !navigator || !navigator.sendBeacon) return;
    navigator.sendBeacon(this.closeRequest().url);
    this.finish();
  }

  private opened(welcome: Welcome): void {
    this.turn = 0;
    this.transport = null;
    this.ladder.offered(welcome.transports);
    this.welcome = welcome;
    this.listener.begun(welcome);
    this.attach();
  }

  /** Tries the best rung. */
  private attach(): void {
    this.detach();
    this.turn++;
    this.cursor = -1;
    this.rung = this.ladder.best();
    const line = this.line(
      () => this.attached || this.established(),
      (problem) => this.lost(problem),
    );
    this.timer = setTimeout(() => line.lost(BROKEN), this.config.tryMs);
    try {
      this.link = transports[this.rung](line);
    } catch (forbidden) {
      line.lost(BROKEN);
    }
  }

  private established(): void {
    clearTimeout(this.timer);
    this.attached = true;
    this.upSince = now();
    if (this.transport) {
      this.stats.resumes++;
      if (this.transport !== this.rung) this.stats.changes++;
      this.listener.resumed();
    }
    const changed = this.transport !== this.rung;
    this.transport = this.rung;
    this.setState('online');
    if (changed) this.listener.transport(this.rung);
    if (this.isUp()) {
      this.link!.flush();
      this.climbLater();
    }
  }

  private line(alive: () => void, lost: (problem: Problem) => void): Line {
    const own = this.attempt;
    const current = () => own === this.attempt;
    return {
      env: this.config.env,
      streams: this.streams,
      credentials: this.config.credentials,
      address: (path, query) => this.address(path, query),
      pingMs: () => ((this.welcome && this.welcome.ping) || 25) * 1000,
      batchBytes: () => this.limit('batch') - ENVELOPE_BYTES,
      value: (value, size, number) => {
        if (current()) this.value(value, size, number, lost);
      },
      alive: () => {
        if (current()) alive();
      },
      confirmed: (received) => {
        if (current() && !this.streams.confirm(received)) lost({ code: 'gap' });
      },
      lost: (problem) => {
        if (current()) lost(problem);
      },
    };
  }

  private value(value: unknown, size: number, number: number | undefined, lost: (problem: Problem) => void) {
    switch (opOf(value)) {
      case 'welcome':
        return this.welcomed(value as Welcome, lost);
      case 'bye':
        return lost(problemOfBye(value as Bye));
      case 'ack':
        if (!this.streams.confirm((value as { received: number }).received)) lost({ code: 'gap' });
        return;
      case 'ping':
      case 'pong':
        return;
    }
    if (number === undefined) {
      if (this.cursor < 0) return lost(GARBLED);
      number = this.cursor + 1;
    }
    this.cursor = number;
    const arrival = this.streams.take(number);
    if (arrival === 'hole') return lost(GARBLED);
    if (arrival === 'repeat') return;
    this.stats.received++;
    this.acks.received(size, this.limit('buffer'));
    this.listener.message(
      opOf(value) === 'binary' ? fromBase64((value as { data: string }).data) : (value as unknown),
    );
  }

  private welcomed(welcome: Welcome, lost: (problem: Problem) => void): void {
    if (welcome.session !== this.welcome!.session) return lost({ code: 'gap' });
    this.cursor = welcome.after;
    this.welcome = welcome;
    if (!welcome.resumed) {
      this.listener.lost({ code: 'rebuilt' }, this.streams.rebase(welcome.received, welcome.after));
      this.listener.begun(welcome);
    } else if (!this.streams.resume(welcome.received)) {
      lost({ code: 'gap' });
    }
  }

  /** A connection ended, or an attempt failed. */
  private lost(problem: Problem): void {
    const rung = this.rung;
    const lived = this.attached ? now() - this.upSince : -1;
    const explicit = isExplicit(problem);
    this.detach();
    if (lived >= STABLE_MS) this.backoff.reset();
    else if (lived >= 0) this.backoff.ease(EASED_ATTEMPTS);
    if (lived >= 0) {
      this.setState('connecting');
      if (!explicit && problem.code !== 'dropped') this.ladder.cut(rung, lived);
    }
    if (lived >= 0 || explicit || rung === 'shortpoll') this.comeBack(problem);
    else this.check(rung);
  }

  /**
   * A rung failed without a reason that it could give: neither WebSocket nor EventSource can tell a proxy that
   * blocks them from a server that is down. One short poll can, and takes along what waits.
   */
  private check(failed: TransportName): void {
    this.turn++;
    const own = this.attempt;
    const line = this.line(
      () => undefined,
      (problem) => this.comeBack(problem),
    );
    const url = this.address('poll', { after: this.streams.received, wait: 0 });
    const credentials = this.config.credentials;
    this.abort = send(this.config.env, { method: 'GET', url, credentials, timeoutMs: SLACK_MS }, (answer) => {
      if (!readPoll(line, answer) || own !== this.attempt) return;
      if (this.ladder.forced) return this.retry(() => this.attach(), { code: 'no_transport' });
      this.ladder.failed(failed);
      this.attach();
    });
  }

  private comeBack(problem: Problem): void {
    const remedy = remedyFor(problem);
    const refresh = problem.code === 'unauthenticated' && typeof this.config.token === 'function';
    if (remedy === 'renew' || (refresh && this.transport)) this.renew(problem);
    else if (remedy === 'stop') this.end(problem);
    else this.retry(() => this.attach(), problem);
  }

  private renew(problem: Problem): void {
    this.detach();
    this.welcome = undefined;
    this.listener.lost(problem, this.streams.rebase(0, 0));
    this.retry(() => this.open(), problem);
  }

  private retry(action: () => void, problem: Problem): void {
    this.detach();
    if (problem.status === 0 && problem.code !== 'dropped') this.setState('offline');
    const wait = Math.max(problem.delay || 0, this.backoff.next());
    this.action = action;
    this.timer = setTimeout(() => {
      this.action = undefined;
      action();
    }, wait);
    this.listener.reconnecting(this.backoff.count(), wait, problem);
  }

  private climbLater(): void {
    const wait = this.ladder.climbIn(this.rung);
    if (wait === undefined) return;
    this.timer = setTimeout(() => this.climb(), Math.max(wait, CLIMB_MS));
  }

  /** Tries a better rung while this one works. */
  private climb(): void {
    const better = this.ladder.best();
    if (better === this.rung) return this.climbLater();
    if (better !== 'websocket') return this.attach();
    const line = this.line(
      () => undefined,
      () => undefined,
    );
    this.abort = probeWebSocket(line, this.config.tryMs, (works) => {
      if (works) return this.attach();
      this.ladder.failed(better);
      this.climbLater();
    });
  }

  private isUp(): boolean {
    return this.attached && !!this.link;
  }

  /** Ends what is under way, connected or not; nothing of it is heard of again. */
  private detach(): void {
    this.attempt++;
    this.attached = false;
    this.acks.stop();
    clearTimeout(this.timer);
    this.action = undefined;
    const { link, abort } = this;
    this.link = this.abort = undefined;
    if (link) link.close();
    if (abort) abort();
  }

  private end(problem: Problem): void {
    if (this.finish()) this.listener.ended(problem);
  }

  private finish(): boolean {
    if (this.state === 'closed') return false;
    this.detach();
    this.setState('closed');
    return true;
  }

  private setState(state: State): void {
    if (this.state === state) return;
    this.state = state;
    this.listener.state(state);
  }

  private closeRequest() {
    const url = this.address('close');
    return { method: 'POST' as const, url, credentials: this.config.credentials, timeoutMs: SLACK_MS };
  }

  private address(path: string, query: { [name: string]: string | number } = {}): string {
    const id = encodeURIComponent(this.welcome!.session);
    const inPath = path !== 'ws';
    let url = this.config.url + (inPath ? '/sessions/' + id + '/' : '/') + path;
    url += inPath ? '?' : '?session=' + id + '&';
    url += 'turn=' + this.turn;
    for (const name in query) url += '&' + name + '=' + encodeURIComponent(query[name]!);
    return url;
  }

  private limit(name: 'message' | 'batch' | 'buffer'): number {
    const limits = this.welcome && this.welcome.limits;
    return (limits && limits[name]) || 1 << 16;
  }
}

function now(): number {
  return new Date().getTime();
}
