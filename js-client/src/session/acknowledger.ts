import { timer } from '../core/clock.js';
import type { Streams } from '../core/streams.js';

/** The server is told at the latest after so many messages … */
const MESSAGES = 64;
/** … or this time, whichever comes first … */
const MS = 5000;
/** … or when this share of what it buffers for us came down. */
const SHARE = 4;

/** Says when the server is to be told how far we received. */
export interface Acknowledger {
  /** A message of this size came down; the server buffers `buffer` bytes. */
  received(size: number, buffer: number): void;
  /** The connection ended: the next one says where we are by itself. */
  stop(): void;
}

export function acknowledger(streams: Streams, tell: () => void): Acknowledger {
  const later = timer();
  let bytes = 0;
  let waiting = false;
  const stop = () => {
    later.stop();
    bytes = 0;
    waiting = false;
  };
  const now = () => {
    stop();
    tell();
  };
  return {
    received(size, buffer) {
      bytes += size;
      if (streams.received - streams.acknowledged >= MESSAGES || bytes > buffer / SHARE) now();
      else if (!waiting) later.after(MS, now);
      waiting = bytes > 0;
    },
    stop,
  };
}
