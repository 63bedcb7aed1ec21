/** Answers as promises, and as callbacks where there are no promises or a callback is preferred. */
import type { FootbridgeError } from '../core/problem.js';
import { guarded } from '../core/guarded.js';
import { root } from '../core/root.js';

/** Called once: with an error, or with null and the result. */
export type Callback<T> = (error: FootbridgeError | null, result?: T) => void;

/**
 * Runs `start` and returns a promise of what it answers; with a callback, or where there are no promises, the
 * answer goes to the callback and nothing useful is returned.
 */
export function promised<T>(
  start: (done: Callback<T>) => void,
  callback: Callback<T> | undefined,
): Promise<T> {
  const PromiseClass: PromiseConstructor | undefined = root.Promise;
  if (callback || !PromiseClass) {
    start((error, result) => callback && guarded(() => callback(error, result)));
    return undefined as unknown as Promise<T>;
  }
  let settle: Callback<T>;
  const promise = new PromiseClass<T>((resolve, reject) => {
    settle = (error, result) => (error ? reject(error) : resolve(result as T));
  });
  start((error, result) => {
    // Who closes a client or unsubscribes wants no complaints about answers that nobody waits for any more.
    if (error && /closed|unsubscribed/.test(error.code)) promise.then(undefined, () => undefined);
    settle(error, result);
  });
  return promise;
}
