/** The hostile network itself, in front of a server that does what each test tells it to. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import http from 'node:http';
import net from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import {
  blackhole,
  bufferBody,
  bufferBytes,
  bufferFor,
  bufferUntilEnd,
  captivePortal,
  CLIENT,
  cutAfter,
  delay,
  dropAnswers,
  halfOpen,
  hangUpgrade,
  noKeepAlive,
  PAGE,
  redirectPortal,
  refuseAll,
  refuseUpgrade,
  startHostile,
  status,
  stripHeaders,
  swallowFrames,
  throttle,
} from '../support/hostile.mjs';
import { Frames } from '../support/wire-bytes.mjs';
import { until, upTo } from '../support/wait.mjs';

const SHORT = 60;
/** Large beside the time that the tests themselves take. */
const RTT = 300;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let server;
let network;
let agent;
let sockets;

beforeEach(async () => {
  server = await startStandIn();
  network = await startHostile(server.url);
  agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  sockets = [];
});
afterEach(async () => {
  agent.destroy();
  sockets.forEach((socket) => socket.terminate());
  await network.stop();
  await server.stop();
});

/** Answers `/echo` and every POST with the request's body, streams what `say` is given, echoes WebSocket frames. */
async function startStandIn() {
  const stand = { seen: [], streams: [], sockets: [], frames: [] };
  const answering = http.createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    stand.seen.push(`${request.method} ${request.url}`);
    if (/events|stream/.test(request.url)) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      stand.streams.push(response);
      response.on('close', () => stand.streams.splice(stand.streams.indexOf(response), 1));
    } else {
      const text = body || request.url;
      response.writeHead(200, { 'X-Server': 'stand-in', 'Content-Length': text.length });
      response.end(text);
    }
  });
  const accepting = new WebSocketServer({ server: answering });
  accepting.on('connection', (socket, request) => {
    stand.seen.push(`WS ${request.url}`);
    stand.sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => stand.sockets.splice(stand.sockets.indexOf(socket), 1));
    socket.on('message', (data) => {
      stand.frames.push(String(data));
      socket.send(String(data));
    });
    if (request.url.includes('greet')) socket.send('welcome');
  });
  await new Promise((resolve) => answering.listen(0, '127.0.0.1', resolve));
  stand.url = `http://127.0.0.1:${answering.address().port}`;
  stand.stop = () => {
    accepting.clients.forEach((socket) => socket.terminate());
    answering.closeAllConnections();
    return new Promise((resolve) => answering.close(resolve));
  };
  return stand;
}

