/** The kit of today's platforms: `fetch` for all of HTTP, and `WebSocket`. */
import { fetchSend, fetchStream } from '../net/fetch.js';
import type { Kit, Platform, SocketClass } from '../net/kit.js';
import { root } from '../core/root.js';
import { longpoll, shortpoll } from '../transports/poll.js';
import { streaming } from '../transports/stream.js';
import { websocket } from '../transports/websocket.js';

export function modernKit(platform: Platform): Kit {
  const credentials = !!platform.credentials;
  const WebSocket = (platform.WebSocket || root.WebSocket) as SocketClass | undefined;
  const read = fetchStream(credentials);
  return {
    send: fetchSend(credentials),
    streams: { sse: read, stream: read },
    WebSocket,
    transports: {
      websocket: WebSocket && websocket,
      sse: streaming('sse', read),
      stream: streaming('stream', read),
      longpoll,
      shortpoll,
    },
  };
}
