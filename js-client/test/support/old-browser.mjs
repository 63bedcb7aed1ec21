/**
 * An environment as poor as a browser of 2011: ES5 and XMLHttpRequest, script tags, timers, and nothing that came
 * later. It stands in for browsers that no longer run anywhere; what it lacks is what matters.
 */
import http from 'node:http';
import { readFileSync } from 'node:fs';
import vm from 'node:vm';

const LATER =
  'Promise Map Set WeakMap WeakSet WeakRef Symbol Proxy Reflect globalThis Uint8Array ArrayBuffer BigInt Intl WebAssembly'.split(
    ' ',
  );

/** The old browser's XMLHttpRequest: readyState 3 with the text so far, 4 at the end. */
function xhrOf(page) {
  return class XMLHttpRequest {
    readyState = 0;
    status = 0;
    responseText = '';
    onreadystatechange = null;
    onprogress = null;
    #headers = {};

    open(method, url) {
      this.request = { method, url: new URL(url, page) };
    }

    setRequestHeader(name, value) {
      this.#headers[name] = value;
    }

    getResponseHeader(name) {
      return this.response?.headers[name.toLowerCase()] ?? null;
    }

    send(body) {
      const { method, url } = this.request;
      this.call = http.request(url, { method, headers: this.#headers, agent: false }, (response) => {
        this.response = response;
        this.status = response.statusCode;
        response.setEncoding('utf8');
        response.on('data', (text) => {
          this.responseText += text;
          this.#change(3);
        });
        response.on('end', () => this.#change(4));
        response.on('error', () => this.#fail());
      });
      this.call.on('error', () => this.#fail());
      this.call.end(body ?? undefined);
    }

    abort() {
      this.call?.destroy();
    }

    #fail() {
      this.status = 0;
      this.#change(4);
    }

    #change(state) {
      if (this.readyState === 4) return;
      this.readyState = state;
      this.onreadystatechange?.();
    }
  };
}

/** Loads the library's ES5 file into such a browser with a page from `url`; returns the browser's global object. */
export function oldBrowser(url, file) {
  const page = new URL(url);
  const window = vm.createContext({
    location: { href: page.href, protocol: page.protocol, host: page.host },
    XMLHttpRequest: xhrOf(page),
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    setInterval: (action, ms) => setInterval(() => action(), ms),
    clearInterval: (timer) => clearInterval(timer),
  });
  window.window = window.self = window;
  const head = {
    appendChild(script) {
      script.parentNode = head;
      http
        .get(new URL(script.src, page), { agent: false }, (response) => {
          let code = '';
          response.setEncoding('utf8').on('data', (text) => (code += text));
          response.on('end', () => {
            vm.runInContext(code, window);
            script.onload?.();
          });
        })
        .on('error', () => script.onerror?.());
    },
    removeChild(script) {
      script.parentNode = null;
    },
  };
  window.document = { createElement: () => ({}), getElementsByTagName: () => [head] };
  vm.runInContext(LATER.map((name) => `delete this.${name};`).join(''), window);
  vm.runInContext(readFileSync(file, 'utf8'), window);
  return window;
}
