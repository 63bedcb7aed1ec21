/**
 * What the session and a transport know of each other. A transport opens one connection (or a row of requests that
 * acts as one), hands up the values that come down and sends what waits in the session's outbox. It counts nothing
 * and never reconnects: when it ends it says so once, and the session decides what comes next.
 */
import type { Problem, TransportName } from '../core/wire.js';
import type { Streams } from '../core/streams.js';
import type { Environment } from '../net/environment.js';

/** What a transport is given: the session's side of a connection. Calls after `close` are ignored. */
export interface Line {
  env: Environment;
  streams: Streams;
  /** Send cookies to another origin too. */
  credentials: boolean;
  /** The address of a request of this session, with its turn; `query` is added. */
  address(path: string, query?: { [name: string]: string | number }): string;
  /** Milliseconds of silence after which either side pings. */
  pingMs(): number;
  /** The most bytes that one batch going up may have. */
  batchBytes(): number;
  /**
   * Any value that came down, in order. `number` is the message's number where the transport knows it; without
   * one, values count on from the `welcome`. `size` is its length on the wire, roughly.
   */
  value(value: unknown, size: number, number?: number): void;
  /** The other side answered something: the connection is alive. */
  alive(): void;
  /** The server says how many of our messages it has. */
  confirmed(received: number): void;
  /** The connection ended. */
  lost(problem: Problem): void;
}

/** A connection as the session sees it. */
export interface Link {
  /** Sends what is in the outbox and was not yet sent on this connection. */
  flush(): void;
  /** Tells the server how far we received, if this transport does not do so by itself. */
  acknowledge(): void;
  /** Ends the connection at once. Nothing is called afterwards. */
  close(): void;
}

/** Opens a connection. May throw if the environment forbids it. */
export type Transport = (line: Line) => Link;

/** All transports by the name of their rung. */
export type Transports = { [name in TransportName]: Transport };

/** No answer, without a reason that anyone could give. */
export const BROKEN: Problem = { code: 'unreachable', status: 0 };
/** The server ended the connection without a word. */
export const ENDED: Problem = { code: 'ended' };
/** The connection carried as much as one should; a fresh one goes on. */
export const ROTATE: Problem = { code: 'rotate', reconnect: true };
/** What came was not of our protocol: a proxy's page, for example. */
export const GARBLED: Problem = { code: 'garbled' };