/** Requests; resolves with the answer as soon as its head is there, and collects what comes of its body. */
function open(path, { method = 'GET', body, headers } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(network.url + path, { method, agent, headers }, (response) => {
      const answer = {
        status: response.statusCode,
        headers: response.headers,
        body: '',
        ended: false,
        broken: false,
        leave: () => request.destroy(),
      };
      response.setEncoding('utf8').on('data', (text) => (answer.body += text));
      response.on('end', () => (answer.ended = true));
      response.on('error', () => (answer.broken = true));
      resolve(answer);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Requests and waits for all of the answer. */
async function get(path, options) {
  const answer = await open(path, options);
  await until(`all of ${path}`, () => answer.ended || answer.broken);
  return answer;
}

const post = (path, body) => get(path, { method: 'POST', body });

/** Whether nothing comes of it for a while. */
async function hangs(promise) {
  const nothing = Symbol('nothing');
  return (
    (await Promise.race([promise.catch(() => 'failed'), pause(SHORT * 2).then(() => nothing)])) === nothing
  );
}

async function timed(work) {
  const started = performance.now();
  const value = await work();
  return [performance.now() - started, value];
}

/** A WebSocket that keeps what it hears; `failed` is why it did not open. */
function dial(path = '/ws') {
  const socket = new WebSocket(network.url.replace('http', 'ws') + path, 'footbridge.v1');
  sockets.push(socket);
  const line = { socket, heard: [], opened: false, closed: false, failed: undefined };
  socket.on('open', () => (line.opened = true));
  socket.on('message', (data) => line.heard.push(String(data)));
  socket.on('close', () => (line.closed = true));
  socket.on('error', (error) => (line.failed = error.message));
  socket.on('unexpected-response', (request, response) => {
    line.failed = `status ${response.statusCode}`;
    line.answer = response;
    response.resume();
  });
  return line;
}

async function dialed(path) {
  const line = dial(path);
  await until('the WebSocket is open', () => line.opened);
  return line;
}

async function echoes(line, text) {
  line.socket.send(text);
  await until(`${text} comes back`, () => line.heard.includes(text));
}

async function stream(kind = 'events') {
  const answer = await open(`/sessions/s/${kind}?turn=1`);
  await until('the server has it', () => server.streams.length === 1);
  return answer;
}

/** Timers may be a little early. */
const within = (ms, low, high) =>
  assert.ok(ms >= low - 10 && ms < high, `${Math.round(ms)} ms, not ${low} to ${high}`);

// A good network.

test('what nothing is set for passes as it is, many requests on one connection', async () => {
  const large = 'x'.repeat(300000);
  assert.equal((await get('/sessions/s/poll?after=3')).body, '/sessions/s/poll?after=3');
  assert.equal((await post('/sessions/s/send', large)).body, large);
  const last = await get('/health');
  assert.deepEqual([last.status, last.headers['x-server']], [200, 'stand-in']);
  assert.equal((await get('/health', { method: 'HEAD' })).body, '');
  assert.equal((await get('/health')).body, '/health');
  assert.deepEqual(
    network.log.map(({ connection, kind, did }) => [connection, kind, did.length]),
    [
      [1, 'poll', 0],
      [1, 'send', 0],
      [1, 'other', 0],
      [1, 'other', 0],
      [1, 'other', 0],
    ],
  );
});

test('a request in chunks is as good as one with a length', async () => {
  const chunked = { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' }, body: 'some text' };
  assert.equal((await get('/echo', chunked)).body, 'some text');
  assert.equal((await get('/echo', chunked)).body, 'some text');
  assert.deepEqual(server.seen, ['POST /echo', 'POST /echo']);
});

test('a stream passes as it comes, and its end ends the request at the server', async () => {
  const answer = await stream();
  for (const number of upTo(5)) {
    server.streams[0].write(`${number};`);
    await until('it is there', () => answer.body.endsWith(`${number};`));
  }
  answer.leave();
  await until('the server knows', () => server.streams.length === 0);
});

test('a WebSocket passes frames of every size, also in small pieces', async () => {
  const line = await dialed();
  for (const size of [0, 1, 125, 126, 127, 65535, 65536, 200000]) {
    await echoes(line, 'y'.repeat(size));
  }
  line.socket.ping('is anybody there?');
  await new Promise((resolve) => line.socket.once('pong', resolve));
  line.socket.close(1000);
  await until('it is closed', () => line.closed && server.sockets.length === 0);
});

test('frames are found wherever the bytes are cut', () => {
  const frame = (size, masked) => {
    const short = size < 126 ? size : size < 65536 ? 126 : 127;
    const head = [0x81, short | (masked ? 128 : 0)];
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(size));
    if (short === 126) head.push(...length.subarray(6));
    if (short === 127) head.push(...length);
    return Buffer.concat([Buffer.from(head), Buffer.alloc((masked ? 4 : 0) + size, 0x81)]);
  };
  const sizes = [0, 1, 125, 126, 300, 65536, 3];
  for (const masked of [true, false]) {
    const bytes = Buffer.concat(sizes.map((size) => frame(size, masked)));
    for (const step of [1, 2, 3, 7, 1000, bytes.length]) {
      const frames = new Frames();
      const found = [];
      for (let at = 0; at < bytes.length; at += step) {
        for (const [piece, begins] of frames.split(bytes.subarray(at, at + step))) {
          if (begins) found.push(0);
          found[found.length - 1] += piece.length;
        }
      }
      assert.deepEqual(
        found,
        sizes.map((size) => frame(size, masked).length),
        `in steps of ${step}`,
      );
    }
  }
});

test('the page and the client are the network’s own, whatever it does', async () => {
  for (const network_ of [[], [refuseAll()], [blackhole()], [captivePortal(), delay(5000)], [status(502)]]) {
    network.set(...network_);
    const page = await get(PAGE);
    assert.match(page.body, new RegExp(`<script src="${CLIENT}">`));
    const client = await get(CLIENT);
    assert.equal(client.status, 200);
    assert.match(client.headers['content-type'], /javascript/);
    assert.match(client.body, /Footbridge/);
  }
  assert.deepEqual(server.seen, []);
});

// Answers of the network itself.

for (const code of [400, 403, 502]) {
  test(`a handshake is refused with ${code}, and nothing else is`, async () => {
    network.set(refuseUpgrade(code));
    const line = dial();
    await until('it is refused', () => line.failed);
    assert.equal(line.failed, `status ${code}`);
    assert.equal((await get('/sessions/s/poll')).status, 200);
    assert.deepEqual(server.seen, ['GET /sessions/s/poll']);
  });
}

test('a handshake hangs, and nothing else does', async () => {
  network.set(hangUpgrade());
  const line = dial();
  assert.equal((await get('/sessions/s/poll')).status, 200);
  await pause(SHORT);
  assert.deepEqual([line.opened, line.failed, line.closed], [false, undefined, false]);
  assert.deepEqual(server.seen, ['GET /sessions/s/poll']);
});

test('every behaviour can be limited to a kind of request', async () => {
  const requests = {
    websocket: ['GET', '/ws?turn=1'],
    events: ['GET', '/sessions/m.Yll-I3/events?turn=1'],
    stream: ['GET', '/probe/stream?padding=9'],
    poll: ['POST', '/sessions/m.Yll-I3/poll?turn=1'],
    send: ['POST', '/base/sessions/m.Yll-I3/send'],
    open: ['POST', '/sessions'],
    other: ['DELETE', '/sessions/m.Yll-I3'],
  };
  const hit = async (only) => {
    network.set(status(504, { only }));
    const found = [];
    for (const [kind, [method, path]] of Object.entries(requests)) {
      const answer = await open(path, { method });
      if (answer.status === 504) found.push(kind);
      if (!answer.ended) answer.leave();
    }
    return found;
  };
  for (const kind of Object.keys(requests).slice(0, -1)) assert.deepEqual(await hit(kind), [kind]);
  assert.deepEqual(await hit(['send', 'open']), ['send', 'open']);
  assert.deepEqual(await hit('http'), ['events', 'stream', 'poll', 'send', 'open', 'other']);
  assert.deepEqual(await hit('all'), Object.keys(requests));
  const paths = [
    '/sessions/a/jsonp',
    '/probe/events',
    '/sessions/a/stream',
    '/base/ws',
    '/sessionsandmore',
    '/wsx',
  ];
  for (const path of paths) (await open(path)).leave();
  assert.deepEqual(
    network.log.slice(-paths.length).map(({ kind }) => kind),
    ['poll', 'events', 'stream', 'websocket', 'other', 'other'],
  );
});

test('a gateway answers with a status and a page, after the whole request, and the connection is kept', async () => {
  network.set(status(502, { only: 'send', times: 2 }), status(407, { only: 'open' }));
  const large = 'z'.repeat(100000);
  for (const expected of [502, 502, 200]) {
    const answer = await post('/sessions/s/send', large);
    assert.equal(answer.status, expected);
    if (expected === 502) assert.match(answer.body, /<h1>502 Bad Gateway<\/h1>/);
  }
  const asked = await post('/sessions', '');
  assert.deepEqual([asked.status, asked.headers['proxy-authenticate']], [407, 'Basic realm="proxy"']);
  assert.ok(network.log.every(({ connection }) => connection === 1));
  assert.equal(server.seen.length, 1);
});

test('a captive portal answers everything with its page, handshakes too', async () => {
  network.set(captivePortal());
  const answer = await get('/sessions/s/events');
  assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'text/html']);
  assert.match(answer.body, /<form/);
  const line = dial();
  await until('it is refused', () => line.failed);
  assert.equal(line.failed, 'status 200');
  assert.deepEqual(server.seen, []);
});

test('a portal redirects to a login page of another origin', async () => {
  network.set(redirectPortal());
  const answer = await post('/sessions', '{}');
  assert.equal(answer.status, 302);
  const portal = new URL(answer.headers.location);
  assert.notEqual(portal.origin, network.url);
  assert.match(await (await fetch(portal)).text(), /<form/);
});

test('a network that is down resets what there is and what comes', async () => {
  const [line, answer] = [await dialed(), await stream()];
  network.set(refuseAll());
  await until('both know', () => line.closed && answer.broken);
  await assert.rejects(get('/health'), { code: 'ECONNRESET' });
  network.set();
  assert.equal((await get('/health')).status, 200);
  await until('the server knows', () => server.sockets.length === 0 && server.streams.length === 0);
});

test('a black hole takes everything and gives nothing', async () => {
  const line = await dialed();
  network.set(blackhole());
  line.socket.send('lost');
  assert.ok(await hangs(get('/health')));
  assert.deepEqual([line.closed, server.frames, server.seen], [false, [], ['WS /ws']]);
  network.set();
  agent.destroy();
  agent = new http.Agent();
  assert.equal((await get('/health')).status, 200);
});

// WebSockets that are swallowed.

for (const [direction, arrived, heard] of [
  ['both', [], []],
  ['up', [], ['from the server']],
  ['down', ['a', 'b'], []],
]) {
  test(`frames are swallowed from the first on, ${direction}`, async () => {
    network.set(swallowFrames({ direction }));
    const line = await dialed();
    server.sockets[0].send('from the server');
    line.socket.send('a');
    line.socket.send('b');
    await pause(SHORT);
    assert.deepEqual(server.frames, arrived);
    assert.deepEqual(line.heard, heard);
    assert.deepEqual([line.closed, server.sockets.length], [false, 1]);
  });
}

test('so many frames of each direction pass before the others are swallowed', async () => {
  network.set(swallowFrames({ after: 3 }));
  const line = await dialed('/ws?greet');
  upTo(5).forEach((number) => line.socket.send(`${number}`));
  await until('all that may are there', () => server.frames.length === 3 && line.heard.length === 3);
  await pause(SHORT);
  assert.deepEqual(server.frames, ['1', '2', '3']);
  assert.deepEqual(line.heard, ['welcome', '1', '2']);
});

test('a live WebSocket can be swallowed, and never recovers; a new one does', async () => {
  const line = await dialed();
  await echoes(line, 'x'.repeat(70000));
  network.set(swallowFrames({ after: 1, direction: 'up' }));
  await echoes(line, 'one more');
  line.socket.send('swallowed');
  await pause(SHORT);
  network.set();
  line.socket.send('still swallowed');
  server.sockets[0].send('down is free');
  await until('that is heard', () => line.heard.includes('down is free'));
  await echoes(await dialed(), 'fresh');
  assert.deepEqual(server.frames.slice(1), ['one more', 'fresh']);
});

test('swallowed down, the close of the server is swallowed too; the browser’s is not', async () => {
  network.set(swallowFrames({ direction: 'down' }));
  const [first, second] = [await dialed(), await dialed()];
  server.sockets[0].terminate();
  second.socket.terminate();
  await until('the server has lost both', () => server.sockets.length === 0);
  await pause(SHORT);
  assert.equal(first.closed, false);
});

// Answers that are held.

test('a stream is held until its end, head and all', async () => {
  network.set(bufferUntilEnd());
  const opening = open('/sessions/s/stream');
  await until('the server has it', () => server.streams.length === 1);
  server.streams[0].write('one;');
  assert.ok(await hangs(opening));
  server.streams[0].end('two;');
  const answer = await opening;
  await until('it is all there', () => answer.ended);
  assert.equal(answer.body, 'one;two;');
  assert.equal((await get('/sessions/s/poll')).status, 200);
  await echoes(await dialed(), 'a WebSocket is no answer');
});

test('a request that is given up while it is held ends at the server', async () => {
  network.set(bufferUntilEnd());
  const opening = open('/sessions/s/stream');
  await until('the server has it', () => server.streams.length === 1);
  agent.destroy();
  await assert.rejects(opening);
  await until('the server knows', () => server.streams.length === 0);
});

test('the head passes and the body is held', async () => {
  network.set(bufferBody());
  const answer = await stream();
  server.streams[0].write('one;');
  await pause(SHORT);
  assert.equal(answer.body, '');
  server.streams[0].end('two;');
  await until('it is all there', () => answer.ended);
  assert.equal(answer.body, 'one;two;');
});

test('a live stream is held from when it is set until that is lifted', async () => {
  const answer = await stream();
  server.streams[0].write('one;');
  await until('it passes', () => answer.body === 'one;');
  network.set(bufferUntilEnd());
  server.streams[0].write('two;');
  await pause(SHORT);
  assert.equal(answer.body, 'one;');
  network.set();
  await until('it passes', () => answer.body === 'one;two;');
});

test('a WebSocket is held where that is asked for', async () => {
  const line = await dialed();
  network.set(bufferUntilEnd({ only: 'all' }));
  line.socket.send('x');
  await until('up it passes', () => server.frames.length === 1);
  const second = dial();
  await pause(SHORT);
  assert.deepEqual([line.heard, second.opened], [[], false]);
  network.set();
  await until('it passes', () => line.heard.length === 1 && second.opened);
});

test('a stream passes every so often', async () => {
  network.set(bufferFor(0.3));
  const started = performance.now();
  const answer = await stream();
  within(performance.now() - started, 300, 590);
  server.streams[0].write('one;');
  await pause(100);
  server.streams[0].write('two;');
  assert.equal(answer.body, '');
  await until('both pass', () => answer.body === 'one;two;');
  within(performance.now() - started, 600, 890);
  const [ms] = await timed(async () => {
    server.streams[0].end('end;');
    await until('it passes', () => answer.ended);
  });
  within(ms, 0, 250);
});

test('a stream passes when so many bytes have gathered, and at its end', async () => {
  network.set(bufferBytes(1000));
  const opening = open('/sessions/s/events');
  await until('the server has it', () => server.streams.length === 1);
  server.streams[0].write('a'.repeat(500));
  assert.ok(await hangs(opening));
  server.streams[0].write('b'.repeat(500));
  const answer = await opening;
  await until('it passes', () => answer.body.length === 1000);
  server.streams[0].write('c');
  await pause(SHORT);
  assert.equal(answer.body.length, 1000);
  server.streams[0].end('d');
  await until('the rest passes', () => answer.ended);
  assert.ok(answer.body.endsWith('bcd'));
});

// Connections that are cut, and answers that are lost.

test('connections are cut after a time, whatever they carry, and new ones live as long', async () => {
  network.set(cutAfter({ seconds: 0.3 }));
  for (let round = 0; round < 2; round++) {
    const [ms] = await timed(async () => {
      const [line, answer] = [await dialed(), await stream()];
      await until('both are cut', () => line.closed && answer.broken);
    });
    within(ms, 300, 1000);
    await until('the server knows', () => server.sockets.length === 0 && server.streams.length === 0);
  }
});

test('for a connection that there is, the time begins when it is set', async () => {
  const line = await dialed();
  await pause(150);
  const [ms] = await timed(async () => {
    network.set(cutAfter({ seconds: 0.2, only: 'websocket' }));
    await until('it is cut', () => line.closed);
  });
  within(ms, 200, 900);
});

test('a connection is cut after so many bytes of its answer', async () => {
  network.set(cutAfter({ bytes: 1000, only: 'events' }));
  const answer = await stream();
  server.streams[0].write('x'.repeat(5000));
  await until('it is cut', () => answer.broken);
  within(answer.body.length, 500, 1000);
  assert.equal((await post('/echo', 'y'.repeat(5000))).body.length, 5000);
});

test('answers are lost after the server has had the request, some or all', async () => {
  network.set(dropAnswers({ only: 'send', times: 2 }));
  for (let i = 0; i < 2; i++) await assert.rejects(post('/sessions/s/send', 'x'), { code: 'ECONNRESET' });
  assert.equal((await post('/sessions/s/send', 'x')).body, 'x');
  assert.equal(server.seen.length, 3);
});

test('answers are lost and the connection hangs', async () => {
  network.set(dropAnswers({ only: 'poll', hang: true }));
  assert.ok(await hangs(get('/sessions/s/poll')));
  assert.deepEqual(server.seen, ['GET /sessions/s/poll']);
  assert.deepEqual(network.log[0].did, ['answer lost, hangs']);
});

test('what there is is forgotten: neither side is told anything, not even the end', async () => {
  const [first, second, answer] = [await dialed(), await dialed(), await stream()];
  network.set(halfOpen());
  first.socket.send('up');
  server.sockets[0].send('down');
  server.streams[0].write('down');
  first.socket.terminate();
  server.sockets[1].terminate();
  await pause(SHORT);
  assert.equal(server.sockets.length, 1);
  assert.equal(server.streams.length, 1);
  assert.deepEqual([server.frames, first.heard, answer.body], [[], [], '']);
  assert.deepEqual([second.closed, answer.broken], [false, false]);
  agent.destroy();
  agent = new http.Agent();
  assert.equal((await get('/health')).status, 200);
  await echoes(await dialed(), 'fresh');
  network.set();
  second.socket.send('up');
  await pause(SHORT);
  assert.deepEqual(server.frames, ['fresh']);
});

test('an idle connection is forgotten too, and new ones where that is asked for', async () => {
  await get('/health');
  network.set(halfOpen());
  assert.ok(await hangs(get('/health')));
  agent.destroy();
  agent = new http.Agent();
  network.set(halfOpen({ fresh: false, only: 'poll' }));
  assert.equal((await get('/health')).status, 200);
  assert.ok(await hangs(get('/sessions/s/poll')));
});

// Slow lines.

test('with a delay a request takes two round trips on a new connection and one on a kept one', async () => {
  network.set(delay(RTT));
  within((await timed(() => get('/health')))[0], 2 * RTT, 3 * RTT);
  within((await timed(() => post('/health', 'x'.repeat(100000))))[0], RTT, 2 * RTT);
  agent.destroy();
  agent = new http.Agent();
  network.set(delay(RTT), status(502));
  within((await timed(() => get('/health')))[0], 2 * RTT, 3 * RTT);
});

test('with a delay a handshake takes two round trips, and a frame half of one', async () => {
  network.set(delay(RTT));
  const [ms, line] = await timed(async () => {
    const dialing = dial('/ws?greet');
    await until('it is open', () => dialing.opened);
    return dialing;
  });
  within(ms, 2 * RTT, 3 * RTT);
  await until('the greeting came with it', () => line.heard.length === 1, RTT / 3);
  within((await timed(() => echoes(line, 'there and back')))[0], RTT, 2 * RTT);
  const [half] = await timed(async () => {
    server.sockets[0].send('down');
    await until('it is there', () => line.heard.includes('down'));
  });
  within(half, RTT / 2, RTT);
  upTo(20).forEach((number) => line.socket.send(`${number}`));
  await until('all are back', () => line.heard.includes('20'));
  assert.deepEqual(line.heard.slice(-20), upTo(20).map(String));
});

test('a line has so many bytes a second in each direction, however many connections share it', async () => {
  const line = await dialed();
  network.set(throttle(10000));
  const [ms] = await timed(() => echoes(line, 'x'.repeat(3000)));
  within(ms, 500, 1200);
  const [both] = await timed(() => {
    const half = 'y'.repeat(1500);
    return Promise.all([echoes(line, half), post('/echo', half)]);
  });
  within(both, 300, 1000);
});

// Heads.

test('a gateway that does not know Upgrade makes a request of a handshake', async () => {
  network.set(stripHeaders({ request: ['Upgrade', 'Connection'], response: ['X-Server'], only: 'all' }));
  const line = dial();
  await until('it is answered', () => line.failed);
  assert.equal(line.failed, 'status 200');
  assert.equal(line.answer.headers['x-server'], undefined);
  assert.deepEqual(server.seen, ['GET /ws']);
});

test('connections need not be kept', async () => {
  network.set(noKeepAlive());
  for (let i = 0; i < 3; i++) assert.equal((await get('/health')).headers.connection, 'close');
  assert.deepEqual(
    network.log.map(({ connection }) => connection),
    [1, 2, 3],
  );
});

// All at once.

test('behaviours go together', async () => {
  network.set(
    refuseUpgrade(502),
    delay(100),
    bufferBody({ only: 'events' }),
    dropAnswers({ only: 'send', times: 1 }),
  );
  const line = dial();
  await until('the handshake is refused', () => line.failed);
  const [ms, answer] = await timed(() => stream());
  within(ms, 190, 350);
  server.streams[0].write('held');
  await pause(150);
  assert.equal(answer.body, '');
  agent.maxSockets = 2;
  await assert.rejects(post('/sessions/s/send', 'x'));
  assert.equal((await post('/sessions/s/send', 'x')).body, 'x');
  assert.deepEqual(
    network.log.map(({ did }) => did),
    [
      ['delay 100 ms', 'status 502'],
      ['delay 100 ms', 'body buffered until the end'],
      ['delay 100 ms', 'answer lost', 'cut'],
      ['delay 100 ms'],
    ],
  );
});

test('a list of behaviours can be used again, since what they count is not theirs', async () => {
  const once = [status(503, { times: 1 })];
  for (let i = 0; i < 2; i++) {
    network.set(...once);
    assert.deepEqual([(await get('/health')).status, (await get('/health')).status], [503, 200]);
  }
});

test('all connections can be cut at once, and new ones work', async () => {
  const [line, answer] = [await dialed(), await stream()];
  network.cutAll();
  await until('both are cut', () => line.closed && answer.broken);
  assert.equal((await get('/health')).status, 200);
});

test('when it stops, nothing is left, however much it held, delayed and hid', async () => {
  network.set(swallowFrames(), bufferUntilEnd());
  await dialed();
  open('/sessions/s/stream').catch(() => undefined);
  await until('the server has both', () => server.streams.length === 1 && server.sockets.length === 1);
  network.set(halfOpen(), delay(100000), cutAfter({ seconds: 1000 }));
  const other = net.connect(new URL(network.url).port, '127.0.0.1');
  other.on('error', () => undefined);
  await new Promise((resolve) => other.once('connect', resolve));
  other.write('GET /half a head');
  within((await timed(() => network.stop()))[0], 0, 1000);
  await until('the server knows', () => server.streams.length === 0 && server.sockets.length === 0);
  network = await startHostile(server.url);
});
