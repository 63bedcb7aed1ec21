/**
 * A session and the connection that it has at the moment, if any. Decides when to connect, on which rung, and what
 * to do when a connection ends; the counting is in `Streams`, the choice of a rung in `Ladder`, the wait in
 * `Backoff`, the bytes in the transports.
 *
 * Two rules make changes of transport safe and cheap. Every attempt raises the turn and gets a new `Line`; what a
 * line of an earlier attempt still says is ignored here, as requests with an earlier turn are ignored by the server.
 * And the session first stands on a carrier, a row of requests that gets through almost everywhere; a better rung is
 * tried beside it, without touching the session, and taken only when a value has come through it.
 */
import { Backoff } from '../core/backoff.js';
import { fromBase64, utf8Length } from '../core/bytes.js';
import { now, timer } from '../core/clock.js';
import { guarded } from '../core/guarded.js';
import { isCarrier, Ladder } from '../core/ladder.js';
import { keep, place } from '../core/lists.js';
import { failure, isExplicit, problemOfBye, remedyFor } from '../core/problem.js';
import type { Outgoing } from '../core/streams.js';
import { Streams } from '../core/streams.js';
import type { Bye, Problem, TransportName, Welcome } from '../core/wire.js';
import { count, isValue, opOf, parse, RUNGS, welcomeOf } from '../core/wire.js';
import type { Kit } from '../net/kit.js';
import type { Line, Link } from '../transports/link.js';
import { BROKEN, GARBLED, SILENT } from '../transports/link.js';
import { probeStream } from '../transports/stream.js';
import { hangUp, probeWebSocket } from '../transports/websocket.js';
import { acknowledger } from './acknowledger.js';
import { remember, remembered } from './memory.js';
import type { Baggage, Opened, Opening } from './opening.js';
import { opener } from './opening.js';

/** A connection that lived this long was a success: the next wait is short again. */
const STABLE_MS = 2000;
/** After one that did not live so long the next wait is up to 1 s: something answers, however often it is cut. */
const EASED_MS = 1000;
/** After so long without silence the network is believed to be as fast as at first. */
const CALM_MS = 20000;
/** How long what carried the session last has to show that it still does, before a carrier takes its place. */
const HEDGE_MS = 1000;
/** The same for a request that carries the opening. */
const OPENING_MS = 2500;
/** How long a stream that is tried may hold back a value. */
const STREAM_MS = 2000;
/** When to ask again what the server could not tell. */
const UNSURE_MS = 30000;
/** What the browser tells does not make us try more often than this. */
const HURRY_MS = 1000;
/** Seconds for which a poll is held while nobody looks: below the half minute after which many proxies lose patience. */
const HOLD_SECONDS = 25;
/** Room in a batch for what is around its messages. */
const ENVELOPE_BYTES = 128;
/** The most that waiting is stretched on a network that is slow. */
const SLOWEST = 16;

/**
 * Where a client stands: `connecting` until a value came, `online`, `offline` when the last attempt reached no
 * server, `closed` for good.
 */
export type State = 'connecting' | 'online' | 'offline' | 'closed';

export interface SessionConfig extends Opening {
  kit: Kit;
  outboxBytes: number;
  tryMs: number;
  silenceMs: number;
}

