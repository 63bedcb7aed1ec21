/** Clients for tests in Node, with the classes that Node 20 lacks, and names that no other test uses. */
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';
import { connect } from '../../dist/footbridge.mjs';
import { until } from './wait.mjs';

/** The transports that Node can use: all but JSONP. */
export const NODE_TRANSPORTS = ['websocket', 'sse', 'stream', 'longpoll', 'shortpoll'];

let names = 0;

/** A channel or procedure that no other test uses. */
export const freshName = (kind = 'test') =>
  `demo:${kind}:${process.pid}-${++names}-${Math.random().toString(36).slice(2, 8)}`;

/** A group of clients that are closed together. */
export function clientsOf(url) {
  const open = [];
  return {
    connect(options = {}, at = url()) {
      const client = connect(at, { WebSocket, EventSource, ...options });
      open.push(client);
      return client;
    },
    async online(options, at) {
      const client = this.connect(options, at);
      await until('the client is online', () => client.state === 'online');
      return client;
    },
    closeAll() {
      open.splice(0).forEach((client) => client.close());
    },
  };
}
