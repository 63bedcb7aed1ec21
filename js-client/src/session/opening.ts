/** Opening a session: by a request, or over a WebSocket where only that comes through; with a fresh token each time. */
import { timer } from '../core/clock.js';
import { each } from '../core/lists.js';
import { failure, problemOfBye } from '../core/problem.js';
import { randomKey } from '../core/random.js';
import type { Problem, Welcome } from '../core/wire.js';
import { parse, welcomeOf } from '../core/wire.js';
import type { Answer, Send } from '../net/http.js';
import { problemOf } from '../net/http.js';
import { BROKEN, GARBLED } from '../transports/link.js';
import { hangUp } from '../transports/websocket.js';

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

/** A session that was opened. */
export interface Opened {
  welcome: Welcome;
  /** How many messages went along. */
  messages: number;
  /** The WebSocket that it was opened over, if it was one; what comes down comes there. */
  socket?: WebSocket;
}

/** Opens sessions, one after the other. */
export interface Opener {
  /**
   * Opens one. An answer that does not come may have been lost, so after a while it is asked for again beside; all
   * that belongs to one opening carries the same key, so that it is one session.
   *
   * @param baggage is left out in a second try if the server finds it malformed, since then each gets an answer of its
   *     own
   * @param patienceMs the wait for an answer before it is asked for again
   * @param takeSocket gives a WebSocket that waits and works, if there is one; it is not anybody else's any more
   * @param done is called once, with the session or the problem
   * @returns a function that gives the opening up
   */
  (
    baggage: Baggage,
    patienceMs: number,
    takeSocket: () => WebSocket | undefined,
    done: (problem: Problem | undefined, opened?: Opened) => void,
  ): () => void;
}

export function opener(send: Send, opening: Opening): Opener {
  const url = opening.url + '/sessions';
  let key = randomKey();
  /** It was asked for already, and the answer may have been lost. */
  let again = false;

  return (baggage, patienceMs, takeSocket, done) => {
    const later = timer();
    const limit = timer();
    const sends: Array<() => void> = [];
    let asked: WebSocket | undefined;
    let winner = '';
    let open = 0;

    const end = (session: string, kept?: WebSocket) => {
      winner = session;
      later.stop();
      limit.stop();
      if (asked && asked !== kept) hangUp(asked);
    };
    const finish = (opened: Opened) => {
      const { session } = opened.welcome;
      if (winner) {
        // Asked for under the same key this should be the same session, but the server may have forgotten the key.
        if (session !== winner)
          send(url + '/' + encodeURIComponent(session) + '/close', '', TIMEOUT_MS, () => undefined);
        return;
      }
      key = randomKey();
      again = false;
      end(session, opened.socket);
      done(undefined, opened);
    };
    const failed = (problem: Problem) => {
      if (--open || winner) return;
      end('none');
      done(problem);
    };

    const ask = (token: string | undefined, { subscribe, messages }: Baggage) => {
      const socket = again ? takeSocket() : undefined;
      const fields = JSON.stringify({
        op: socket && 'open',
        token,
        endpoint: opening.endpoint,
        protocols: opening.protocols,
        subscribe: subscribe.length ? subscribe : undefined,
        key,
        again: again || undefined,
      });
      const more = messages.length ? ',"messages":[' + messages.join(',') + ']' : '';
      const body = fields.slice(0, -1) + more + '}';
      open++;
      again = true;
      if (socket) {
        bySocket((asked = socket), body, messages.length);
      } else {
        const take = (answer: Answer) => {
          const { body: welcome, status } = answer;
          if (welcomeOf(welcome)) {
            finish({ welcome, messages: messages.length });
          } else if (status === 400 && subscribe.length + messages.length) {
            open--;
            again = false;
            ask(token, { subscribe: [], messages: [] });
          } else {
            failed(status && status < 300 ? GARBLED : problemOf(answer));
          }
        };
        sends.push(send(url, body, TIMEOUT_MS, take));
      }
      if (open < REQUESTS) later.after(patienceMs, () => ask(token, { subscribe, messages }));
    };
    const bySocket = (socket: WebSocket, body: string, messages: number) => {
      const stop = (problem: Problem) => {
        limit.stop();
        hangUp(socket);
        failed(problem);
      };
      limit.after(2 * patienceMs, () => stop(BROKEN));
      socket.onerror = socket.onclose = () => stop(BROKEN);
      socket.onmessage = ({ data }) => {
        const value = parse(data) || {};
        if (welcomeOf(value)) return finish({ welcome: value, messages, socket });
        stop(value.op === 'bye' ? problemOfBye(value) : GARBLED);
      };
      socket.send(body);
    };

    withToken(opening.token, (error, token) => {
      if (winner) return;
      if (!error) return ask(token, baggage);
      open = 1;
      failed({ code: 'token', message: error.message });
    });
    return () => {
      if (winner) return;
      end('none');
      each(sends, (abort) => abort());
    };
  };
}

/** Gets the token, however it is given. */
export function withToken(token: Token | undefined, use: (error: Error | undefined, token?: string) => void) {
  try {
    const got = typeof token === 'function' ? token() : token;
    const refused = (error: Error) => use(error || failure('token', 'there is no token'));
    if (got && typeof got === 'object') got.then((value) => use(undefined, value), refused);
    else use(undefined, got);
  } catch (error) {
    use(error as Error);
  }
}
