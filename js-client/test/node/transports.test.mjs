/** What a client can do, on each transport, against the real server. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { clientsOf, freshName, NODE_TRANSPORTS } from '../support/clients.mjs';
import { startServer } from '../support/server.mjs';
import { next, until, upTo } from '../support/wait.mjs';

let server;
const clients = clientsOf(() => server.url);

before(async () => {
  server = await startServer();
});
after(() => server?.stop());
afterEach(() => clients.closeAll());

for (const transport of NODE_TRANSPORTS) {
  describe(`on ${transport}`, () => {
    const online = (options) => clients.online({ transport, ...options });

    test('the session stands on this transport', async () => {
      const client = await online({ token: 'guest:guest-17' });
      assert.equal(client.transport, transport);
      assert.equal(client.user, 'guest-17');
      assert.ok(client.session);
    });

    test('subscribers hear what is published, in order, from everybody', async () => {
      const [alice, bob] = await Promise.all([online({ token: 'guest:guest-1' }), online()]);
      const channel = freshName();
      const heard = [];
      const { offset, epoch } = await bob.channel(channel).subscribe((message) => heard.push(message));
      assert.equal(offset, 0);
      const published = await Promise.all(upTo(20).map((number) => alice.channel(channel).publish(number)));
      assert.deepEqual(
        published,
        upTo(20).map((number) => ({ epoch, offset: number })),
      );
      await until('all arrived', () => heard.length === 20);
      assert.deepEqual(
        heard.map(({ data }) => data),
        upTo(20),
      );
      assert.deepEqual(Object.keys(heard[0]).sort(), ['channel', 'data', 'offset', 'time', 'user']);
      assert.equal(heard[0].user, 'guest-1');
      assert.deepEqual(bob.channel(channel).position, { epoch, offset: 20 });
    });

    test('a subscription can begin in the past', async () => {
      const client = await online();
      const name = freshName();
      for (const number of upTo(5)) await client.channel(name).publish(number);
      const last = [];
      await client.channel(name).subscribe(({ data }) => last.push(data), { last: 2 });
      await until('the last two arrived', () => last.length === 2);
      assert.deepEqual(last, [4, 5]);

      const other = await online();
      const since = [];
      const { epoch } = client.channel(name).position;
      const answer = await other
        .channel(name)
        .subscribe(({ data }) => since.push(data), { since: { epoch, offset: 2 } });
      assert.equal(answer.recovered, true);
      await until('what came since arrived', () => since.length === 3);
      assert.deepEqual(since, [3, 4, 5]);
    });

    test('after unsubscribing nothing is heard', async () => {
      const client = await online();
      const channel = client.channel(freshName());
      const heard = [];
      await channel.subscribe(({ data }) => heard.push(data));
      await channel.publish(1);
      await until('the first arrived', () => heard.length === 1);
      await channel.unsubscribe();
      await channel.publish(2);
      await channel.history();
      assert.deepEqual(heard, [1]);
    });

    test('a key counts once', async () => {
      const client = await online();
      const channel = client.channel(freshName());
      const [first, again] = [
        await channel.publish('once', { key: 'k' }),
        await channel.publish('once', { key: 'k' }),
      ];
      assert.deepEqual(again, first);
      assert.equal((await channel.history()).messages.length, 1);
    });

    test('the history can be read', async () => {
      const client = await online();
      const channel = client.channel(freshName());
      for (const number of upTo(4)) await channel.publish(number);
      const { epoch, offset, messages } = await channel.history({ limit: 3 });
      assert.equal(offset, 4);
      assert.deepEqual(
        messages.map(({ data }) => data),
        [2, 3, 4],
      );
      const since = await channel.history({ since: { epoch, offset: 3 } });
      assert.deepEqual(
        since.messages.map(({ data }) => data),
        [4],
      );
    });

    test('who is present is known, and who comes and goes', async () => {
      const alice = await online({ token: 'guest:guest-1' });
      const channel = alice.channel(freshName());
      const changes = [];
      channel.on('presence', (change) => changes.push(change));
      await channel.subscribe(() => undefined, { presence: true });

      const bob = await online({ token: 'guest:guest-2' });
      await bob.channel(channel.name).subscribe(() => undefined, { presence: true });
      await until('the other came', () => changes.length === 1);
      assert.deepEqual([changes[0].joined[0].user, changes[0].count], ['guest-2', 2]);
      const { members, count } = await channel.presence();
      assert.equal(count, 2);
      assert.deepEqual(members.map(({ user }) => user).sort(), ['guest-1', 'guest-2']);

      bob.close();
      await until('the other went', () => changes.length === 2);
      assert.deepEqual([changes[1].left[0].user, changes[1].count], ['guest-2', 1]);
    });

    test('procedures can be offered and called', async () => {
      const [callee, caller] = await Promise.all([online(), online({ token: 'guest:guest-3' })]);
      const procedure = freshName('procedure');
      await callee.register(procedure, async (data, { user }) => ({ twice: data * 2, user }));
      assert.deepEqual(await caller.call(procedure, 21), { twice: 42, user: 'guest-3' });

      await callee.unregister(procedure);
      await assert.rejects(caller.call(procedure, 21), { code: 'no_callee' });
    });

    test('what a procedure throws is the error of its caller', async () => {
      const [callee, caller] = await Promise.all([online(), online()]);
      const procedure = freshName('procedure');
      await callee.register(procedure, () => {
        throw Object.assign(new Error('not on Sundays'), { code: 'sunday' });
      });
      await assert.rejects(caller.call(procedure), { code: 'sunday', message: 'not on Sundays' });
    });

    test('a call ends when its time is over', async () => {
      const [callee, caller] = await Promise.all([online(), online()]);
      const procedure = freshName('procedure');
      await callee.register(procedure, () => new Promise(() => undefined));
      await assert.rejects(caller.call(procedure, null, { timeout: 0.2 }), { code: 'timeout' });
    });

    test('after a break the session goes on as if nothing had been', async () => {
      const client = await online();
      const publisher = await clients.online();
      const channel = freshName();
      const heard = [];
      await client.channel(channel).subscribe(({ data }) => heard.push(data));
      const { session } = client;
      const resumed = next(client, 'resume');
      client.debug.drop();
      assert.notEqual(client.state, 'online');
      await Promise.all(upTo(10).map((number) => publisher.channel(channel).publish(number)));
      const answer = client.channel(channel).publish(11);
      await resumed;
      await answer;
      await until('all arrived', () => heard.length === 11);
      assert.deepEqual(heard, upTo(11));
      assert.equal(client.session, session);
      assert.equal(client.debug.stats.resumes, 1);
    });

    test('a closed client leaves at once and says so to who still waits', async () => {
      const client = await online();
      const waiting = client.call(freshName('procedure'));
      client.close();
      assert.equal(client.state, 'closed');
      await assert.rejects(waiting, { code: 'closed' });
      await assert.rejects(client.channel(freshName()).publish(1), { code: 'closed' });
    });
  });
}

test('one who is refused is told, and nobody tries again', async () => {
  const client = clients.connect({ token: 'not a guest' });
  const error = await next(client, 'error');
  assert.equal(error.code, 'unauthenticated');
  assert.equal(client.state, 'closed');
});

test('a bad name is the error of its own command only', async () => {
  const client = clients.connect();
  const good = freshName();
  const [refused, taken] = await Promise.allSettled([
    client.channel('no such/name').subscribe(() => undefined),
    client.channel(good).subscribe(() => undefined),
  ]);
  assert.equal(refused.reason?.code, 'malformed');
  assert.equal(taken.status, 'fulfilled');
});

test('a token may come later, from a function', async () => {
  const client = await clients.online({ token: async () => 'guest:guest-9' });
  assert.equal(client.user, 'guest-9');
  await client.authenticate();
  await assert.rejects(client.authenticate('guest:guest-10'), { code: 'forbidden' });
});

test('what cannot be used here cannot be forced', async () => {
  const client = await clients.online();
  assert.throws(() => client.debug.force('jsonp'), { code: 'unavailable' });
  assert.equal(client.state, 'online');
});

test('too much for the outbox is an error to the sender, and what was accepted still arrives', async () => {
  const client = await clients.online({ outboxBytes: 10000 });
  const channel = client.channel(freshName());
  const heard = [];
  await channel.subscribe(({ data }) => heard.push(data.number));
  client.debug.drop();
  const outcomes = await Promise.allSettled(
    upTo(100).map((number) => channel.publish({ number, filling: 'x'.repeat(500) })),
  );
  const accepted = outcomes.filter(({ status }) => status === 'fulfilled').length;
  const refused = outcomes.filter(({ reason }) => reason?.code === 'overflow').length;
  assert.ok(accepted > 5 && accepted < 30, `${accepted} accepted`);
  assert.equal(accepted + refused, 100);
  await until('all accepted ones arrived', () => heard.length === accepted);
  assert.deepEqual(heard, upTo(accepted));
});

test('a message that the server would refuse is refused here', async () => {
  const client = await clients.online({ outboxBytes: 1 << 30 });
  const large = 'x'.repeat(3 << 20);
  await assert.rejects(client.channel(freshName()).publish(large), { code: 'too_large' });
  assert.equal(client.state, 'online');
});
