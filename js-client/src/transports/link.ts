/**
 * What the session and a transport know of each other. A transport opens one connection (or a row of requests that
 * acts as one), hands up the values that come down and sends what waits in the session's outbox. It counts nothing
 * and never reconnects: when it ends it says so once, and the session decides what comes next.
 */
import type { Problem } from '../core/wire.js';
import type { Streams } from '../core/streams.js';
import type { Kit } from '../net/kit.js';

/** What a transport is given: the session's side of a connection. Calls after `close` are ignored. */
export interface Line {
  kit: Kit;
  streams: Streams;
  session: string;
  turn: number;
  /** The server has just answered: what is a carrier carries already, and a WebSocket is attached already. */
  proven: boolean;
  /** The address of a request of this session, with its turn; `query` is added. */
  address(path: string, query?: { [name: string]: string | number | undefined }): string;
  /** Milliseconds of silence after which the other side is to be asked for a sign of life. */
  quietMs(): number;
  /** Seconds for which the server may hold a poll, or after which it should ping: short while somebody looks. */
  holdSeconds(): number;
  /** How long to wait for what should take `ms` at most, on this network: longer where it is slow. */
  patience(ms: number): number;
  /** The most bytes that one batch going up may have. */
  batchBytes(): number;
  /** So long did the other side take to answer. */
  roundTrip(ms: number): void;
  /**
   * Any value that came down, in order. `number` is the message's number where the transport knows it; without
   * one, values count on from the `welcome`. `size` is its length on the wire, roughly.
   */
  value(value: unknown, size: number, number?: number): void;
  /** The server says how many of our messages it has. */
  confirmed(received: number): void;
  /** The first message that waits cannot be sent: something on the way says that it is too large. */
  refused(): void;
  /** The connection ended. */
  lost(problem: Problem): void;
}

/** A connection as the session sees it. */
export interface Link {
  /** Sends what is in the outbox and was not yet sent on this connection. */
  flush(): void;
  /** Tells the server how far we received, if this transport does not do so by itself. */
  acknowledge(): void;
  /** Somebody looks again, or the network may be another one: makes sure soon that the connection is alive. */
  check(): void;
  /** Ends the connection at once. Nothing is called afterwards. */
  close(): void;
}

/** Opens a connection, or goes on with a WebSocket that has shown that it works. May throw if that is forbidden. */
export type Transport = (line: Line, proven?: WebSocket) => Link;

/** No answer, without a reason that anyone could give. */
export const BROKEN: Problem = { code: 'unreachable', status: 0 };
/** The connection is there and nothing comes: something on the way has forgotten or swallowed it. */
export const SILENT: Problem = { code: 'silent', status: 0 };
/** The server ended the connection without a word. */
export const ENDED: Problem = { code: 'ended' };
/** The connection carried as much as one should, or for as long; a fresh one goes on. */
export const ROTATE: Problem = { code: 'rotate', reconnect: true };
/** What came was not of our protocol: a proxy's page, for example. */
export const GARBLED: Problem = { code: 'garbled' };
