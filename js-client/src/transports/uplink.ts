/**
 * The way up beside a connection that only comes down: `POST …/send`, one in flight at a time. That is what keeps
 * the order; `after` in the body is what makes a POST safe to repeat when its answer was lost.
 */
import type { Batch } from '../core/streams.js';
import { toBase64 } from '../core/bytes.js';
import { Backoff } from '../core/backoff.js';
import type { Answer } from '../net/http.js';
import { problemOf, send } from '../net/http.js';
import type { Line } from './transport.js';

const TIMEOUT_MS = 15000;
const TRIES = 4;

export interface Uplink {
  /** Sends what waits in the outbox. */
  flush(): void;
  /** Tells the server how far we received. */
  acknowledge(): void;
  close(): void;
}

/** The body of a request that carries messages up. */
export function bodyOf(batch: Batch, received: number): string {
  const texts = batch.messages.map((message) =>
    message.bytes ? '{"op":"binary","data":"' + toBase64(message.bytes) + '"}' : message.text,
  );
  return '{"after":' + batch.after + ',"received":' + received + ',"messages":[' + texts.join(',') + ']}';
}

export function uplink(line: Line): Uplink {
  const backoff = new Backoff();
  let abort: (() => void) | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let largest = Infinity;
  let ackDue = false;

  const post = () => {
    if (abort || retry) return;
    const streams = line.streams;
    const batch = streams.above(streams.confirmed, Math.min(largest, line.batchBytes()));
    if (batch.messages.length === 0 && !ackDue) return;
    ackDue = false;
    streams.acknowledged = streams.received;
    abort = send(
      line.env,
      {
        method: 'POST',
        url: line.address('send'),
        body: bodyOf(batch, streams.received),
        credentials: line.credentials,
        timeoutMs: TIMEOUT_MS,
      },
      (answer) => {
        abort = undefined;
        answered(answer, batch);
      },
    );
  };

  const answered = (answer: Answer, batch: Batch) => {
    if (answer.status === 200 && answer.body) {
      const before = line.streams.confirmed;
      line.confirmed(answer.body.received);
      if (line.streams.confirmed > before || batch.messages.length === 0) {
        backoff.reset();
        return post();
      }
    } else if (answer.status === 413 && batch.messages.length > 1) {
      largest = batch.messages.reduce((sum, message) => sum + message.size, 0) / 2;
      return post();
    } else if (answer.status > 0 && answer.status < 500 && answer.status !== 429) {
      return line.lost(problemOf(answer));
    }
    const problem = problemOf(answer);
    if (backoff.count() >= TRIES) return line.lost(problem);
    retry = setTimeout(
      () => {
        retry = undefined;
        post();
      },
      Math.max(problem.delay || 0, backoff.next()),
    );
  };

  return {
    flush: post,
    acknowledge() {
      ackDue = line.streams.acknowledged < line.streams.received;
      post();
    },
    close() {
      clearTimeout(retry);
      if (abort) abort();
      abort = () => undefined;
    },
  };
}
