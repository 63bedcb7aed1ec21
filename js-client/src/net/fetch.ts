/** HTTP by `fetch`: browsers of today, workers, Node. */
import { guarded } from '../core/guarded.js';
import { parse } from '../core/wire.js';
import type { Answer, OpenStream, Send } from './http.js';
import { limited } from './http.js';

/** Starts a request; `take` gets its head. A failure of any kind is the answer 0. Returns what gives it up. */
function start(
  url: string,
  body: string | undefined,
  credentials: boolean,
  take: (response: Response, done: (answer: Answer) => void) => unknown,
  done: (answer: Answer) => void,
): () => void {
  const control = new AbortController();
  let over = false;
  const finish = (answer: Answer) => {
    if (over) return;
    over = true;
    guarded(() => done(answer));
  };
  const broken = () => finish({ status: 0 });
  fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    // As text, which another origin may be sent without asking first; the server takes it for what it is.
    body,
    credentials: credentials ? 'include' : 'same-origin',
    cache: 'no-store',
    signal: control.signal,
  })
    .then((response) => !over && take(response, finish))
    .then(undefined, broken);
  return () => {
    over = true;
    control.abort();
  };
}

/** Takes the whole of an answer. */
function whole(response: Response, done: (answer: Answer) => void): PromiseLike<void> {
  return response.text().then((text) =>
    done({
      status: response.status,
      body: parse(text),
      retryAfter: response.headers.get('Retry-After'),
    }),
  );
}

/** Requests by fetch, with or without cookies for another origin. */
export function fetchSend(credentials: boolean): Send {
  return limited((url, body, done) => start(url, body, credentials, whole, done));
}

/** Answers read as they come, by fetch. */
export function fetchStream(credentials: boolean): OpenStream {
  return (url, piece, end) =>
    start(
      url,
      undefined,
      credentials,
      (response, done) => {
        if (response.status !== 200 || !response.body) return whole(response, done);
        const reader = response.body.getReader();
        const decoder = new TextDecoder();
        const next = (): PromiseLike<void> =>
          reader.read().then(({ done: over, value }) => {
            if (over) return done({ status: 200 });
            piece(decoder.decode(value, { stream: true }));
            return next();
          });
        return next();
      },
      end,
    );
}
