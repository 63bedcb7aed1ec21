/** Opening a session: `POST /sessions`, with a fresh token each time. */
import { timer } from '../core/clock.js';
import { each } from '../core/lists.js';
import type { Problem, Welcome } from '../core/wire.js';
import type { Answer, Send } from '../net/http.js';
import { problemOf } from '../net/http.js';

const TIMEOUT_MS = 15000;
/** Requests for one opening that may be under way beside each other. */
const REQUESTS = 3;

/** A token, or a function that gets a fresh one, at once or later, whenever a session is opened. */
export type Token = string | (() => string | PromiseLike<string>);

export interface Opening {
  url: string;
  token?: Token;
  endpoint?: string;
  protocols?: string[];
}

/** What goes along with the opening. */
export interface Baggage {
  /** What to subscribe to. */
  subscribe: unknown[];
  /** The JSON of the session's first messages, all of them safe to repeat. */
  messages: string[];
}

/**
 * Opens a session. An answer that does not come may have been lost, so after a while a second request goes out
 * beside the first; of two sessions the later one is closed.
 *
 * @param baggage is left out in a second try if the server finds it malformed, since then each gets an answer of its
 *     own
 * @param patienceMs the wait for an answer before another request is made
 * @param done is called once, with the welcome and how many messages went along, or with the problem
 * @returns a function that gives the opening up
 */
export function openSession(
  send: Send,
  opening: Opening,
  baggage: Baggage,
  patienceMs: number,
  done: (problem: Problem | undefined, welcome?: Welcome, messages?: number) => void,
): () => void {
  const url = opening.url + '/sessions';
  const again = timer();
  const aborts: Array<() => void> = [];
  let over = false;
  let open = 0;

  const post = (token: string | undefined, { subscribe, messages }: Baggage) => {
    const heavy = subscribe.length + messages.length;
    const fields = JSON.stringify({
      token,
      endpoint: opening.endpoint,
      protocols: opening.protocols,
      subscribe: subscribe.length ? subscribe : undefined,
    });
    const more = messages.length
      ? (fields.length > 2 ? ',' : '') + '"messages":[' + messages.join(',') + ']}'
      : '}';
    const take = (answer: Answer) => {
      open--;
      const { body, status } = answer;
      if (body && body.op === 'welcome') {
        if (over) return void send(url + '/' + body.session + '/close', '', TIMEOUT_MS, () => undefined);
        finish(undefined, body, messages.length);
      } else if (status === 400 && heavy) {
        post(token, { subscribe: [], messages: [] });
      } else if (!open) {
        finish(status && status < 300 ? { code: 'garbled' } : problemOf(answer));
      }
    };
    open++;
    aborts.push(send(url, fields.slice(0, -1) + more, TIMEOUT_MS, take));
    if (aborts.length < REQUESTS) again.after(patienceMs, () => post(token, { subscribe, messages }));
  };
  const finish: typeof done = (problem, welcome, messages) => {
    if (over) return;
    over = true;
    again.stop();
    done(problem, welcome, messages);
  };

  withToken(opening.token, (error, token) => {
    if (over) return;
    if (error) finish({ code: 'token', message: error.message });
    else post(token, baggage);
  });
  return () => {
    if (over) return;
    over = true;
    again.stop();
    each(aborts, (abort) => abort());
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
