/** A response read while it arrives, through a fetch reader or XMLHttpRequest's progress. */
import type { Environment } from './environment.js';
import { canReadBody } from './environment.js';
import type { Answer } from './http.js';
import { fetchOptions, parse } from './http.js';

/** Old browsers keep all that a request received in one string; at this length a fresh request is due. */
const LONGEST_XHR_TEXT = 1 << 20;

/**
 * Opens a streaming GET. `piece` gets the text as it arrives; `end` is called once: with status 200 when the
 * stream ended after all (with the code `rotate` if only this browser has enough of it), with another status and the
 * body when it was refused, with 0 when it broke.
 */
export function openStream(
  env: Environment,
  url: string,
  credentials: boolean,
  piece: (text: string) => void,
  end: (answer: Answer) => void,
): () => void {
  return (canReadBody(env) ? byReader : byProgress)(env, url, credentials, piece, end);
}

function byReader(
  env: Environment,
  url: string,
  credentials: boolean,
  piece: (text: string) => void,
  end: (answer: Answer) => void,
): () => void {
  const control = new env.AbortController!();
  const decoder = new env.TextDecoder!();
  let over = false;
  const finish = (answer: Answer) => {
    if (!over) end(answer);
    over = true;
  };
  const broken = () => finish({ status: 0 });
  env.fetch!(url, fetchOptions({ method: 'GET', credentials }, control)).then((response) => {
    if (response.status !== 200 || !response.body) {
      response.text().then(
        (text) =>
          finish({
            status: response.status,
            body: parse(text),
            retryAfter: response.headers.get('Retry-After'),
          }),
        broken,
      );
      return;
    }
    const reader = response.body.getReader();
    const next = (): void => {
      reader.read().then((chunk) => {
        if (over) return;
        if (chunk.done) return finish({ status: 200 });
        piece(decoder.decode(chunk.value, { stream: true }));
        next();
      }, broken);
    };
    next();
  }, broken);
  return () => {
    over = true;
    control.abort();
  };
}

function byProgress(
  env: Environment,
  url: string,
  credentials: boolean,
  piece: (text: string) => void,
  end: (answer: Answer) => void,
): () => void {
  const xhr = new env.XMLHttpRequest!();
  let seen = 0;
  xhr.open('GET', url, true);
  if (credentials) xhr.withCredentials = true;
  xhr.onreadystatechange = () => {
    if (xhr.readyState < 3) return;
    if (xhr.status === 200) {
      const text = xhr.responseText;
      const fresh = text.substring(seen);
      seen = text.length;
      if (fresh) piece(fresh);
      if (seen > LONGEST_XHR_TEXT) return end({ status: 200, body: { code: 'rotate' } });
    }
    if (xhr.readyState === 4) {
      end({
        status: xhr.status,
        body: xhr.status === 200 ? undefined : parse(xhr.responseText),
        retryAfter: xhr.status ? xhr.getResponseHeader('Retry-After') : undefined,
      });
    }
  };
  xhr.onprogress = xhr.onreadystatechange as () => void;
  xhr.send(null);
  return () => {
    xhr.onreadystatechange = null;
    xhr.onprogress = null;
    xhr.abort();
  };
}
