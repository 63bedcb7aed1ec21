/** A server that crashes and starts again without its memory. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { clientsOf, freshName } from '../support/clients.mjs';
import { startServer } from '../support/server.mjs';
import { next, until } from '../support/wait.mjs';

let server = await startServer();
const clients = clientsOf(() => server.url);
after(() => {
  clients.closeAll();
  return server.stop();
});

test('what the new server cannot know is reported as a gap, and then everything goes on', async () => {
  const client = await clients.online();
  const channel = client.channel(freshName());
  const heard = [];
  await channel.subscribe(({ data }) => heard.push(data));
  await channel.publish('before');
  await until('the first arrived', () => heard.length === 1);
  const { epoch } = channel.position;

  const gap = next(client, 'gap', 60000);
  await server.kill();
  await until('the client knows', () => client.state === 'offline');
  const unanswered = channel.publish('meanwhile');
  server = await startServer(new URL(server.url).port);
  assert.equal((await gap).channel, channel.name);
  await unanswered;
  await channel.publish('after');
  await until('the last arrived', () => heard.at(-1) === 'after');
  assert.deepEqual(heard, ['before', 'meanwhile', 'after']);
  assert.notEqual(channel.position.epoch, epoch);
});
