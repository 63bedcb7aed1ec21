/** One HTTP request with a JSON answer, through XMLHttpRequest where there is one and fetch elsewhere. */
import type { Problem } from '../core/wire.js';
import type { Environment } from './environment.js';

/** An answer; `status` 0 means that none came. */
export interface Answer {
  status: number;
  body?: any;
  /** The Retry-After header. */
  retryAfter?: string | null;
}

export interface Request {
  method: 'GET' | 'POST';
  url: string;
  body?: string;
  /** Send cookies to another origin too. */
  credentials: boolean;
  timeoutMs: number;
}

/** Sends a request; `done` is called once. Returns a function that gives it up without calling `done`. */
export function send(env: Environment, request: Request, done: (answer: Answer) => void): () => void {
  let over = false;
  const finish = (answer: Answer) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    done(answer);
  };
  const abort = (env.XMLHttpRequest ? byXhr : byFetch)(env, request, finish);
  const timer = setTimeout(() => {
    finish({ status: 0 });
    abort();
  }, request.timeoutMs);
  return () => {
    over = true;
    clearTimeout(timer);
    abort();
  };
}

function byXhr(env: Environment, request: Request, done: (answer: Answer) => void): () => void {
  const xhr = new env.XMLHttpRequest!();
  xhr.open(request.method, request.url, true);
  if (request.credentials) xhr.withCredentials = true;
  if (request.body !== undefined) xhr.setRequestHeader('Content-Type', 'application/json');
  xhr.onreadystatechange = () => {
    if (xhr.readyState !== 4) return;
    if (!xhr.status) return done({ status: 0 });
    done({
      status: xhr.status,
      body: parse(xhr.responseText),
      retryAfter: xhr.getResponseHeader('Retry-After'),
    });
  };
  xhr.send(request.body === undefined ? null : request.body);
  return () => {
    xhr.onreadystatechange = null;
    xhr.abort();
  };
}

function byFetch(env: Environment, request: Request, done: (answer: Answer) => void): () => void {
  const control = env.AbortController ? new env.AbortController() : undefined;
  env.fetch!(request.url, fetchOptions(request, control)).then(
    (response) =>
      response.text().then(
        (text) =>
          done({
            status: response.status,
            body: parse(text),
            retryAfter: response.headers.get('Retry-After'),
          }),
        () => done({ status: 0 }),
      ),
    () => done({ status: 0 }),
  );
  return () => {
    if (control) control.abort();
  };
}

/** The options of a fetch for this request. */
export function fetchOptions(
  request: { method: string; body?: string; credentials: boolean },
  control: AbortController | undefined,
): RequestInit {
  return {
    method: request.method,
    body: request.body,
    headers: request.body === undefined ? undefined : { 'Content-Type': 'application/json' },
    credentials: request.credentials ? 'include' : 'same-origin',
    cache: 'no-store',
    signal: control && control.signal,
  };
}

/** The JSON value of a text, undefined if it is none. */
export function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch (notJson) {
    return undefined;
  }
}

/** What an answer that is not a success says. */
export function problemOf(answer: Answer): Problem {
  const body = answer.body || {};
  return {
    code: body.code || (answer.status ? 'http_' + answer.status : 'unreachable'),
    message: body.detail || body.title,
    status: answer.status,
    delay: retryMs(answer.retryAfter),
  };
}

/** A Retry-After header, which is seconds or a date, in milliseconds from now. */
function retryMs(header: string | null | undefined): number | undefined {
  if (!header) return undefined;
  const ms = /^\d+$/.test(header) ? +header * 1000 : Date.parse(header) - new Date().getTime();
  return ms >= 0 ? ms : undefined;
}
