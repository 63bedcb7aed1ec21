/** Networks that block, hold, cut and lose: what the client makes of them. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { WebSocket } from 'ws';
import { probeWebSocket } from '../../target/es5/transports/websocket.js';
import { clientsOf, freshName } from '../support/clients.mjs';
import { startProxy } from '../support/proxy.mjs';
import { seeded } from '../support/random.mjs';
import { startServer } from '../support/server.mjs';
import { next, until, upTo } from '../support/wait.mjs';

let server;
let proxy;
const clients = clientsOf(() => proxy.url);

before(async () => {
  server = await startServer();
});
after(() => server?.stop());
beforeEach(async () => {
  proxy = await startProxy(server.url);
});
afterEach(async () => {
  clients.closeAll();
  await proxy.stop();
});

const asks = (request, path) => request.url.includes(path);
const count = (path) => proxy.requests.filter((request) => request.includes(path)).length;

/** Ends the client's session behind its back: until `meanwhile` is over nothing of it gets through. */
async function loseSession(client, meanwhile = () => undefined) {
  const { session } = client;
  const away = next(client, 'state');
  proxy.blocked = (request) => (asks(request, session) ? 'cut' : undefined);
  proxy.cutAll();
  // Or the last word of the session, that it was closed, could still reach the client.
  await away;
  await fetch(`${server.url}/sessions/${session}`, { method: 'DELETE' });
  await meanwhile();
  proxy.blocked = () => undefined;
}

/** Shows that a client can do both directions. */
async function works(client) {
  const channel = client.channel(freshName());
  const heard = [];
  await channel.subscribe(({ data }) => heard.push(data));
  await channel.publish('hello');
  await until('the message came back', () => heard.length === 1);
}

test('where WebSocket is cut, the next rung carries the session', async () => {
  proxy.blocked = (request) => (asks(request, '/ws') ? 'cut' : undefined);
  const client = await clients.across();
  assert.equal(client.transport, 'longpoll');
  await works(client);
  await until('a better one was found', () => client.transport === 'sse');
  await works(client);
});

test('a WebSocket that hangs costs nothing, since polling carries the session meanwhile', async () => {
  proxy.blocked = (request) => (asks(request, '/ws') ? 'hang' : undefined);
  const client = await clients.across({ tryMs: 500 });
  await works(client);
  assert.equal(client.transport, 'longpoll');
  await until('a better one was found', () => client.transport === 'sse');
});

test('where nothing may stream, polling carries the session for good', async () => {
  proxy.blocked = (request) => (/\/(ws|events|stream)\b/.test(request.url) ? 'hang' : undefined);
  const client = await clients.across({ tryMs: 300 });
  await until('everything was tried', () => count('/probe/stream') === 1);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(client.transport, 'longpoll');
  assert.deepEqual([count('UPGRADE'), count('/probe/events'), count('/probe/stream')], [1, 1, 1]);
  await works(client);
});

test('what failed is not tried again at once', async () => {
  proxy.blocked = (request) => (asks(request, '/ws') ? 'cut' : undefined);
  const client = await clients.across();
  await until('a better one was found', () => client.transport === 'sse');
  const tried = count('UPGRADE');
  for (let i = 0; i < 3; i++) {
    const resumed = next(client, 'resume');
    client.debug.drop();
    await resumed;
  }
  assert.equal(client.transport, 'sse');
  assert.equal(count('UPGRADE'), tried);
});

test('an answer that was lost costs nothing: the POST is repeated and counts once', async () => {
  const client = await clients.online({ transport: 'sse' });
  const channel = client.channel(freshName());
  const heard = [];
  await channel.subscribe(({ data }) => heard.push(data));
  let losses = 2;
  proxy.blocked = (request) => (asks(request, '/send') && losses-- > 0 ? 'lose' : undefined);
  await Promise.all(upTo(5).map((number) => channel.publish(number)));
  await until('all arrived', () => heard.length >= 5);
  await works(client);
  assert.deepEqual(heard, upTo(5));
  assert.equal(client.debug.stats.resumes, 0);
});

