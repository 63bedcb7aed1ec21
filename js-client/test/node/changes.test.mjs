/** Changes of transport in the middle of traffic: nothing is lost, nothing repeated, nothing out of order. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { clientsOf, freshName, NODE_TRANSPORTS } from '../support/clients.mjs';
import { seeded } from '../support/random.mjs';
import { startServer } from '../support/server.mjs';
import { next, until, upTo } from '../support/wait.mjs';

let server;
const clients = clientsOf(() => server.url);

before(async () => {
  server = await startServer();
});
after(() => server?.stop());
afterEach(() => clients.closeAll());

/** Publishes numbers until stopped; `stop` waits for the answers and gives their count. */
function traffic(channel, everyMs = 4) {
  const answers = [];
  const timer = setInterval(() => answers.push(channel.publish(answers.length + 1)), everyMs);
  return {
    async stop() {
      clearInterval(timer);
      const places = await Promise.all(answers);
      assert.deepEqual(
        places.map(({ offset }) => offset),
        upTo(answers.length),
      );
      return answers.length;
    },
  };
}

test('from each transport to each other, both ends at once, while messages flow', async () => {
  const [sender, receiver] = await Promise.all([clients.online(), clients.online()]);
  const channel = freshName();
  const heard = [];
  await receiver.channel(channel).subscribe(({ data }) => heard.push(data));
  const flow = traffic(sender.channel(channel));
  for (const from of NODE_TRANSPORTS) {
    for (const to of NODE_TRANSPORTS.filter((name) => name !== from)) {
      for (const transport of [from, to]) {
        if (receiver.transport !== transport) {
          receiver.debug.force(transport);
          sender.debug.force(transport);
          await until(
            `both are on ${transport}`,
            () => receiver.transport === transport && sender.transport === transport,
          );
        }
      }
    }
  }
  const sent = await flow.stop();
  await until('all arrived', () => heard.length >= sent);
  assert.deepEqual(heard, upTo(sent));
  assert.equal(receiver.debug.stats.resumes, receiver.debug.stats.changes);
});

test('one who lets go of a forced transport climbs back to the best', async () => {
  const client = await clients.online();
  client.debug.force('shortpoll');
  assert.equal(await next(client, 'transport'), 'shortpoll');
  client.debug.force(null);
  assert.equal(await next(client, 'transport'), 'websocket');
});

for (const seed of [1, 2, 3]) {
  test(`breaks and changes at random moments (${seed})`, async () => {
    const random = seeded(seed);
    const [sender, receiver] = await Promise.all([clients.online(), clients.online()]);
    const channel = freshName();
    const heard = [];
    await receiver.channel(channel).subscribe(({ data }) => heard.push(data));
    const flow = traffic(sender.channel(channel));
    for (let i = 0; i < 24; i++) {
      const client = random.chance(0.5) ? sender : receiver;
      if (random.chance(0.3)) client.debug.drop();
      else client.debug.force(NODE_TRANSPORTS[random.below(NODE_TRANSPORTS.length)]);
      await new Promise((resolve) => setTimeout(resolve, random.below(120)));
    }
    sender.debug.force(null);
    receiver.debug.force(null);
    const sent = await flow.stop();
    await until('all arrived', () => heard.length >= sent, 40000);
    assert.deepEqual(heard, upTo(sent));
  });
}

test('calls are answered across changes of transport', async () => {
  const [callee, caller] = await Promise.all([clients.online(), clients.online()]);
  const procedure = freshName('procedure');
  const calls = [];
  await callee.register(procedure, async (data) => {
    calls.push(data);
    await new Promise((resolve) => setTimeout(resolve, 30));
    return data;
  });
  const answers = [];
  for (const transport of [...NODE_TRANSPORTS, ...NODE_TRANSPORTS]) {
    for (let i = 0; i < 5; i++) answers.push(caller.call(procedure, answers.length + 1));
    caller.debug.force(transport);
    callee.debug.force(transport);
    await until(
      `both are on ${transport}`,
      () => caller.transport === transport && callee.transport === transport,
    );
  }
  assert.deepEqual(await Promise.all(answers), upTo(50));
  assert.deepEqual(calls, upTo(50));
});
