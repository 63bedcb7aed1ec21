/**
 * A bad network: a proxy between client and server that can refuse, cut, hold and silence connections as real ones
 * do. It sees requests and answers as bytes, one connection per request.
 */
import http from 'node:http';
import net from 'node:net';

/**
 * Starts a proxy in front of the server at `target`. Behaviour is set on the result, for requests from then on:
 * `blocked(request)` returns how to treat a request: undefined to let it through, `'cut'` to break the connection,
 * `'hang'` never to answer, `'lose'` to let it reach the server and lose the answer, `{linger: ms}` to let it arrive
 * late, even if the client has given it up, or a status (with headers).
 */
export async function startProxy(target) {
  const upstream = new URL(target);
  const sockets = new Set();
  const proxy = { blocked: () => undefined, requests: [], arrivedLate: [] };

  const server = http.createServer((request, response) => {
    proxy.requests.push(`${request.method} ${request.url}`);
    const fate = proxy.blocked(request);
    if (fate === 'cut') return request.socket.destroy();
    if (fate === 'hang') return undefined;
    if (fate && fate.status) {
      response.writeHead(fate.status, fate.headers);
      return response.end();
    }
    if (fate && fate.linger) return linger(request, fate.linger);
    const forward = http.request(
      {
        host: upstream.hostname,
        port: proxy.targetPort,
        method: request.method,
        path: request.url,
        headers: request.headers,
        agent: false,
      },
      (answer) => {
        if (fate === 'lose') {
          answer.resume();
          return request.socket.destroy();
        }
        response.writeHead(answer.statusCode, answer.headers);
        response.flushHeaders();
        return answer.pipe(response);
      },
    );
    forward.on('error', () => request.socket.destroy());
    response.on('close', () => forward.destroy());
    return request.pipe(forward);
  });

  async function linger(request, ms) {
    const { method, url, headers } = request;
    let body = '';
    for await (const piece of request) body += piece;
    await new Promise((resolve) => setTimeout(resolve, ms));
    const late = http.request(
      { host: upstream.hostname, port: proxy.targetPort, method, path: url, headers, agent: false },
      (answer) => {
        proxy.arrivedLate.push(answer.statusCode);
        answer.resume();
      },
    );
    late.on('error', () => undefined);
    late.end(body);
  }

  server.on('upgrade', (request, socket, head) => {
    proxy.requests.push(`UPGRADE ${request.url}`);
    const fate = proxy.blocked(request);
    if (fate === 'hang') return;
    if (fate) {
      socket.destroy();
      return;
    }
    const forward = net.connect(proxy.targetPort, upstream.hostname, () => {
      const headers = request.rawHeaders.reduce(
        (text, part, index) => text + part + (index % 2 === 0 ? ': ' : '\r\n'),
        '',
      );
      forward.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      forward.write(head);
      forward.pipe(socket);
      socket.pipe(forward);
    });
    const end = () => {
      forward.destroy();
      socket.destroy();
    };
    forward.on('error', end).on('close', end);
    socket.on('error', end).on('close', end);
  });

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });

  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.targetPort = upstream.port;
  /** Breaks every connection that there is. */
  proxy.cutAll = () => sockets.forEach((socket) => socket.destroy());
  proxy.stop = () => {
    proxy.cutAll();
    return new Promise((resolve) => server.close(resolve));
  };
  return proxy;
}
