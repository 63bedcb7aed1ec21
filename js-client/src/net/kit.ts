/** What a client is given to work with: what this platform can do, in the form that the layers above ask for. */
import type { TransportName } from '../core/wire.js';
import type { Transport } from '../transports/link.js';
import type { OpenStream, Send } from './http.js';

/** A class with the interface of the browser's `WebSocket`. */
export type SocketClass = new (url: string, protocols?: string[]) => WebSocket;

export interface Kit {
  send: Send;
  /** What each rung that can stream reads with; a rung without it is not there. */
  streams: { [rung in TransportName]?: OpenStream };
  /** The transports that there are. */
  transports: { [rung in TransportName]?: Transport };
  WebSocket?: SocketClass;
}

/** What an application says of the platform. */
export interface Platform {
  /** Send cookies to another origin too. Default false. */
  credentials?: boolean;
  /** A WebSocket class with the browser's interface, where the platform has none: in Node 20, that of the package `ws`. */
  WebSocket?: unknown;
  /** An EventSource class with the browser's interface, for old platforms that cannot read an answer while it comes. */
  EventSource?: unknown;
}