for (const transport of ['websocket', 'sse', 'stream', 'longpoll', 'shortpoll']) {
  test(`connections cut at any moment lose nothing on ${transport}`, async () => {
    const random = seeded(7);
    const [sender, receiver] = await Promise.all([
      clients.online({ transport }),
      clients.online({ transport }),
    ]);
    const channel = freshName();
    const heard = [];
    await receiver.channel(channel).subscribe(({ data }) => heard.push(data));
    const answers = [];
    for (let i = 0; i < 8; i++) {
      for (let j = 0; j < 20; j++) answers.push(sender.channel(channel).publish(answers.length + 1));
      await new Promise((resolve) => setTimeout(resolve, random.below(60)));
      proxy.cutAll();
    }
    await Promise.all(answers);
    await until('all arrived', () => heard.length >= answers.length, 60000);
    assert.deepEqual(heard, upTo(answers.length));
  });
}

for (const path of ['/poll', '/send']) {
  test(`a ${path} that arrives when the session has long gone on has no effect`, async () => {
    const client = await clients.online({ transport: 'longpoll' });
    const channel = client.channel(freshName());
    const heard = [];
    await channel.subscribe(({ data }) => heard.push(data));
    let lingering = 1;
    proxy.blocked = (request) => (asks(request, path) && lingering-- > 0 ? { linger: 400 } : undefined);
    const first = channel.publish(1);
    await until('a request lingers', () => lingering <= 0);
    client.debug.force('websocket');
    await next(client, 'transport');
    const second = channel.publish(2);
    await until('it arrived', () => proxy.arrivedLate.length === 1);
    assert.deepEqual(proxy.arrivedLate, [409]);
    await Promise.all([first, second, channel.publish(3)]);
    await until('all arrived', () => heard.length === 3);
    assert.deepEqual(heard, [1, 2, 3]);
    assert.equal(client.state, 'online');
  });
}

test('a server that is down is not run over, and found again when it is back', async () => {
  const client = await clients.online();
  await works(client);
  proxy.blocked = () => 'cut';
  proxy.cutAll();
  await until('the client knows', () => client.state === 'offline');
  const before = proxy.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const tries = proxy.requests.length - before;
  assert.ok(tries < 40, `${tries} requests in 1.5 s`);
  proxy.blocked = () => undefined;
  await until('the client is back', () => client.state === 'online', 60000);
  assert.equal(client.transport, 'websocket');
  await works(client);
});

/** What a proxy, or a server that went mad, may answer to everything. */
const nonsense = {
  'an empty page': () => ({ status: 200 }),
  'not found': () => ({ status: 404 }),
  'a bad gateway': () => ({ status: 502 }),
  'nothing, at once': () => 'cut',
  'welcome, and then nothing works': (request) => (request.url === '/sessions' ? undefined : { status: 200 }),
  'polls, and nothing else': (request) => (/sessions$|poll/.test(request.url) ? undefined : 'cut'),
  'sockets, and nothing else': (request) => (request.headers.upgrade ? undefined : 'cut'),
};
for (const [what, blocked] of Object.entries(nonsense)) {
  test(`who is answered with ${what} does not ask in a loop`, async () => {
    proxy.blocked = blocked;
    const client = clients.connect();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const { length } = proxy.requests;
    assert.ok(length < 60, `${length} requests in 4 s`);
    assert.notEqual(client.state, 'closed');
  });
}

test('a connection that is cut as soon as it works is not made in a loop', async () => {
  const client = clients.connect();
  client.on('transport', () => setTimeout(() => proxy.cutAll(), 0));
  client.on('resume', () => setTimeout(() => proxy.cutAll(), 0));
  await new Promise((resolve) => setTimeout(resolve, 4000));
  assert.ok(proxy.requests.length < 60, `${proxy.requests.length} requests in 4 s`);
});

