/** Opening a session: `POST /sessions`, with a fresh token each time. */
import type { Problem, Welcome } from '../core/wire.js';
import type { Environment } from '../net/environment.js';
import { problemOf, send } from '../net/http.js';

const TIMEOUT_MS = 15000;

/** A token, or a function that gets a fresh one, at once or later, whenever a session is opened. */
export type Token = string | (() => string | PromiseLike<string>);

export interface Opening {
  url: string;
  token?: Token;
  endpoint?: string;
  protocols?: string[];
  credentials: boolean;
}

/**
 * Opens a session.
 *
 * @param subscribe what to subscribe to with the same request; left out in a second try if the server finds it
 *     malformed, since then each channel gets an answer of its own
 * @param done is called once, with the welcome or the problem
 * @returns a function that gives the opening up
 */
export function openSession(
  env: Environment,
  opening: Opening,
  subscribe: unknown[],
  done: (problem: Problem | undefined, welcome?: Welcome) => void,
): () => void {
  let abort: (() => void) | undefined;
  let over = false;

  const post = (token: string | undefined, list: unknown[]) => {
    if (over) return;
    abort = send(
      env,
      {
        method: 'POST',
        url: opening.url + '/sessions',
        body: JSON.stringify({
          token,
          endpoint: opening.endpoint,
          protocols: opening.protocols,
          subscribe: list.length > 0 ? list : undefined,
        }),
        credentials: opening.credentials,
        timeoutMs: TIMEOUT_MS,
      },
      (answer) => {
        if (answer.body && answer.body.op === 'welcome') return done(undefined, answer.body);
        if (answer.status === 400 && list.length > 0) return post(token, []);
        done(answer.status < 300 && answer.status > 0 ? { code: 'garbled' } : problemOf(answer));
      },
    );
  };

  withToken(opening.token, (error, token) => {
    if (over) return;
    if (error) done({ code: 'token', message: error.message });
    else post(token, subscribe);
  });
  return () => {
    over = true;
    if (abort) abort();
  };
}

/** Gets the token, however it is given. */
export function withToken(token: Token | undefined, use: (error: Error | undefined, token?: string) => void) {
  try {
    const got = typeof token === 'function' ? token() : token;
    if (got && typeof got === 'object') got.then((value) => use(undefined, value), use);
    else use(undefined, got);
  } catch (error) {
    use(error as Error);
  }
}
