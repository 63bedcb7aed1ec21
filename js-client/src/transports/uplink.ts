/**
 * The way up beside a connection that only comes down: `POST …/send`, one in flight at a time. That is what keeps
 * the order; `after` in the body is what makes a POST safe to repeat when its answer was lost.
 */
import { Backoff } from '../core/backoff.js';
import { toBase64 } from '../core/bytes.js';
import { now, timer } from '../core/clock.js';
import { each } from '../core/lists.js';
import type { Outgoing } from '../core/streams.js';
import { problemOf } from '../net/http.js';
import type { Line } from './link.js';

const TIMEOUT_MS = 1500;
const TRIES = 4;
/** Any network that is worth the name carries so many bytes in a millisecond. */
const SLOWEST = 16;

export interface Uplink {
  /** Sends what waits in the outbox. */
  flush(): void;
  /** Tells the server how far we received. */
  acknowledge(): void;
  close(): void;
}

/** The JSON of messages going up. */
export function jsonOf(messages: Outgoing[]): string {
  const texts: string[] = [];
  each(messages, ({ bytes, text }) =>
    texts.push(bytes ? '{"op":"binary","data":"' + toBase64(bytes) + '"}' : text!),
  );
  return '[' + texts.join(',') + ']';
}

/** The body of a request that carries messages up. */
export function bodyOf(line: Line, messages: Outgoing[]): string {
  const { confirmed, received } = line.streams;
  return '{"after":' + confirmed + ',"received":' + received + ',"messages":' + jsonOf(messages) + '}';
}

/** How long a request with this body may take. */
export function timeoutOf(line: Line, body: string): number {
  return line.patience(TIMEOUT_MS) + body.length / SLOWEST;
}

/**
 * Something on the way takes no body of this size: the next has half of it. A message that does not even get through
 * alone is taken back. Returns the largest batch from now on.
 */
export function tooLarge(line: Line, messages: Outgoing[], body: string): number {
  if (messages.length > 1) return body.length / 2;
  line.refused();
  return Infinity;
}

export function uplink(line: Line): Uplink {
  const { streams } = line;
  const backoff = new Backoff();
  const again = timer();
  let busy = false;
  let abort: (() => void) | undefined;
  let largest = Infinity;
  let ackDue = false;

  const post = () => {
    const messages = streams.above(streams.confirmed, Math.min(largest, line.batchBytes()));
    if (busy || !(messages.length || ackDue)) return;
    busy = true;
    ackDue = false;
    streams.acknowledged = streams.received;
    const body = bodyOf(line, messages);
    const asked = now();
    abort = line.kit.send(line.address('send'), body, timeoutOf(line, body), (answer) => {
      const { status } = answer;
      busy = false;
      if (status === 200 && answer.body) {
        line.roundTrip(now() - asked);
        const before = streams.confirmed;
        line.confirmed(answer.body.received);
        if (streams.confirmed > before || !messages.length) {
          backoff.reset();
          return post();
        }
      } else if (status === 413 && messages.length) {
        largest = tooLarge(line, messages, body);
        return post();
      } else if (status && status < 500 && status !== 429) {
        return line.lost(problemOf(answer));
      }
      const problem = problemOf(answer);
      if (backoff.count() >= TRIES) return line.lost(problem);
      busy = true;
      again.after(Math.max(problem.delay || 0, backoff.next()), () => {
        busy = false;
        post();
      });
    });
  };

  return {
    flush: post,
    acknowledge() {
      ackDue = streams.acknowledged < streams.received;
      post();
    },
    close() {
      again.stop();
      if (abort) abort();
      busy = true;
    },
  };
}
