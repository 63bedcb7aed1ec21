/** WebSocket: both directions on one connection, binary messages as they are. */
import { opOf } from '../core/wire.js';
import type { Welcome } from '../core/wire.js';
import { parse } from '../net/http.js';
import type { Line, Link } from './transport.js';
import { BROKEN, GARBLED } from './transport.js';
import { watchdog } from './watchdog.js';

const SUBPROTOCOL = 'footbridge.v1';
/** Closing with our own code tells anyone who watches the wire that the session itself goes on. */
const CHANGING_TRANSPORT = 4000;

export function websocket(line: Line): Link {
  const url = line.address('ws', { after: line.streams.received }).replace(/^http/, 'ws');
  const socket = new line.env.WebSocket!(url, [SUBPROTOCOL]);
  /** Up: the number of the last message sent here; -1 until the welcome says where the server stands. */
  let sent = -1;

  const put = (value: unknown) => {
    if (socket.readyState === 1) socket.send(JSON.stringify(value));
  };
  const lost = () => line.lost(BROKEN);
  const dog = watchdog(line.pingMs, () => put({ op: 'ping' }), lost);

  const flush = () => {
    if (sent < 0 || socket.readyState !== 1) return;
    line.streams.above(sent, Infinity).messages.forEach((message) => {
      socket.send(message.bytes || message.text!);
      sent++;
    });
  };

  socket.binaryType = 'arraybuffer';
  socket.onmessage = (event) => {
    dog.heard();
    if (typeof event.data !== 'string') {
      return line.value(new Uint8Array(event.data), event.data.byteLength);
    }
    const value = parse(event.data);
    if (value === undefined) return line.lost(GARBLED);
    if (opOf(value) === 'ping') put({ op: 'pong' });
    line.value(value, event.data.length);
    if (opOf(value) === 'welcome') {
      sent = (value as Welcome).received;
      flush();
    }
    line.alive();
  };
  socket.onerror = socket.onclose = lost;

  return {
    flush,
    acknowledge() {
      if (line.streams.acknowledged === line.streams.received) return;
      put({ op: 'ack', received: line.streams.received });
      line.streams.acknowledged = line.streams.received;
    },
    close() {
      dog.stop();
      mute(socket);
      sent = -1;
      try {
        socket.close(CHANGING_TRANSPORT);
      } catch (notOpen) {
        // nothing is left to close
      }
    },
  };
}

/** Listens no more. An error is still taken note of: without anyone to hear it, Node would take it for a crash. */
function mute(socket: WebSocket): void {
  socket.onmessage = socket.onclose = null;
  socket.onerror = () => undefined;
}

/**
 * Finds out whether WebSocket works on this network without disturbing a session that goes well on another rung:
 * asks to attach to a session that cannot exist. The server completes the handshake and says `bye`, and that it
 * could say so is the answer.
 */
export function probeWebSocket(line: Line, timeoutMs: number, done: (works: boolean) => void): () => void {
  let socket: WebSocket | undefined;
  const finish = (works: boolean) => {
    stop();
    done(works);
  };
  const timer = setTimeout(() => finish(false), timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    if (!socket) return;
    mute(socket);
    socket.close();
  };
  const url = line
    .address('ws')
    .replace(/^http/, 'ws')
    .replace(/session=[^&]*/, 'session=probe');
  try {
    socket = new line.env.WebSocket!(url, [SUBPROTOCOL]);
  } catch (forbidden) {
    finish(false);
    return stop;
  }
  socket.onmessage = () => finish(true);
  socket.onerror = socket.onclose = () => finish(false);
  return stop;
}
