/** The kit for any platform: what there is, is used; what is missing has a stand-in. */
import { eventSourceStream } from '../net/eventsource.js';
import { fetchSend, fetchStream } from '../net/fetch.js';
import type { OpenStream } from '../net/http.js';
import type { Kit, Platform, SocketClass } from '../net/kit.js';
import { root } from '../core/root.js';
import { xhrSend, xhrStream } from '../net/xhr.js';
import { jsonp } from '../transports/jsonp.js';
import { longpoll, shortpoll } from '../transports/poll.js';
import { streaming } from '../transports/stream.js';
import { websocket } from '../transports/websocket.js';

export function fullKit(platform: Platform): Kit {
  const credentials = !!platform.credentials;
  const WebSocket = (platform.WebSocket || root.WebSocket) as SocketClass | undefined;
  const EventSourceClass = (platform.EventSource || root.EventSource) as typeof EventSource | undefined;
  const { XMLHttpRequest, XDomainRequest, Response, document } = root;
  const modern = root.fetch && root.AbortController && root.TextDecoder;
  const readsBody = modern && Response && 'body' in Response.prototype;
  const byXhr = XMLHttpRequest && ('onprogress' in new XMLHttpRequest() || XDomainRequest);
  const read: OpenStream | undefined = readsBody
    ? fetchStream(credentials)
    : byXhr
      ? xhrStream(credentials)
      : undefined;
  const events = readsBody ? read : EventSourceClass && eventSourceStream(EventSourceClass, credentials);
  return {
    send: XMLHttpRequest ? xhrSend(credentials) : fetchSend(credentials),
    streams: { sse: events, stream: read },
    WebSocket,
    transports: {
      websocket: WebSocket && websocket,
      sse: events && streaming('sse', events),
      stream: read && streaming('stream', read),
      longpoll,
      shortpoll,
      jsonp: document && document.createElement ? jsonp : undefined,
    },
  };
}