/** What the session tells the layer above. */
export interface SessionListener {
  /** What to take along while opening. */
  opening(): Baggage;
  /**
   * A session begins, or was rebuilt without what it knew: both counts start anew. So many messages went along with
   * the opening.
   */
  begun(welcome: Welcome, messages: number): void;
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

export interface Session {
  state: State;
  transport: TransportName | null;
  welcome: Welcome | undefined;
  readonly stats: Stats;
  /** Opens the session and connects. */
  open(): void;
  /**
   * Numbers a message and sends it as soon as there is a connection.
   *
   * @param again it was accepted before, in a session that is no more: the bound does not apply
   * @throws FootbridgeError `closed`, `too_large` or `overflow`
   */
  offer(message: string | Uint8Array, again?: boolean): void;
  /** Insists on a rung, or with null chooses by itself again; a live session moves at once. */
  force(rung: TransportName | null): void;
  /** The connection breaks, as if the network had done it; each such break counts as the first. */
  drop(): void;
  /**
   * What waits for a later attempt is tried now, and a connection has to show that it lives.
   *
   * @param changed the network may be another one: what failed may work now
   */
  wake(changed?: boolean): void;
  /** Somebody looks at the page, or nobody does. */
  watched(looks: boolean): void;
  /** Ends the session on both sides. */
  close(): void;
  /** Ends the session here. Returns the address of the request that ends it there, if there is one to end. */
  leave(): string | undefined;
}

/** Gets a session for a client that shares it with others; made by `tabs`. */
export type Share = (url: string, create: (listener: any) => any, listener: any) => any;

export function createSession(config: SessionConfig, listener: SessionListener): Session {
  const { kit, url } = config;
  const streams = new Streams();
  const ladder = new Ladder(
    keep(RUNGS, (rung) => kit.transports[rung]),
    now,
  );
  const best = remembered(url, ladder);
  const backoff = new Backoff();
  const openSession = opener(kit.send, config);
  const acks = acknowledger(streams, () => shown && link!.acknowledge());
  /** Limits how long what is under way may take; or waits for the next attempt. */
  const limit = timer();
  const climbing = timer();

  let turn = 0;
  let line: Line | undefined;
  let link: Link | undefined;
  let rung = ladder.best();
  /** A value came on this connection. */
  let shown = false;
  let since = 0;
  /** It was taken because it had shown that it works, beside one that did. */
  let tried = false;
  /** Number of the last value that came down on this connection. */
  let cursor = -1;
  let looks = true;
  /** Milliseconds that the server took to answer of late. */
  let roundTrip = 0;
  /** How often in a row what gets through almost everywhere did not answer in time. */
  let silences = 0;
  /** What is done after the wait. */
  let next: (() => void) | undefined;
  /** Not before this time: it was tried just now, or the server wants us to wait. */
  let notBefore = 0;
  /** What waits does so because it was told to. */
  let obeying = false;
  let abortOpening: (() => void) | undefined;
  /** A better rung that is being tried beside the one that carries. */
  let trial: TransportName | undefined;
  let abortTrial: (() => void) | undefined;
  /** While the session opens: a WebSocket that has shown that it works. */
  let early: WebSocket | undefined;

  const session: Session = {
    state: 'connecting',
    transport: null,
    welcome: undefined,
    stats: { sent: 0, received: 0, resumes: 0, changes: 0 },

    open() {
      detach();
      // A WebSocket is always tried at once, whatever is remembered: where it hangs that costs nothing.
      if (!trial && ladder.has('websocket') && (ladder.forced || 'websocket') === 'websocket') {
        tryRung('websocket');
      }
      abortOpening = openSession(
        listener.opening(),
        patience(OPENING_MS),
        () => {
          const socket = early;
          if (socket) stopTrial(socket);
          return socket;
        },
        (problem, it) => {
          abortOpening = undefined;
          if (it) opened(it);
          else if (remedyFor(problem!) !== 'return') end(problem!);
          else retry(session.open, problem!);
        },
      );
    },

    offer(message, again) {
      const outgoing: Outgoing =
        typeof message === 'string'
          ? { text: message, size: utf8Length(message) }
          : { bytes: message, size: Math.ceil(message.length / 3) * 4 + 32 };
      const largest = limitOf('message');
      if (session.state === 'closed') throw failure('closed', 'the client is closed');
      if (outgoing.size > largest)
        throw failure('too_large', 'a message may have ' + largest + ' bytes at most');
      if (!again && !streams.fits(outgoing.size, config.outboxBytes)) {
        throw failure('overflow', 'too much waits to be sent; try again when the connection is back');
      }
      session.stats.sent++;
      streams.push(outgoing);
      if (shown) link!.flush();
    },

    force(wanted) {
      if (wanted && !ladder.has(wanted)) throw failure('unavailable', 'no ' + wanted + ' here');
      ladder.forced = wanted;
      if (wanted && trial !== wanted) stopTrial();
      if (!session.welcome || session.state === 'closed') return;
      if (!line || (wanted && rung !== wanted)) attach(ladder.carrier());
      else climb();
    },

    drop() {
      backoff.reset();
      if (line) lost(line, { code: 'dropped', status: 0 });
    },

    wake(changed) {
      const time = now();
      if (changed) ladder.lift();
      if (next && time >= notBefore) {
        const action = next;
        notBefore = time + HURRY_MS;
        detach();
        action();
      } else if (shown) {
        link!.check();
        climb();
      }
    },

    watched(now) {
      const again = looks === now;
      looks = now;
      // Whoever reminds us of it does not shorten a wait.
      if (looks && !(again && next)) session.wake();
    },

    close() {
      const address = session.leave();
      if (address) kit.send(address, '', config.tryMs, () => undefined);
    },

    leave() {
      const address = session.welcome && addressOf('close');
      return finish() ? address : undefined;
    },
  };

  function opened({ welcome, messages, socket }: Opened): void {
    const { received } = welcome;
    turn = 0;
    session.transport = null;
    session.welcome = welcome;
    session.stats.sent += received;
    ladder.offered(welcome.transports);
    streams.confirmed = received;
    listener.begun(welcome, Math.min(messages, received));
    const came = welcome.messages;
    const goesOn = () => session.welcome === welcome && session.state !== 'closed';
    for (let i = 0; i < came.length && isValue(came[i]) && goesOn(); i++) take(came[i], 0, i + 1);
    if (!goesOn()) return socket && hangUp(socket);
    const wanted = ladder.forced || best;
    if (socket || early) attach('websocket', socket || early, !!socket);
    else attach(usable(wanted) && wanted !== 'websocket' ? wanted! : ladder.carrier(), undefined, true);
  }

  /**
   * Connects on this rung.
   *
   * @param proven a socket that has shown that it works
   * @param answered the server has just answered: a carrier carries already, and over the socket it was that it answered
   */
  function attach(to: TransportName, proven?: WebSocket, answered?: boolean): void {
    const carrier = isCarrier(to);
    const patient = carrier || ladder.forced;
    detach();
    if (session.state === 'closed') return;
    if (proven || ladder.forced || (trial && place(RUNGS, to) <= place(RUNGS, trial))) stopTrial(proven);
    turn++;
    rung = to;
    tried = !!proven;
    const own = (line = newLine((answered = answered && (carrier || !!proven))));
    limit.after(patience(patient ? config.tryMs : HEDGE_MS), () => lost(own, SILENT));
    try {
      link = kit.transports[to]!(own, proven);
    } catch (forbidden) {
      return lost(own, BROKEN);
    }
    if (!answered) return;
    cursor = streams.received;
    established();
  }

  /** The connection works: a value came through it. */
  function established(): void {
    const { transport, stats } = session;
    const changed = transport !== rung;
    limit.stop();
    shown = true;
    since = now();
    session.transport = rung;
    if (transport) {
      stats.resumes++;
      if (changed) stats.changes++;
      listener.resumed();
    }
    // Whoever is told may end the session, or move it.
    if (shown) setState('online');
    if (shown && changed) listener.transport(rung);
    if (!shown) return;
    remember(url, ladder, rung);
    link!.flush();
    climb();
  }

  function usable(wanted: TransportName | null | undefined): boolean {
    return !!wanted && ladder.has(wanted) && ladder.free(wanted);
  }

  function newLine(proven?: boolean): Line {
    const { session: id } = session.welcome!;
    const own: Line = {
      kit,
      streams,
      session: id,
      turn,
      proven: !!proven,
      address: addressOf,
      quietMs: () => (looks ? patience((config.silenceMs * 3) / 8) : pingSeconds() * 1000),
      holdSeconds: () => (looks ? Math.max(1, Math.floor(config.silenceMs / 2000)) : HOLD_SECONDS),
      patience,
      batchBytes: () => limitOf('batch') - ENVELOPE_BYTES,
      roundTrip: (ms) => (roundTrip = roundTrip ? (roundTrip * 3 + ms) / 4 : ms),
      value: (value, size, number) => {
        if (own === line) received(own, value, size, number);
      },
      confirmed: (received) => {
        if (own !== line) return;
        if (count(received) < 0) lost(own, GARBLED);
        else if (!streams.confirm(received)) lost(own, { code: 'gap' });
        else if (!shown) established();
      },
      refused() {
        if (own !== line) return;
        const { id } = parse(streams.drop().text || '') || ({} as any);
        const error = { code: 'too_large', message: 'something on the way takes no message of this size' };
        // A command fails for itself; an application's own message cannot be left out of its conversation.
        if (id === undefined) end(error);
        else guarded(() => listener.message({ op: 'reply', id, error }));
      },
      lost: (problem) => lost(own, problem),
    };
    return own;
  }

  function received(own: Line, value: unknown, size: number, number: number | undefined): void {
    switch (opOf(value)) {
      case 'welcome':
        return welcomed(own, welcomeOf(value));
      case 'bye':
        return lost(own, problemOfBye(value as Bye));
      case 'ack':
        return own.confirmed((value as { received: number }).received);
      case 'ping':
      case 'pong':
        return;
    }
    if (!isValue(value)) return lost(own, GARBLED);
    if (number === undefined) number = cursor < 0 ? Infinity : cursor + 1;
    cursor = number;
    if (!take(value, size, number)) lost(own, GARBLED);
  }

  /** Takes the message of this number, unless we have it already. False if one before it is missing. */
  function take(value: unknown, size: number, number: number): boolean {
    const arrival = streams.take(number);
    if (arrival === 'next') {
      session.stats.received++;
      acks.received(size, limitOf('buffer'));
      // What is wrong with a message is no fault of the connection's, and it counts all the same.
      guarded(() =>
        listener.message(
          opOf(value) === 'binary' ? fromBase64((value as { data: string }).data) : (value as unknown),
        ),
      );
    }
    return arrival !== 'hole';
  }

  function welcomed(own: Line, welcome: Welcome | undefined): void {
    if (!welcome) return lost(own, GARBLED);
    if (welcome.session !== own.session) return lost(own, { code: 'gap' });
    cursor = welcome.after;
    session.welcome = welcome;
    if (!welcome.resumed) {
      listener.lost({ code: 'rebuilt' }, streams.rebase(welcome.received, welcome.after));
      if (session.state !== 'closed') listener.begun(welcome, 0);
    } else if (!streams.resume(welcome.received)) {
      return lost(own, { code: 'gap' });
    }
    if (!shown && own === line) established();
  }

  /** A connection ended, or an attempt failed. */
  function lost(own: Line, problem: Problem): void {
    if (own !== line) return;
    const lived = shown ? Math.max(0, now() - since) : -1;
    const explicit = isExplicit(problem);
    const silent = problem.code === 'silent';
    const ended = rung;
    detach();
    if (lived >= CALM_MS) silences = 0;
    if (lived >= STABLE_MS) backoff.reset();
    else if (lived >= 0) backoff.ease(EASED_MS);
    if (silent && isCarrier(ended)) silences++;
    if (lived < 0 ? tried && !explicit : silent && !isCarrier(ended)) ladder.failed(ended);
    else if (lived >= 0 && !explicit && problem.code !== 'dropped') ladder.cut(ended, lived);
    if (lived >= 0) setState('connecting');
    // Neither a WebSocket nor a stream can tell a proxy that blocks it from a server that is down; a carrier can.
    if (lived < 0 && !explicit && ended !== ladder.carrier() && !ladder.forced)
      return attach(ladder.carrier());
    const remedy = remedyFor(problem);
    const refresh = problem.code === 'unauthenticated' && typeof config.token === 'function';
    if (remedy === 'renew' || (refresh && session.transport)) renew(problem);
    else if (remedy === 'stop') end(problem);
    else retry(comeBack, problem, lived >= 0);
  }

  /** Connects anew: where the session stood last, or on a carrier if that is in doubt. */
  function comeBack(): void {
    const last = session.transport;
    attach(ladder.forced || (usable(last) ? last! : ladder.carrier()));
  }

  function renew(problem: Problem): void {
    if (session.state === 'closed') return;
    detach();
    stopTrial();
    session.welcome = undefined;
    listener.lost(problem, streams.rebase(0, 0));
    retry(session.open, problem);
  }

  function retry(action: () => void, problem: Problem, worked?: boolean): void {
    if (session.state === 'closed' || line) return; // whoever was told has moved it
    if (problem.status === 0 && !worked) setState('offline');
    const { delay = 0 } = problem;
    const wait = Math.max(delay, backoff.next());
    // What only stands before the server does not keep us from trying when the browser says that the network changed.
    if (!/^http_/.test(problem.code)) notBefore = Math.max(notBefore, delay && now() + delay);
    obeying = delay > 0;
    next = action;
    limit.after(wait, () => {
      next = undefined;
      action();
    });
    listener.reconnecting(backoff.count(), wait, problem);
  }

  /** Tries a better rung as soon as one may be tried, while this one works and somebody looks. */
  function climb(): void {
    const wait = shown && looks && !trial ? ladder.climbIn(rung) : undefined;
    climbing.stop();
    if (wait !== undefined) climbing.after(wait, () => tryRung(ladder.best()));
  }

  function tryRung(better: TransportName): void {
    const done = (works: boolean | undefined, socket?: WebSocket) => {
      early = socket;
      if (works && !session.welcome) {
        // The session is still being opened, and will take it; or failed to, where only a WebSocket comes through.
        if (next && !obeying) session.wake();
        return;
      }
      trial = abortTrial = undefined;
      if (works && now() < notBefore) {
        stopTrial();
        if (socket) hangUp(socket);
      } else if (works) {
        attach(better, socket);
        tried = true;
      } else {
        if (works === undefined && shown) return climbing.after(UNSURE_MS, climb);
        // While nothing works this says nothing of the rung.
        if (shown) {
          ladder.failed(better);
          remember(url, ladder, rung);
        }
        climb();
      }
    };
    const open = kit.streams[better];
    trial = better;
    abortTrial =
      better === 'websocket'
        ? probeWebSocket(kit.WebSocket!, url, patience(config.tryMs), (socket) => done(!!socket, socket))
        : open
          ? probeStream(better, open, url, patience(STREAM_MS), done)
          : undefined;
    if (!abortTrial) done(true);
  }

  /** Nothing is tried any more, but a socket that is about to be used is kept. */
  function stopTrial(kept?: WebSocket): void {
    if (abortTrial && !kept) abortTrial();
    trial = abortTrial = early = undefined;
  }

  /** Ends what is under way, connected or not; nothing of it is heard of again. */
  function detach(): void {
    const ending = link;
    const abort = abortOpening;
    line = link = next = abortOpening = undefined;
    shown = false;
    cursor = -1;
    acks.stop();
    limit.stop();
    climbing.stop();
    if (ending) ending.close();
    if (abort) abort();
  }

  function end(problem: Problem): void {
    if (finish()) listener.ended(problem);
  }

  function finish(): boolean {
    if (session.state === 'closed') return false;
    detach();
    stopTrial();
    setState('closed');
    return true;
  }

  function setState(state: State): void {
    if (session.state === state) return;
    session.state = state;
    listener.state(state);
  }

  function addressOf(path: string, query: { [name: string]: string | number | undefined } = {}): string {
    const id = encodeURIComponent(session.welcome!.session);
    let address = url + (path === 'ws' ? '/ws?session=' + id + '&' : '/sessions/' + id + '/' + path + '?');
    address += 'turn=' + turn;
    for (const name in query) address += '&' + name + '=' + encodeURIComponent(query[name]!);
    return address;
  }

  function limitOf(name: 'message' | 'batch' | 'buffer'): number {
    return session.welcome ? session.welcome.limits[name] : 1 << 21;
  }

  function pingSeconds(): number {
    return session.welcome ? session.welcome.ping : HOLD_SECONDS;
  }

  /**
   * How long to wait for what should take so many milliseconds at most: longer on a network that is slow, as the answers
   * show, or as it may be, since waiting less was in vain. The first time that is a connection that was forgotten.
   */
  function patience(ms: number): number {
    return Math.min(ms * SLOWEST, Math.max(ms, 4 * roundTrip) * Math.pow(2, Math.max(0, silences - 1)));
  }

  return session;
}
