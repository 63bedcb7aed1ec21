/** Server-Sent Events down, requests up. */
import { parse } from '../net/http.js';
import type { Line, Link } from './transport.js';
import { BROKEN, GARBLED } from './transport.js';
import { uplink } from './uplink.js';
import { watchdog } from './watchdog.js';

export function sse(line: Line): Link {
  const url = line.address('events', { after: line.streams.received });
  const source = new line.env.EventSource!(url, { withCredentials: line.credentials });
  const up = uplink(line);
  const lost = () => line.lost(BROKEN);
  const dog = watchdog(line.pingMs, () => undefined, lost);

  source.onmessage = (event) => {
    dog.heard();
    const value = parse(event.data);
    if (value === undefined) return line.lost(GARBLED);
    line.value(value, event.data.length, parseInt(event.lastEventId, 10) || undefined);
    line.alive();
  };
  // The browser would reconnect by itself, but without raising the turn; the session does it better.
  source.onerror = lost;

  return {
    flush: up.flush,
    acknowledge: up.acknowledge,
    close() {
      dog.stop();
      up.close();
      source.onmessage = source.onerror = null;
      source.close();
    },
  };
}
