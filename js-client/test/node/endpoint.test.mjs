/** Application endpoints: text and binary messages instead of channels. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { clientsOf } from '../support/clients.mjs';
import { startEcho } from '../support/stub.mjs';
import { next, until } from '../support/wait.mjs';

let echo;
const clients = clientsOf(() => echo.url);

before(async () => {
  echo = await startEcho();
});
after(() => echo?.stop());
afterEach(() => clients.closeAll());

test('the endpoint and its subprotocols are asked for at the opening', async () => {
  await clients.online({ endpoint: '/echo', protocols: ['v2.example'], token: 't' });
  const { key, ...rest } = echo.opened.at(-1);
  assert.match(key, /^[a-z0-5]{24}$/);
  assert.deepEqual(rest, { token: 't', endpoint: '/echo', protocols: ['v2.example'] });
});

for (const transport of ['websocket', 'shortpoll']) {
  test(`text and binary messages come back as they went, on ${transport}`, async () => {
    const client = clients.connect({ endpoint: '/echo', transport });
    const heard = [];
    client.on('message', (message) => heard.push(message));
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    client.send('before it is open');
    client.send('{"op":"not ours"}');
    client.send(bytes);
    client.send(bytes.buffer);
    client.send('grüße');
    await until('all came back', () => heard.length === 5);
    assert.deepEqual(heard, ['before it is open', '{"op":"not ours"}', bytes, bytes, 'grüße']);
  });
}

test('changes of transport neither lose nor repeat nor reorder', async () => {
  const client = await clients.online({ endpoint: '/echo' });
  const heard = [];
  const sent = [];
  client.on('message', (message) => heard.push(typeof message === 'string' ? message : message[0]));
  for (let i = 0; i < 200; i++) {
    const message = i % 3 ? `text ${i}` : Uint8Array.of(i);
    client.send(message);
    sent.push(typeof message === 'string' ? message : i);
    if (i % 20 === 10) client.debug.force(i % 40 === 10 ? 'shortpoll' : 'websocket');
    if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
  }
  await until('all came back', () => heard.length >= sent.length);
  assert.deepEqual(heard, sent);
});

test('when the session is lost, what never arrived is handed back', async () => {
  const client = await clients.online({ endpoint: '/echo', transport: 'websocket' });
  const reset = next(client, 'reset');
  echo.forget();
  client.send('lost');
  client.send(Uint8Array.of(1, 2));
  const { code, undelivered } = await reset;
  assert.equal(code, 'session_gone');
  assert.deepEqual(undelivered, ['lost', Uint8Array.of(1, 2)]);
});

for (const transport of ['websocket', 'shortpoll']) {
  test(`a rebuilt session keeps its name, and its numbers begin anew, on ${transport}`, async () => {
    const client = await clients.online({ endpoint: '/echo', transport });
    const heard = [];
    client.on('message', (message) => heard.push(message));
    client.send('one');
    await until('it came back', () => heard.length === 1);
    const { session } = client;
    const reset = next(client, 'reset');
    echo.rebuild();
    const { code } = await reset;
    assert.equal(code, 'rebuilt');
    client.send('two');
    client.send('three');
    await until('they came back', () => heard.length === 3);
    assert.deepEqual(heard, ['one', 'two', 'three']);
    assert.equal(client.session, session);
    client.debug.force(transport === 'websocket' ? 'shortpoll' : 'websocket');
    client.send('four');
    await until('it came back', () => heard.length === 4);
    assert.equal(client.session, session);
  });
}
