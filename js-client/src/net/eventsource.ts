/** Server-Sent Events by `EventSource`, where `fetch` cannot read an answer while it comes. */
import type { OpenStream } from './http.js';

export function eventSourceStream(EventSourceClass: typeof EventSource, credentials: boolean): OpenStream {
  return (url, piece, end) => {
    const source = new EventSourceClass(url, { withCredentials: credentials });
    const stop = () => {
      source.onmessage = source.onerror = null;
      source.close();
    };
    source.onmessage = ({ data }) => piece('data:' + data + '\n');
    // The browser would reconnect by itself, but without raising the turn; the session does it better.
    source.onerror = () => {
      stop();
      end({ status: 0 });
    };
    return stop;
  };
}
