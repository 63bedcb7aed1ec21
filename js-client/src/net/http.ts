/** What this client needs of HTTP, whatever carries it: single requests, and answers that are read as they come. */
import { timer, wallClock } from '../core/clock.js';
import { LONGEST_DELAY_MS } from '../core/problem.js';
import type { Problem } from '../core/wire.js';

/** An answer; `status` 0 means that none came. */
export interface Answer {
  status: number;
  /** Its JSON value, undefined if it had none. */
  body?: any;
  /** The Retry-After header. */
  retryAfter?: string | null;
  /** None came in time. */
  late?: boolean;
}

/**
 * Sends a request, a POST if it has a body; `done` is called once. Returns a function that gives it up without
 * calling `done`.
 */
export type Send = (
  url: string,
  body: string | undefined,
  timeoutMs: number,
  done: (answer: Answer) => void,
) => () => void;

/**
 * Reads an answer while it comes: `piece` gets its text, `end` is called once, when it is over: with the status 200
 * if it ended after all, with another and its body if it was refused, with 0 if it broke. Returns a function that
 * gives it up without calling either.
 */
export type OpenStream = (
  url: string,
  piece: (text: string) => void,
  end: (answer: Answer) => void,
) => () => void;

/** Makes a `Send` of what starts a request: gives up what takes too long. */
export function limited(
  start: (url: string, body: string | undefined, done: (answer: Answer) => void) => () => void,
): Send {
  return (url, body, timeoutMs, done) => {
    const limit = timer();
    const abort = start(url, body, (answer) => {
      limit.stop();
      done(answer);
    });
    const stop = () => {
      limit.stop();
      abort();
    };
    limit.after(timeoutMs, () => {
      stop();
      done({ status: 0, late: true });
    });
    return stop;
  };
}

/** What an answer that is not a success says. */
export function problemOf(answer: Answer): Problem {
  const body = answer.body || {};
  return {
    code:
      (typeof body.code === 'string' && body.code) ||
      (answer.status ? 'http_' + answer.status : answer.late ? 'silent' : 'unreachable'),
    message: body.detail || body.title,
    status: answer.status,
    delay: retryMs(answer.retryAfter),
  };
}

/** A Retry-After header, which is seconds or a date, in milliseconds from now. */
function retryMs(header: string | null | undefined): number | undefined {
  const ms = header ? (/^\d+$/.test(header) ? +header * 1000 : Date.parse(header) - wallClock()) : -1;
  return ms >= 0 ? Math.min(ms, LONGEST_DELAY_MS) : undefined;
}