test('Retry-After is obeyed', async () => {
  let refusals = 1;
  let refusedAt = 0;
  proxy.blocked = (request) => {
    if (request.method !== 'POST' || refusals-- <= 0) return undefined;
    refusedAt = Date.now();
    return { status: 503, headers: { 'Retry-After': '1' } };
  };
  const client = await clients.across();
  assert.ok(Date.now() - refusedAt >= 1000, `${Date.now() - refusedAt} ms`);
  await works(client);
});

test('where only WebSocket passes, the session is opened over one', async () => {
  proxy.blocked = (request) => (request.headers.upgrade ? undefined : { status: 403 });
  const client = await clients.across();
  assert.equal(client.transport, 'websocket');
  await works(client);
});

test('an opening whose answer was lost is asked for again, and what went along is neither lost nor repeated', async () => {
  let losses = 2;
  proxy.blocked = (request) => (request.url === '/sessions' && losses-- > 0 ? 'lose' : undefined);
  const client = clients.connect();
  const channel = client.channel(freshName());
  const heard = [];
  const subscribed = channel.subscribe(({ data }) => heard.push(data));
  const published = upTo(3).map((number) => channel.publish(number));
  const { epoch, offset } = await subscribed;
  assert.equal(offset, 0);
  assert.deepEqual(
    await Promise.all(published),
    upTo(3).map((number) => ({ epoch, offset: number })),
  );
  await until('all arrived', () => heard.length >= 3);
  assert.deepEqual(heard, upTo(3));
});

test('one whose session is gone opens another, and recovers its channels', async () => {
  const observer = await clients.online();
  const client = await clients.online({ token: 'guest:guest-5' });
  const channel = client.channel(freshName());
  const heard = [];
  const gaps = [];
  channel.on('gap', (gap) => gaps.push(gap));
  await channel.subscribe(({ data }) => heard.push(data));
  await channel.publish(1);
  await until('the first arrived', () => heard.length === 1);

  const { session } = client;
  const lost = next(client, 'reset');
  let third;
  await loseSession(client, async () => {
    await until('the observer is back', () => observer.state === 'online');
    await observer.channel(channel.name).publish(2);
    third = channel.publish(3);
  });
  assert.equal((await lost).code, 'session_gone');
  await third;
  await until('all arrived', () => heard.length === 3);
  assert.deepEqual(heard, [1, 2, 3]);
  assert.deepEqual(gaps, []);
  assert.notEqual(client.session, session);
});

test('a call that was under way when the session went ends with interrupted', async () => {
  const [caller, callee] = await Promise.all([clients.online(), clients.online()]);
  const procedure = freshName('procedure');
  let called = 0;
  await callee.register(procedure, () => {
    called++;
    return new Promise(() => undefined);
  });
  const answer = caller.call(procedure);
  const interrupted = assert.rejects(answer, { code: 'interrupted' });
  await until('the callee works on it', () => called === 1);
  await loseSession(caller);
  await interrupted;
  assert.equal(called, 1);
});

test('a callee whose session went is a callee again in the new one', async () => {
  const [caller, callee] = await Promise.all([clients.online(), clients.online()]);
  const procedure = freshName('procedure');
  await callee.register(procedure, (data) => data + 1);
  const reset = next(callee, 'reset');
  await loseSession(callee);
  await reset;
  await until('the procedure is there again', () =>
    caller.call(procedure, 1).then(
      (sum) => sum === 2,
      () => false,
    ),
  );
});

test('whether WebSocket works can be found out without touching the session', async () => {
  const client = await clients.online({ transport: 'longpoll' });
  const probe = (ms) => new Promise((resolve) => probeWebSocket(WebSocket, proxy.url, ms, resolve));
  const socket = await probe(2000);
  assert.equal(socket.readyState, 1);
  socket.close();
  assert.equal(client.transport, 'longpoll');
  await works(client);
  assert.equal(client.debug.stats.resumes, 0);
  proxy.blocked = (request) => (asks(request, '/ws') ? 'cut' : undefined);
  assert.equal(await probe(2000), undefined);
  proxy.blocked = (request) => (asks(request, '/ws') ? 'hang' : undefined);
  assert.equal(await probe(100), undefined);
});
