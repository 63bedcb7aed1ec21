/** Streaming: Server-Sent Events, or lines of JSON, come down in one long answer; requests go up beside it. */
import { now, timer } from '../core/clock.js';
import type { TransportName } from '../core/wire.js';
import { parse } from '../core/wire.js';
import type { OpenStream } from '../net/http.js';
import { problemOf } from '../net/http.js';
import type { Line, Link } from './link.js';
import { ENDED, GARBLED, ROTATE, SILENT } from './link.js';
import { uplink } from './uplink.js';

/** How much later than a quarter after its time a ping may come. */
const SLACK_MS = 1000;
/** No server sends a longer line. */
const LONGEST_LINE = 1 << 25;
/** Where the server streams to each rung. */
const PATHS: { [rung in TransportName]?: string } = { sse: 'events', stream: 'stream' };

/**
 * Cuts text that arrives in pieces into lines, and hands on the value of each: of an event's `data`, or the whole
 * line. `undefined` stands for a line that has no business there. Returns a function that takes the pieces.
 */
export function valuesOf(take: (value: unknown, size: number) => void): (piece: string) => void {
  let rest = '';
  return (piece) => {
    rest += piece;
    if (!/\n/.test(piece)) {
      if (rest.length > LONGEST_LINE) take(undefined, 0);
      return;
    }
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (let i = 0; i < lines.length; i++) {
      // Empty lines and comments keep a connection alive, and the counting needs no ids.
      const line = lines[i]!.replace(/^data:|^(id|event|retry)?:.*/, '');
      if (/\S/.test(line)) take(parse(line), line.length);
    }
  };
}

/** Server-Sent Events or HTTP streaming, with whatever the platform reads such an answer. */
export function streaming(rung: TransportName, open: OpenStream): (line: Line) => Link {
  return (line) => {
    const up = uplink(line);
    const silence = timer();
    const pingSeconds = line.holdSeconds();
    const heard = () => silence.after(pingSeconds * 1250 + line.patience(SLACK_MS), () => line.lost(SILENT));
    const split = valuesOf((value, size) => {
      if (value === undefined) line.lost(GARBLED);
      else line.value(value, size);
    });
    const stop = open(
      line.address(PATHS[rung]!, { after: line.streams.received, ping: pingSeconds }),
      (piece) => {
        heard();
        split(piece);
      },
      (answer) => line.lost(answer.status !== 200 ? problemOf(answer) : answer.body ? ROTATE : ENDED),
    );
    heard();

    return {
      flush: up.flush,
      acknowledge: up.acknowledge,
      check() {
        if (pingSeconds > line.holdSeconds()) line.lost(ROTATE);
      },
      close() {
        silence.stop();
        up.close();
        stop();
      },
    };
  };
}

/** Values that the server sent a second apart, and that come closer together, were held back. */
const LUMP_MS = 500;

/**
 * Finds out whether an answer comes through piece by piece, as it must for a stream, or is held back: one value is
 * to come at once and the next a second later, long before the answer ends. Disturbs no session. `done` is called once; with undefined if the server itself cannot
 * tell now.
 */
export function probeStream(
  rung: TransportName,
  open: OpenStream,
  url: string,
  patienceMs: number,
  done: (works: boolean | undefined) => void,
): () => void {
  const limit = timer();
  let first = 0;
  const stop = () => {
    limit.stop();
    abort();
  };
  const finish = (works: boolean | undefined) => {
    stop();
    done(works);
  };
  const wait = () => limit.after(patienceMs, () => finish(false));
  const abort = open(
    url + '/probe/' + PATHS[rung] + '?seconds=' + Math.ceil(patienceMs / 500),
    valuesOf((value) => {
      if (value && !first) {
        first = now();
        return wait();
      }
      finish(!!value && now() - first >= LUMP_MS);
    }),
    ({ status }) => finish(status === 503 ? undefined : false),
  );
  wait();
  return stop;
}
