// How the raw client uses each transport. A link is one attempt: it ends once, with what there is to do next, and from then
// on what still arrives for it is ignored.
//
// `end` gets `{ gone }` where the session cannot go on, else `{ code, delay }`.

import { ask, events, follow, lines } from './http.mjs';
import { WebSocket } from './websocket.mjs';

/** The server may not act now, or there is none: the client comes back. */
const PASSING = new Set(['draining', 'unavailable', 'timeout', 'rate_limited']);
const HOLD_SECONDS = 15;

/** What all links have: one end, and the judgement of refusals and of `bye`. */
function begin(session, turn, ended) {
  const link = {
    over: false,
    closers: [],
    flush: () => undefined,
    end(outcome) {
      if (link.over) return;
      link.over = true;
      for (const close of link.closers) close();
      ended(outcome);
    },
    address(path, query = {}) {
      const parameters = new URLSearchParams({ turn, ...query });
      if (path === 'ws')
        return `${session.url.replace(/^http/, 'ws')}/ws?session=${session.id}&${parameters}`;
      return `${session.url}/sessions/${session.id}/${path}?${parameters}`;
    },
    /** A problem document or a `bye`. */
    problem({ code, direction, delay, reconnect, ...more }, where) {
      const text = `${where}: ${JSON.stringify({ code, direction, delay, reconnect, ...more })}`;
      if (code === 'session_gone' || code === 'gap') {
        // A session of a client that is here all the time neither ends nor forgets what was confirmed.
        if (code === 'gap') session.violation(`a gap in the session, ${text}`);
        return link.end({ gone: text });
      }
      if (code === 'rebuilt' && where === 'send') return link.end({ code });
      if (reconnect || PASSING.has(code)) return link.end({ code, delay });
      // `superseded` too: no newer link of this session was ever made.
      session.violation(`refused, ${text}`);
      return link.end({ code, delay: 500 });
    },
    /** An answer that is no success. */
    refusal({ status, headers, text }, where) {
      const delay = Number(headers?.['retry-after'] ?? 0) * 1000;
      const ours = /problem\+json/.test(headers?.['content-type'] ?? '');
      if (ours) return link.problem({ ...session.parse(text), delay }, where);
      // The balancer's own answers, where no node takes the request or one died with it.
      if (![0, 200, 502, 503, 504].includes(status))
        session.violation(`${where} was answered with ${status} ${text}`);
      return link.end({ status, delay });
    },
  };
  return link;
}

/** Ends the link when nothing came for longer than the server may be silent. */
function watch(session, link) {
  const patience = session.ping * 2000 + 2000;
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => link.end({ code: 'silence' }), patience);
  };
  heard();
  link.closers.push(() => clearTimeout(timer));
  return heard;
}

/** The way up beside a link that only comes down: `send`, one at a time. */
function uplink(session, link) {
  let sending;
  let acknowledged = session.down;
  let timer;
  const later = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(send, ms);
  };
  async function send() {
    if (link.over || sending || !session.online) return;
    if (session.outbox.length === 0 && session.down === acknowledged) return later(500);
    clearTimeout(timer);
    const down = session.down;
    const body = session.batch();
    sending = ask({ method: 'POST', url: link.address('send'), body, type: 'text/plain', timeoutMs: 8000 });
    const answer = await sending;
    sending = undefined;
    if (link.over) return undefined;
    if (answer.status === 200) {
      acknowledged = down;
      session.confirm(session.parse(answer.text)?.received, 'send');
      return later(session.outbox.length > 0 ? 0 : 500);
    }
    if (answer.status === 409 || answer.status === 410) return link.refusal(answer, 'send');
    if (![0, 502, 503, 504].includes(answer.status)) return link.refusal(answer, 'send');
    const asked = Number(answer.headers['retry-after'] ?? 0) * 1000;
    return later(Math.max(asked, 100 + session.random() * 200));
  }
  link.flush = () => {
    if (!sending) later(5);
  };
  link.closers.push(() => {
    clearTimeout(timer);
    sending?.abort();
  });
  later(5);
}

/** Takes the values of a stream; gives a function for each value and, where the transport tells it, its number. */
function taker(session, link) {
  const after = session.down;
  let welcomed = false;
  return (value, number) => {
    if (link.over || value === undefined) return;
    switch (value?.op) {
      case 'welcome':
        if (welcomed) session.violation('a second welcome on one connection');
        welcomed = true;
        if (!session.welcome(value, after)) return link.end({ gone: 'another session' });
        return link.flush();
      case 'bye':
        return link.problem(value, 'bye');
      case 'ping':
      case 'pong':
        return undefined;
      case 'ack':
        return session.confirm(value.received, 'ack');
    }
    if (!welcomed) session.violation(`before the welcome came ${JSON.stringify(value).slice(0, 200)}`);
    if (!session.receive(value, number ?? session.down + 1)) link.end({ gone: 'miscounted' });
  };
}

function websocket(session, turn, ended) {
  const link = begin(session, turn, ended);
  const take = taker(session, link);
  const heard = watch(session, link);
  const socket = new WebSocket(link.address('ws', { after: session.down }), ['footbridge.v1']);
  /** The number of the last message sent here; unknown until the welcome says where the server stands. */
  let sent = -1;
  let acknowledged = session.down;
  const timer = setInterval(() => {
    if (sent < 0 || session.down === acknowledged) return;
    acknowledged = session.down;
    socket.send(`{"op":"ack","received":${acknowledged}}`);
  }, 300);
  link.closers.push(() => {
    clearInterval(timer);
    if (socket.broken) session.violation(`the WebSocket broke: ${socket.broken}`);
    socket.destroy();
  });
  link.flush = () => {
    if (sent < 0) return;
    for (const message of session.outbox.slice(Math.max(0, sent - session.confirmed))) {
      socket.send(message);
      sent++;
    }
  };
  socket.onmessage = ({ data }) => {
    heard();
    const value = session.parse(data);
    if (value?.op === 'welcome') sent = value.received;
    if (value?.op === 'ping') socket.send('{"op":"pong"}');
    take(value);
    if (!link.over) link.flush();
  };
  socket.onerror = () => undefined;
  socket.onclose = ({ code }) => link.end({ code: `close ${code}` });
  return link;
}

