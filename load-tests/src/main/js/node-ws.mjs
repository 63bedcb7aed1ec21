// The broadcast of the `ws` package's own documentation: a text message goes to everybody else.
// WS_PACKAGE says where the package is.

import { createRequire } from 'node:module';

const { WebSocketServer, WebSocket } = createRequire(import.meta.url)(process.env.WS_PACKAGE);
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);

const server = new WebSocketServer({
  host: '127.0.0.1',
  port,
  path: '/ws',
  perMessageDeflate: false,
  backlog: 4096,
});
server.on('connection', (socket) => {
  socket.on('error', console.error);
  socket.on('message', (data, isBinary) => {
    for (const client of server.clients)
      if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
  });
});
