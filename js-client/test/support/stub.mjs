/**
 * A stand-in for a server with an application endpoint that echoes text and binary messages, since the program's
 * demo has none: one session after the other, on WebSocket and short polling, as far as a client needs it.
 */
import http from 'node:http';
import { WebSocketServer } from 'ws';

export async function startEcho() {
  const opened = [];
  let session;

  const welcome = (resumed, after) => ({
    op: 'welcome',
    session: session.id,
    resumed,
    received: session.base + session.received,
    after,
    ping: 25,
    transports: ['websocket', 'shortpoll'],
  });
  const echo = (value) => {
    session.received++;
    session.down.push(value);
    if (session.socket) put(session.socket, value);
  };
  const put = (socket, value) =>
    socket.send(value.op === 'binary' ? Buffer.from(value.data, 'base64') : JSON.stringify(value));

  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const url = new URL(request.url, 'http://localhost');
    const answer = (status, value) => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(value && JSON.stringify(value));
    };
    if (url.pathname === '/sessions') {
      opened.push(JSON.parse(body));
      session = { id: `s${opened.length}`, base: 0, received: 0, down: [], socket: undefined };
      return answer(201, welcome(false, 0));
    }
    if (!url.pathname.startsWith(`/sessions/${session.id}/`)) return answer(410, { code: 'session_gone' });
    if (url.pathname.endsWith('/close')) return answer(204);
    session.socket = undefined;
    const after = Number(url.searchParams.get('after')) - session.base;
    if (after < 0) {
      return answer(200, {
        messages: [],
        received: session.base + session.received,
        welcome: welcome(false, session.base),
      });
    }
    if (body) {
      const { after, messages } = JSON.parse(body);
      messages.slice(session.base + session.received - after).forEach(echo);
    }
    return answer(200, {
      first: session.base + after + 1,
      messages: session.down.slice(after),
      received: session.base + session.received,
      interval: 0.05,
    });
  });

  const sockets = new WebSocketServer({ server, path: '/ws' });
  /** A WebSocket names its session in its address, or later in its first value. */
  const attach = (socket, id, count) => {
    if (id !== session.id) {
      socket.send('{"op":"bye","code":"session_gone","reconnect":false}');
      return socket.close();
    }
    const resumed = count >= session.base;
    const after = resumed ? count - session.base : 0;
    session.socket = socket;
    socket.send(JSON.stringify(welcome(resumed, session.base + after)));
    session.down.slice(after).forEach((value) => put(socket, value));
    return socket.on('message', (data, binary) => {
      if (session.socket !== socket) return;
      const value = binary ? { op: 'binary', data: data.toString('base64') } : JSON.parse(data);
      if (binary || typeof value === 'string') echo(value);
      else if (value.op === 'ping') socket.send('{"op":"pong"}');
    });
  };
  sockets.on('connection', (socket, request) => {
    const query = new URL(request.url, 'http://localhost').searchParams;
    if (!query.get('attach')) return attach(socket, query.get('session'), Number(query.get('after')));
    socket.send('{"op":"pong"}');
    return socket.once('message', (data) => {
      const { session: id, after } = JSON.parse(data);
      attach(socket, id, after);
    });
  });

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    opened,
    /** The session's node dies; another one rebuilds it, without what it held. */
    rebuild: () => {
      const { socket } = session;
      Object.assign(session, { base: session.base + 2 ** 32, received: 0, down: [], socket: undefined });
      socket?.terminate();
    },
    /** The server forgets the session. */
    forget: () => {
      session.id = 'another';
      session.socket?.terminate();
    },
    stop: () => {
      sockets.clients.forEach((socket) => socket.terminate());
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
