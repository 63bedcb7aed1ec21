/**
 * What the platform offers. Looked up once, by feature and never by name of a browser, so that the same file runs
 * in a browser of 2011, in a worker and in Node; an application may hand in what its platform lacks.
 */
import type { TransportName } from '../core/wire.js';
import { RUNGS } from '../core/wire.js';

/** Constructors that an application may hand in where the platform has none, Node 20 for example. */
export interface Platform {
  /** A WebSocket class with the browser's interface. */
  WebSocket?: unknown;
  /** An EventSource class with the browser's interface. */
  EventSource?: unknown;
}

export interface Environment {
  WebSocket?: typeof WebSocket;
  EventSource?: typeof EventSource;
  XMLHttpRequest?: typeof XMLHttpRequest;
  fetch?: (input: string, init: RequestInit) => Promise<globalThis.Response>;
  AbortController?: typeof AbortController;
  TextDecoder?: typeof TextDecoder;
  Response?: typeof Response;
  document?: Document;
  location?: { href: string; protocol: string; host: string };
  navigator?: { sendBeacon?: (url: string) => boolean };
  addEventListener?: (type: string, listener: (event: any) => void) => void;
  removeEventListener?: (type: string, listener: (event: any) => void) => void;
}

/** The global object, under whichever name. */
export const root: any =
  typeof globalThis !== 'undefined' ? globalThis : typeof self !== 'undefined' ? self : {};

/** The platform's own features, and those handed in over them. */
export function environment(given: Platform): Environment {
  return {
    WebSocket: (given.WebSocket as any) || root.WebSocket,
    EventSource: (given.EventSource as any) || root.EventSource,
    XMLHttpRequest: root.XMLHttpRequest,
    // Browsers refuse to run it as a method of anything but the global object.
    fetch: root.fetch && ((input: string, init: RequestInit) => root.fetch(input, init)),
    AbortController: root.AbortController,
    TextDecoder: root.TextDecoder,
    Response: root.Response,
    document: root.document,
    location: root.location,
    navigator: root.navigator,
    addEventListener: root.addEventListener,
    removeEventListener: root.removeEventListener,
  };
}

/** Whether fetch can hand out a body while it arrives. */
export function canReadBody(env: Environment): boolean {
  return !!(
    env.fetch &&
    env.TextDecoder &&
    env.AbortController &&
    env.Response &&
    'body' in env.Response.prototype
  );
}

/** The rungs that this environment can stand on, best first. */
export function rungsOf(env: Environment): TransportName[] {
  const can: { [rung: string]: boolean } = {
    websocket: !!env.WebSocket,
    sse: !!env.EventSource,
    stream: canReadBody(env) || !!(env.XMLHttpRequest && 'onprogress' in new env.XMLHttpRequest()),
    longpoll: true,
    shortpoll: true,
    jsonp: !!(env.document && env.document.createElement),
  };
  return RUNGS.filter((rung) => can[rung]);
}
