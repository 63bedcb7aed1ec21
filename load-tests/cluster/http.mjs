// Requests over connections of their own, so that the balancer gives each to another node.

import { request } from 'node:http';

function open({ method = 'GET', url, body, type = 'application/json', accept }) {
  const headers = { connection: 'close' };
  if (accept) headers.accept = accept;
  if (body !== undefined) {
    headers['content-type'] = type;
    headers['content-length'] = Buffer.byteLength(body);
  }
  const sent = request(url, { method, agent: false, headers });
  sent.setNoDelay(true);
  sent.end(body);
  return sent;
}

/**
 * Sends one request.
 *
 * @returns a promise of `{ status, headers, text }`, with status 0 if no whole answer came; its `abort()` gives up
 */
export function ask({ timeoutMs = 10_000, ...what }) {
  const sent = open(what);
  let timer;
  const answer = new Promise((resolve) => {
    const none = () => resolve({ status: 0, headers: {}, text: '' });
    timer = setTimeout(() => sent.destroy(), timeoutMs);
    sent.on('error', none).on('close', none);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => (text += piece));
      response.on('error', none).on('aborted', none);
      response.on('end', () => {
        if (!response.complete) return none();
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
    });
  }).finally(() => clearTimeout(timer));
  answer.abort = () => sent.destroy();
  return answer;
}

/**
 * Reads an answer while it comes. `piece` gets its text; `end` is called once with the status (0 if the connection broke)
 * and, of a refusal, the text.
 *
 * @returns a function that ends it; nothing is called afterwards
 */
export function follow(url, accept, { piece, end }) {
  const sent = open({ url, accept });
  let over = false;
  const finish = (status, text = '', headers = {}) => {
    if (over) return;
    over = true;
    sent.destroy();
    end({ status, text, headers });
  };
  sent.on('error', () => finish(0)).on('close', () => finish(0));
  sent.on('response', (response) => {
    const { statusCode: status, headers } = response;
    let text = '';
    response.setEncoding('utf8').on('data', (some) => {
      if (over) return;
      if (status === 200) piece(some);
      else text += some;
    });
    response.on('error', () => finish(0)).on('aborted', () => finish(0));
    response.on('end', () => finish(response.complete ? status : 0, text, headers));
  });
  return () => {
    over = true;
    sent.destroy();
  };
}

/** Cuts text that comes in pieces into lines; `line` gets each. */
export function lines(line) {
  let rest = '';
  return (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    for (const part of parts) line(part.endsWith('\r') ? part.slice(0, -1) : part);
  };
}

/** Understands Server-Sent Events: `event` gets the data and the last id (`''` if there was none). */
export function events(event) {
  let data = [];
  let id = '';
  return lines((line) => {
    if (line === '') {
      if (data.length > 0) event(data.join('\n'), id);
      data = [];
      return;
    }
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === 'data') data.push(value);
    if (name === 'id') id = value;
  });
}
