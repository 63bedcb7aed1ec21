/**
 * The shapes of the values on the wire that the session itself understands. The project's `docs/protocol.md` is
 * the authority; these types only name what this client reads and writes.
 */

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
  messages?: unknown[];
  /** Seconds of silence after which the server sends a ping; twice this long means a dead peer. */
  ping?: number;
  user?: unknown;
  /** What the session listens to: the top of each channel; on opening also why it does not. */
  subscribed?: { [channel: string]: any };
  transports?: TransportName[];
  /** All in bytes: one message, one batch going up, what the server buffers for us. */
  limits?: { message?: number; batch?: number; buffer?: number };
}

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

/** The JSON value of a text, undefined if it is none. */
export function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch (notJson) {
    return undefined;
  }
}
