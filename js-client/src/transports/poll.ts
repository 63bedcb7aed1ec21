/** Polling: rows of requests that end by themselves, which gets through almost everywhere. */
import { now, timer } from '../core/clock.js';
import type { PollAnswer } from '../core/wire.js';
import { bounded, count, isList } from '../core/wire.js';
import type { Answer } from '../net/http.js';
import { problemOf } from '../net/http.js';
import type { Line, Link } from './link.js';
import { GARBLED } from './link.js';
import { bodyOf, timeoutOf, tooLarge, uplink } from './uplink.js';

/** Time for an answer itself, beyond the hold. */
const SLACK_MS = 1500;
/** Time for the first answer: it may be lost to a connection that something on the way has forgotten. */
const FIRST_MS = 1000;
/** The pause after a held poll that came back at once with nothing new: whatever answers so is not asked in a loop. */
const HASTE_MS = 1000;
/** Between short polls, where the server advises nothing. */
const INTERVAL_SECONDS = 2;
/** After a short poll that carried something either way: more may follow, the answer to a command for one. */
const LIVELY_MS = 200;

/** Sends one poll that the server may hold for `wait` seconds. Returns a function that gives it up. */
export type Ask = (wait: number, timeoutMs: number, done: (answer: Answer) => void) => () => void;

/** Hands up everything in an answer. False if it was none: a refusal, or no answer at all. */
export function takePoll(line: Line, answer: Answer): boolean {
  const body = answer.body as PollAnswer | undefined;
  const { messages } = body || {};
  if (answer.status !== 200 || !isList(messages) || (messages.length && count(body!.first) < 1)) {
    line.lost(answer.status === 200 ? GARBLED : problemOf(answer));
    return false;
  }
  const { welcome, received, first, bye } = body!;
  if (welcome) line.value(welcome, 0);
  else line.confirmed(received!);
  for (let i = 0; i < messages.length; i++) line.value(messages[i], 0, first! + i);
  if (bye) line.value(bye, 0);
  return true;
}

/** A connection of held polls coming down and requests going up: long polling, whatever carries the polls. */
export function heldPolls(line: Line, ask: Ask): Link {
  const up = uplink(line);
  const pause = timer();
  let { proven } = line;
  let held = 0;
  let closed = false;
  let abort: () => void;

  const poll = () => {
    const asked = now();
    const before = line.streams.received;
    // The first poll does not wait: its answer shows at once that polling works.
    held = proven ? line.holdSeconds() : 0;
    line.streams.acknowledged = line.streams.received;
    abort = ask(held, held * 1000 + line.patience(held ? SLACK_MS : FIRST_MS), (answer) => {
      const took = now() - asked;
      if (!takePoll(line, answer) || closed) return;
      if (!held) line.roundTrip(took);
      const hasty = held && took < HASTE_MS && line.streams.received === before;
      proven = true;
      if (hasty) pause.after(HASTE_MS, poll);
      else poll();
    });
  };
  poll();

  return {
    flush: up.flush,
    acknowledge: () => undefined, // the next poll's `after` does
    check() {
      if (held <= line.holdSeconds()) return;
      abort();
      pause.stop();
      proven = false;
      poll();
    },
    close() {
      closed = true;
      pause.stop();
      abort();
      up.close();
    },
  };
}

/** Long polling: a request that the server answers when there is something to say; requests up beside it. */
export function longpoll(line: Line): Link {
  return heldPolls(line, (wait, timeoutMs, done) =>
    line.kit.send(line.address('poll', { after: line.streams.received, wait }), undefined, timeoutMs, done),
  );
}

/** Short polling: now and then a request that the server answers at once; it carries both directions. */
export function shortpoll(line: Line): Link {
  const { streams } = line;
  const pause = timer();
  let busy = false;
  let largest = Infinity;
  let abort: () => void;
  const waiting = () => streams.sent() > streams.confirmed;

  const poll = () => {
    if (busy) return;
    busy = true;
    pause.stop();
    const messages = streams.above(streams.confirmed, Math.min(largest, line.batchBytes()));
    const due = streams.confirmed + Math.min(messages.length, 1);
    const body = bodyOf(line, messages);
    const asked = now();
    streams.acknowledged = streams.received;
    const url = line.address('poll', { after: streams.received });
    abort = line.kit.send(url, body, timeoutOf(line, body), (answer) => {
      if (answer.status === 413 && messages.length) {
        busy = false;
        largest = tooLarge(line, messages, body);
        return poll();
      }
      if (!takePoll(line, answer)) return;
      busy = false;
      line.roundTrip(now() - asked);
      const taken = streams.confirmed >= due;
      const advised = bounded(answer.body.interval, 0.05, 60, INTERVAL_SECONDS) * 1000;
      const lively = messages.length || answer.body.messages.length;
      if (taken && waiting())
        poll(); // what the application said meanwhile goes up at once
      else pause.after(taken && lively ? Math.min(LIVELY_MS, advised) : advised, poll);
    });
  };
  poll();

  return {
    flush() {
      if (waiting()) poll();
    },
    acknowledge: () => undefined, // the next poll's `after` does
    check: poll,
    close() {
      busy = true;
      pause.stop();
      abort();
    },
  };
}
