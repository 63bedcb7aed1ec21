/** HTTP by `XMLHttpRequest`, or by `XDomainRequest` where only that reaches another origin: Internet Explorer 8 and 9. */
import { parse } from '../core/wire.js';
import type { Answer, OpenStream, Send } from './http.js';
import { limited } from './http.js';
import { root } from '../core/root.js';

/** Old browsers keep all that a request received in one string; at this length a fresh request is due. */
const LONGEST_TEXT = 1 << 20;
/** So much has to come before Internet Explorer shows the beginning of an answer. */
const PADDING = 2048;

/** What both kinds of request have in common here. */
interface Requester {
  open(method: string, url: string, async?: boolean): void;
  send(body: string | null): void;
  abort(): void;
  responseText: string;
  withCredentials?: boolean;
}

/** Whether a request to this address must go by `XDomainRequest`. */
function needsXdr(url: string): boolean {
  const { XMLHttpRequest, XDomainRequest, location } = root;
  if (!XDomainRequest || 'withCredentials' in new XMLHttpRequest()) return false;
  const own = location.protocol + '//' + location.host + '/';
  return url.substring(0, own.length) !== own;
}

/**
 * Starts a request. `progress` is told that more of its text is there, `done` that it ended. Calls of a request that
 * was given up are left out.
 */
function start(
  url: string,
  body: string | undefined,
  credentials: boolean,
  progress: (text: string) => void,
  done: (answer: Answer) => void,
): () => void {
  const method = body === undefined ? 'GET' : 'POST';
  const cross = needsXdr(url);
  const request: Requester = cross ? new root.XDomainRequest() : new root.XMLHttpRequest();
  const any = request as any;
  let over = false;
  const stop = () => {
    over = true;
    // What is left of an old browser's request must not be reached any more; it cannot be told so by null.
    any.onreadystatechange = any.onprogress = any.onload = any.onerror = () => undefined;
    request.abort();
  };
  const finish = (answer: Answer) => {
    if (over) return;
    over = true;
    done(answer);
  };
  if (cross) {
    // It shows no status, so the server is asked to tell errors in the body; and it fails unless all of these are set.
    request.open(method, url + (/\?/.test(url) ? '&' : '?') + 'status=200');
    any.onprogress = () => over || progress(request.responseText);
    any.onerror = any.ontimeout = () => finish({ status: 0 });
    any.onload = () => {
      progress(request.responseText);
      const value = parse(request.responseText);
      finish({ status: (value && value.code && value.status) || 200, body: value });
    };
    any.timeout = 1 << 30;
  } else {
    request.open(method, url, true);
    if (credentials) request.withCredentials = true;
    any.onprogress = any.onreadystatechange = () => {
      const { readyState } = any;
      if (over || readyState < 3) return;
      let status = 0;
      let text = '';
      try {
        // Not to be had in Internet Explorer before the end, nor after the network failed.
        status = any.status;
        text = any.responseText;
      } catch (notYet) {
        if (readyState < 4) return;
      }
      if (status === 200) progress(text);
      if (readyState < 4) return;
      finish(
        status
          ? { status, body: parse(text), retryAfter: any.getResponseHeader('Retry-After') }
          : { status: 0 },
      );
    };
  }
  const go = () => over || request.send(body === undefined ? null : body);
  // Several XDomainRequests that are made at once get stuck unless they are sent later.
  if (cross) setTimeout(go, 0);
  else go();
  return stop;
}

/** Requests by XMLHttpRequest, with or without cookies for another origin. */
export function xhrSend(credentials: boolean): Send {
  return limited((url, body, done) => start(url, body, credentials, () => undefined, done));
}

/** Answers read as they come, by the progress of an XMLHttpRequest. */
export function xhrStream(credentials: boolean): OpenStream {
  return (url, piece, end) => {
    let seen = 0;
    let abort = () => undefined as void;
    abort = start(
      url + (/\?/.test(url) ? '&' : '?') + 'padding=' + PADDING,
      undefined,
      credentials,
      (text) => {
        const fresh = text.substring(seen);
        seen = text.length;
        if (fresh) piece(fresh);
        if (seen > LONGEST_TEXT) {
          abort();
          end({ status: 200, body: { code: 'rotate' } });
        }
      },
      (answer) => end(answer.status === 200 ? { status: 200 } : answer),
    );
    return abort;
  };
}
