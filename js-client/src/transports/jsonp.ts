/** JSONP: script tags come down where a page may load nothing else; requests go up. Needs a document. */
import { timer } from '../core/clock.js';
import { root } from '../core/root.js';
import type { Line, Link } from './link.js';
import { heldPolls } from './poll.js';

let calls = 0;

export function jsonp(line: Line): Link {
  return heldPolls(line, (wait, timeoutMs, done) => {
    const { document } = root;
    const callback = 'footbridge_jsonp_' + ++calls;
    const script = document.createElement('script');
    const limit = timer();
    const forget = () => {
      root[callback] = undefined;
      try {
        delete root[callback];
      } catch (oldBrowser) {
        // Internet Explorer 8 keeps the name
      }
    };
    const clean = () => {
      limit.stop();
      script.onload = script.onerror = script.onreadystatechange = null;
      if (script.parentNode) script.parentNode.removeChild(script);
      // A script that is loading cannot be stopped: it may still call, and then it must find something to call.
      root[callback] = forget;
    };
    const none = () => {
      clean();
      forget();
      done({ status: 0 });
    };
    // An error of the server is an answer too.
    root[callback] = (body: any) => {
      clean();
      limit.after(0, forget); // until then it may be called again, by a server that has gone mad
      done({ status: body && body.messages ? 200 : (body && body.status) || 500, body });
    };
    limit.after(timeoutMs, () => {
      clean();
      done({ status: 0, late: true });
    });
    script.onload = script.onerror = none; // the callback runs before this
    script.onreadystatechange = () => /loaded|complete/.test(script.readyState) && limit.after(0, none);
    script.async = true;
    script.src = line.address('jsonp', { callback, after: line.streams.received, wait });
    document.getElementsByTagName('head')[0].appendChild(script);
    return clean;
  });
}
