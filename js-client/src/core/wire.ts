/**
 * The shapes of the values on the wire that the session itself understands. The project's `docs/protocol.md` is
 * the authority; these types only name what this client reads and writes.
 */

import { isBytes } from './bytes.js';

/** The rungs of the ladder, best first. */
export type TransportName = 'websocket' | 'sse' | 'stream' | 'longpoll' | 'shortpoll' | 'jsonp';

/** The rungs of the ladder, best first. */
export const RUNGS: TransportName[] = ['websocket', 'sse', 'stream', 'longpoll', 'shortpoll', 'jsonp'];

/** A place in a channel's order: everything up to and including `offset` of `epoch` has been seen. */
export interface Position {
  epoch: string;
  offset: number;
}

/** The server's first word on every connection: where both directions of the session stand. */
export interface Welcome {
  op: 'welcome';
  session: string;
  resumed: boolean;
  /** Up: messages that the server has received from us. */
  received: number;
  /** Down: the next message is `after + 1`. */
  after: number;
  /** In the answer to an opening with messages: what came down at once. */
  messages: unknown[];
  /** Seconds of silence after which the server sends a ping; twice this long means a dead peer. */
  ping: number;
  user?: unknown;
  /** What the session listens to: the top of each channel; on opening also why it does not. */
  subscribed: { [channel: string]: any };
  transports: TransportName[];
  /** All in bytes: one message, one batch going up, what the server buffers for us. */
  limits: { message: number; batch: number; buffer: number };
}

/** What a server may say of its limits, and what is believed where it says nothing. */
const MOST_BYTES = 1 << 30;
const FEW_BYTES = 1 << 16;

/** Why something ended or was refused, whatever said so: a `bye`, a problem document, a bare HTTP status. */
export interface Problem {
  code: string;
  message?: string;
  /** The HTTP status, where there was one; 0 when no answer came at all. */
  status?: number;
  /** False when the server told us not to come back. */
  reconnect?: boolean;
  /** Milliseconds that the server asked us to wait. */
  delay?: number;
}

/** An answer to a poll, on every polling transport. */
export interface PollAnswer {
  first?: number;
  messages?: unknown[];
  received?: number;
  /** Seconds until the next short poll, as the server advises. */
  interval?: number;
  bye?: Bye;
  welcome?: Welcome;
}

/** The server's last word on a connection. */
export interface Bye {
  op: 'bye';
  code: string;
  message?: string;
  reconnect?: boolean;
  delay?: number;
}

/** The `op` of a value of Footbridge's own vocabulary, undefined for an application's own message. */
export function opOf(value: unknown): string | undefined {
  return value && typeof value === 'object' ? (value as { op?: string }).op : undefined;
}

/** Whether a value is one that counts, or that steers: anything else has no business here. */
export function isValue(value: unknown): boolean {
  return typeof value === 'string' || isBytes(value) || typeof opOf(value) === 'string';
}

/** A number that someone else said, within bounds; what is none is taken for `otherwise`. */
export function bounded<T>(value: unknown, low: number, high: number, otherwise: T): number | T {
  return typeof value === 'number' && value === value ? Math.max(low, Math.min(high, value)) : otherwise;
}

/** A count that someone else said: whole and not negative; otherwise -1. */
export function count(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value % 1 === 0 ? value : -1;
}

/** The welcome that a value is, with what it leaves out or says wrongly as it should be; undefined if it is none. */
export function welcomeOf(value: any): Welcome | undefined {
  if (opOf(value) !== 'welcome' || typeof value.session !== 'string') return undefined;
  if (count(value.received) < 0 || count(value.after) < 0) return undefined;
  const limits = value.limits || {};
  value.subscribed = value.subscribed || {};
  value.transports = isList(value.transports) ? value.transports : [];
  value.messages = isList(value.messages) ? value.messages : [];
  value.ping = bounded(value.ping, 1, 300, 25);
  value.limits = {
    message: bounded(limits.message, 1, MOST_BYTES, FEW_BYTES),
    batch: bounded(limits.batch, 1, MOST_BYTES, FEW_BYTES),
    buffer: bounded(limits.buffer, 1, MOST_BYTES, FEW_BYTES),
  };
  return value;
}

/** Whether a value is an array. */
export function isList(value: unknown): value is unknown[] {
  return Object.prototype.toString.call(value) === '[object Array]';
}

/** The JSON value of a text, undefined if it is none. */
export function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch (notJson) {
    return undefined;
  }
}