function sse(session, turn, ended) {
  const link = begin(session, turn, ended);
  const take = taker(session, link);
  const heard = watch(session, link);
  uplink(session, link);
  // An id stays until another comes: a control value has the id of the message before it, which is none of its own.
  const read = events((data, id) => take(session.parse(data), id === '' ? undefined : Number(id)));
  const piece = (text) => {
    heard();
    read(text);
  };
  const url = link.address('events', { after: session.down });
  link.closers.push(
    follow(url, 'text/event-stream', { piece, end: (answer) => link.refusal(answer, 'events') }),
  );
  return link;
}

function stream(session, turn, ended) {
  const link = begin(session, turn, ended);
  const take = taker(session, link);
  const heard = watch(session, link);
  uplink(session, link);
  const read = lines((line) => line !== '' && take(session.parse(line)));
  const piece = (text) => {
    heard();
    read(text);
  };
  const url = link.address('stream', { after: session.down });
  link.closers.push(
    follow(url, 'application/x-ndjson', { piece, end: (answer) => link.refusal(answer, 'stream') }),
  );
  return link;
}

/** Reads a poll's answer. @returns the answer, or undefined if the link has ended with it */
function readPoll(session, link, answer, after) {
  if (answer.welcome) {
    if (answer.messages?.length) session.violation('a poll has a welcome and messages');
    if (answer.welcome.resumed) session.violation('a poll has the welcome of a session that was not rebuilt');
    session.welcome(answer.welcome, after);
    return answer;
  }
  if (!Array.isArray(answer.messages))
    return session.violation(`no poll's answer: ${JSON.stringify(answer).slice(0, 300)}`) ?? link.end({});
  session.online = true;
  session.confirm(answer.received, 'poll');
  if (answer.messages.length > 0 && answer.first !== after + 1) {
    session.violation(`a poll after ${after} begins with ${answer.first}`);
    return link.end({ gone: 'miscounted' });
  }
  for (const [index, value] of answer.messages.entries())
    if (!session.receive(value, answer.first + index)) return link.end({ gone: 'miscounted' });
  if (answer.bye) return link.problem(answer.bye, 'bye of a poll');
  return answer;
}

/** Polls one after the other; `poll` sends one and gives its answer, `pause` the wait after it. */
function polls(session, link, poll, pause) {
  let asked;
  link.closers.push(() => asked?.abort());
  (async () => {
    while (!link.over) {
      const after = session.down;
      asked = poll(after);
      const response = await asked;
      if (link.over) return;
      if (response.status !== 200) return link.refusal(response, 'poll');
      const answer = asked.read ? asked.read(response.text) : session.parse(response.text);
      if (!answer) return link.end({ code: 'garbled' });
      if (answer.code && answer.status) {
        // JSONP tells a problem in an answer that is a success.
        return link.problem({ ...answer, delay: 500 }, 'jsonp');
      }
      if (!readPoll(session, link, answer, after)) return;
      link.flush();
      await pause(answer);
    }
  })();
}

const now = () => undefined;

function longpoll(session, turn, ended) {
  const link = begin(session, turn, ended);
  uplink(session, link);
  let wait = 0; // the first answer comes at once: a rebuilt session is known before anything is sent
  polls(
    session,
    link,
    (after) => {
      const url = link.address('poll', { after, wait });
      const timeoutMs = wait * 1000 + 10_000;
      wait = HOLD_SECONDS;
      return ask({ url, timeoutMs });
    },
    now,
  );
  return link;
}

function jsonp(session, turn, ended) {
  const link = begin(session, turn, ended);
  uplink(session, link);
  let wait = 0;
  polls(
    session,
    link,
    (after) => {
      const callback = `check.on${turn}`;
      const url = link.address('jsonp', { callback, after, wait });
      const asked = ask({ url, timeoutMs: wait * 1000 + 10_000 });
      wait = HOLD_SECONDS;
      asked.read = (text) => {
        const [begins, ends] = [`/**/${callback}(`, ');'];
        if (text.startsWith(begins) && text.endsWith(ends))
          return session.parse(text.slice(begins.length, -2));
        return session.violation(`no call of ${callback}: ${text.slice(0, 200)}`);
      };
      return asked;
    },
    now,
  );
  return link;
}

function shortpoll(session, turn, ended) {
  const link = begin(session, turn, ended);
  let wake = () => undefined;
  link.flush = () => session.outbox.length > 0 && wake();
  link.closers.push(() => wake());
  polls(
    session,
    link,
    (after) => {
      const url = link.address('poll', { after, wait: 0 });
      return ask({ method: 'POST', url, body: session.batch(), timeoutMs: 10_000 });
    },
    // It comes sooner than advised while there is traffic: the check is about what polls carry, not about saving them.
    () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, 200);
        wake = () => {
          clearTimeout(timer);
          setTimeout(resolve, 20);
        };
      }),
  );
  return link;
}

/** Each makes a link for a session and a turn, and calls `ended` once. */
export const transports = { websocket, sse, stream, longpoll, shortpoll, jsonp };
