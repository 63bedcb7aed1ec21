/** HTTP streaming: one JSON value a line down, requests up. */
import { lineSplitter } from '../core/lines.js';
import { parse, problemOf } from '../net/http.js';
import { openStream } from '../net/streaming.js';
import type { Line, Link } from './transport.js';
import { ENDED, GARBLED, ROTATE } from './transport.js';
import { uplink } from './uplink.js';
import { watchdog } from './watchdog.js';

export function stream(line: Line): Link {
  const up = uplink(line);
  const dog = watchdog(
    line.pingMs,
    () => undefined,
    () => line.lost(ENDED),
  );
  const split = lineSplitter((text) => {
    const value = parse(text);
    if (value === undefined) return line.lost(GARBLED);
    line.value(value, text.length);
    line.alive();
  });
  const stop = openStream(
    line.env,
    line.address('stream', { after: line.streams.received }),
    line.credentials,
    (piece) => {
      dog.heard();
      split(piece);
    },
    (answer) => line.lost(answer.status !== 200 ? problemOf(answer) : answer.body ? ROTATE : ENDED),
  );

  return {
    flush: up.flush,
    acknowledge: up.acknowledge,
    close() {
      dog.stop();
      up.close();
      stop();
    },
  };
}
