/** Clients for tests in Node, with the classes that Node 20 lacks, and names that no other test uses. */
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
      const client = connect(at, { WebSocket, ...options });
      open.push(client);
      return client;
    },
    /** A client that stands where it is going to stay: on the best transport, unless another is named. */
    async online(options = {}, at) {
      const client = this.connect(options, at);
      const { transport = 'websocket' } = options;
      await until(`the client is on ${transport}`, () => client.transport === transport);
      return client;
    },
    /** A client that is connected, on whatever it found first. */
    async across(options, at) {
      const client = this.connect(options, at);
      await until('the client is online', () => client.state === 'online');
      return client;
    },
    closeAll() {
      open.splice(0).forEach((client) => client.close());
    },
  };
}
