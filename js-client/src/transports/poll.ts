/** What the polling transports share: reading an answer, and asking again. */
import type { PollAnswer } from '../core/wire.js';
import type { Answer } from '../net/http.js';
import { problemOf } from '../net/http.js';
import type { Line, Link } from './transport.js';
import { GARBLED } from './transport.js';
import { uplink } from './uplink.js';

/** Hands up everything in an answer. False if it was none: a refusal, or no answer at all. */
export function readPoll(line: Line, answer: Answer): boolean {
  const body = answer.body as PollAnswer | undefined;
  if (answer.status !== 200 || !body || !body.messages) {
    line.lost(answer.status === 200 ? GARBLED : problemOf(answer));
    return false;
  }
  if (body.welcome) line.value(body.welcome, 0);
  else if (body.received !== undefined) line.confirmed(body.received);
  line.alive();
  body.messages.forEach((message, index) => {
    line.value(message, 0, body.first! + index);
  });
  if (body.bye) line.value(body.bye, 0);
  return true;
}

/** Sends one poll that the server may hold for `wait` seconds. Returns a function that gives it up. */
export type Ask = (wait: number, done: (answer: Answer) => void) => () => void;

/** A row of polls, one after the other. */
export interface PollLoop {
  /** Polls now instead of later, unless a poll is under way. */
  now(): void;
  close(): void;
}

/** Polls until closed; `pause` gives the milliseconds between an answer and the next poll. */
export function pollLoop(
  line: Line,
  ask: (done: (answer: Answer) => void) => () => void,
  pause: (answer: PollAnswer) => number,
): PollLoop {
  let abort: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const poll = () => {
    if (closed || abort) return;
    clearTimeout(timer);
    line.streams.acknowledged = line.streams.received;
    abort = ask((answer) => {
      abort = undefined;
      if (!readPoll(line, answer) || closed) return;
      const ms = pause(answer.body);
      if (ms > 0) timer = setTimeout(poll, ms);
      else poll();
    });
  };
  poll();

  return {
    now: poll,
    close() {
      closed = true;
      clearTimeout(timer);
      if (abort) abort();
    },
  };
}

/** Seconds that the server may hold a poll: below the half minute after which many proxies lose patience. */
const HOLD_SECONDS = 25;
/** Time for an answer itself, beyond the hold. */
export const SLACK_MS = 10000;
/** The pause after a held poll that came back empty at once, so that whatever answers so is not asked in a loop. */
const HASTE_MS = 1000;

/** A connection of held polls coming down and requests going up: long polling, whatever carries the polls. */
export function heldPolls(line: Line, ask: Ask): Link {
  const up = uplink(line);
  // The first poll does not wait: its answer shows at once that polling works.
  let wait = -1;
  let asked = 0;
  const polls = pollLoop(
    line,
    (done) => {
      wait = wait < 0 ? 0 : HOLD_SECONDS;
      asked = new Date().getTime();
      return ask(wait, done);
    },
    (answer) => {
      const hasty = wait > 0 && answer.messages!.length === 0 && new Date().getTime() - asked < HASTE_MS;
      return hasty ? HASTE_MS : 0;
    },
  );

  return {
    flush: up.flush,
    acknowledge: () => undefined, // the next poll's `after` does
    close() {
      polls.close();
      up.close();
    },
  };
}
