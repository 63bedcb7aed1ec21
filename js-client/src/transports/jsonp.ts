/** JSONP: script tags come down where a page may load nothing else; requests go up. Needs a document. */
import type { Answer } from '../net/http.js';
import type { Environment } from '../net/environment.js';
import { root } from '../net/environment.js';
import { heldPolls, SLACK_MS } from './poll.js';
import type { Line, Link } from './transport.js';

let calls = 0;

export function jsonp(line: Line): Link {
  return heldPolls(line, (wait, done) => {
    const callback = 'footbridge_jsonp_' + ++calls;
    const url = line.address('jsonp', { callback, after: line.streams.received, wait });
    return loadScript(line.env, url, callback, wait * 1000 + SLACK_MS, done);
  });
}

/** Loads a script that calls the global `callback` with an answer; an error of the server is an answer too. */
function loadScript(
  env: Environment,
  url: string,
  callback: string,
  timeoutMs: number,
  done: (answer: Answer) => void,
): () => void {
  const document = env.document!;
  const script = document.createElement('script');
  const clean = () => {
    clearTimeout(timer);
    script.onload = script.onerror = null;
    if (script.parentNode) script.parentNode.removeChild(script);
    // A script that is loading cannot be stopped: it may still call, and then it must find something to call.
    root[callback] = () => delete root[callback];
  };
  const finish = (answer: Answer) => {
    clean();
    done(answer);
  };
  const none = () => finish({ status: 0 });
  const timer = setTimeout(none, timeoutMs);
  root[callback] = (body: any) => {
    finish({ status: body && body.messages ? 200 : (body && body.status) || 500, body });
    delete root[callback];
  };
  script.onerror = none;
  script.onload = none; // the callback runs before this
  script.async = true;
  script.src = url;
  document.getElementsByTagName('head')[0]!.appendChild(script);
  return clean;
}
