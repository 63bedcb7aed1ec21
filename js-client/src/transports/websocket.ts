/** WebSocket: both directions on one connection, binary messages as they are. */
import { now, timer } from '../core/clock.js';
import { opOf, parse, welcomeOf } from '../core/wire.js';
import type { SocketClass } from '../net/kit.js';
import type { Line, Link } from './link.js';
import { BROKEN, GARBLED, SILENT } from './link.js';

const SUBPROTOCOL = 'footbridge.v1';
/** Closing with our own code tells anyone who watches the wire that the session itself goes on. */
const CHANGING_TRANSPORT = 4000;
/** Any network that is worth a WebSocket carries so many bytes in a millisecond; a pong may wait behind them. */
const SLOWEST = 64;

/** With so many bytes waiting, no more pings are answered: their sender does not read. */
const MOST_PONGS = 1 << 16;

/** Opens a socket. */
function dial(SocketClass: SocketClass, url: string): WebSocket {
  const socket = new SocketClass(url.replace(/^http/, 'ws'), [SUBPROTOCOL]);
  socket.binaryType = 'arraybuffer';
  return socket;
}

/** Ends a socket and listens no more. An error still has someone to hear it, or Node would take it for a crash. */
export function hangUp(socket: WebSocket): void {
  socket.onmessage = socket.onclose = null;
  socket.onerror = () => undefined;
  try {
    socket.close(CHANGING_TRANSPORT);
  } catch (notOpen) {
    // nothing is left to close
  }
}

export function websocket(line: Line, proven?: WebSocket): Link {
  const { streams } = line;
  const after = streams.received;
  const socket = proven || dial(line.kit.WebSocket!, line.address('ws', { after }));
  const tick = timer();
  /** Up: the number of the last message sent here; -1 until the welcome says where the server stands. */
  let sent = -1;
  let heardAt = now();
  /** When the ping went out that was not answered yet. */
  let pinged = 0;

  const put = (value: unknown) => {
    if (socket.readyState === 1) socket.send(JSON.stringify(value));
  };
  const ping = () => {
    if (pinged || sent < 0) return;
    pinged = now();
    put({ op: 'ping' });
  };
  /**
   * Only a pong shows that both directions work: one is asked for after a silence, and also while the server has not
   * confirmed what was sent, whatever else comes down. Without it the connection is dead, but as long as something
   * comes down it may only be slow.
   */
  const watch = () => {
    const time = now();
    const quiet = line.quietMs() + streams.waiting / SLOWEST;
    const silent = time - heardAt >= quiet;
    if (pinged && time - pinged >= quiet * (silent ? 1 : 4)) return line.lost(SILENT);
    if (silent || streams.waiting) ping();
    tick.after(line.quietMs() / 4, watch);
  };
  const flush = () => {
    if (sent < 0 || socket.readyState !== 1) return;
    const messages = streams.above(sent, Infinity);
    for (let i = 0; i < messages.length; i++, sent++) socket.send(messages[i]!.bytes || messages[i]!.text!);
  };

  socket.onmessage = (event) => {
    const { data } = event;
    const value = typeof data === 'string' ? parse(data) : new Uint8Array(data);
    const op = opOf(value);
    heardAt = now();
    if (value === undefined) return line.lost(GARBLED);
    if (op === 'ping' && !(socket.bufferedAmount > MOST_PONGS)) put({ op: 'pong' });
    if (op === 'pong' && pinged) {
      line.roundTrip(heardAt - pinged);
      pinged = 0;
    }
    const welcome = welcomeOf(value);
    if (welcome) {
      sent = welcome.received;
      watch();
    }
    line.value(value, data.length || data.byteLength);
  };
  socket.onerror = socket.onclose = () => line.lost(BROKEN);
  if (line.proven) {
    // Until something is acknowledged the server would answer the opening again, should a request for it linger.
    put({ op: 'ack', received: streams.received });
    sent = streams.confirmed;
    watch();
  } else if (proven) put({ op: 'attach', session: line.session, after, turn: line.turn });

  return {
    flush,
    acknowledge() {
      if (streams.acknowledged === streams.received) return;
      put({ op: 'ack', received: streams.received });
      streams.acknowledged = streams.received;
    },
    check() {
      ping();
      if (sent >= 0) watch();
    },
    close() {
      tick.stop();
      sent = -1;
      hangUp(socket);
    },
  };
}

/**
 * Finds out whether WebSocket works on this network without disturbing a session: opens one that attaches later. That
 * it opened counts for nothing; the server says something at once, and that it came is the answer. `done` is called
 * with that socket, and again without one if it ends before it was used.
 */
export function probeWebSocket(
  SocketClass: SocketClass,
  url: string,
  timeoutMs: number,
  done: (socket?: WebSocket) => void,
): () => void {
  const limit = timer();
  let socket: WebSocket | undefined;
  const stop = () => {
    limit.stop();
    if (socket) hangUp(socket);
  };
  const fail = () => {
    stop();
    done();
  };
  limit.after(timeoutMs, fail);
  try {
    socket = dial(SocketClass, url + '/ws?attach=1');
    socket.onmessage = ({ data }) => {
      if (opOf(parse(data)) !== 'pong') return fail();
      limit.stop();
      socket!.onmessage = null;
      done(socket);
    };
    socket.onerror = socket.onclose = fail;
  } catch (forbidden) {
    limit.after(0, fail);
  }
  return stop;
}
