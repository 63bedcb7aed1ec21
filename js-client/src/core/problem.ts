import type { Bye, Problem } from './wire.js';
import { bounded } from './wire.js';

/** No server, nor what stands before it, makes us wait for longer. */
export const LONGEST_DELAY_MS = 300000;

/** An error with the stable `code` that the server, or this client, gave it. */
export interface FootbridgeError extends Error {
  code: string;
}

/** Makes an error with a code. */
export function failure(code: string, message?: string): FootbridgeError {
  const error = new Error(message || code) as FootbridgeError;
  error.name = 'FootbridgeError';
  error.code = code;
  return error;
}

/** What an error answer of the wire, or anything thrown, says. */
export function failureOf(error: { code?: string; message?: string } | undefined): FootbridgeError {
  return failure((error && error.code) || 'failed', error && error.message);
}

/** What a `bye` says. */
export function problemOfBye(bye: Bye): Problem {
  return {
    code: String(bye.code),
    message: bye.message,
    reconnect: bye.reconnect !== false,
    delay: bounded(bye.delay, 0, LONGEST_DELAY_MS, undefined),
  };
}

/** What to do about a problem: open a new session, stop, or come back to the same session. */
export type Remedy = 'renew' | 'stop' | 'return';

/** The session is no more, or its counts no longer match: only a new one helps. */
const GONE = /^(session_gone|not_found|expired|gap|overflow)$/;
/** Coming back would get the same answer. */
const FINAL = /^(superseded|forbidden|origin|unauthenticated|malformed|too_large|unsupported_type)$/;
/** It may go better next time, even if this connection was told not to come back. */
const PASSING = /^(draining|unavailable|rate_limited|internal|timeout)$/;

/** What to do about a problem with an open session. */
export function remedyFor(problem: Problem): Remedy {
  const { code, reconnect } = problem;
  if (GONE.test(code)) return 'renew';
  return FINAL.test(code) || (reconnect === false && !PASSING.test(code)) ? 'stop' : 'return';
}

/** Whether a problem tells us what is wrong, or only that something is. */
export function isExplicit(problem: Problem): boolean {
  // A rebuilt session counts anew, and only a welcome says from where: that is no fault of the connection's.
  if (problem.code === 'rebuilt') return true;
  return problem.reconnect !== undefined || problem.delay !== undefined || remedyFor(problem) !== 'return';
}
