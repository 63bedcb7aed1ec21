// What goes wrong, by name. Each `run` ends when the fault is over and answers with the time (of `Date.now()`) from which
// recovery counts. `gaps`: acknowledged messages can be lost, which then has to be announced.

import { setTimeout as sleep } from 'node:timers/promises';

/** Starts a node anew and waits until it is ready. */
async function restart(node, signal) {
  await node.program.end(signal, 30_000);
  node.start();
  await node.ready();
}

/** Waits until the sentinels have another primary, and lets the old one come back as its replica. */
async function failover(sentinels, old) {
  while ((await sentinels.primary()) === old) await sleep(50);
  const next = await sentinels.primary();
  await old.start(next.port);
}

const pick = (list, random) => list[Math.floor(random() * list.length)];

/** Does something now and then, for so many milliseconds. */
async function repeatedly(ms, pause, act) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    await act();
    await sleep(Math.min(pause(), Math.max(0, end - Date.now())));
  }
}

/** @type {Record<string, { title: string, gaps?: boolean, sentinel?: boolean, run: (stage: object) => Promise<number> }>} */
export const FAULTS = {
  none: {
    title: 'nothing happens',
    async run({ ms }) {
      await sleep(ms(5000, 3000));
      return Date.now();
    },
  },
  'rolling-restart': {
    title: 'each node in turn is ended with SIGTERM and started anew',
    async run({ nodes, ms }) {
      for (const node of nodes) {
        await restart(node, 'SIGTERM');
        await sleep(ms(2000, 500));
      }
      return Date.now();
    },
  },
  kill: {
    title: 'a node is killed and started anew some seconds later; recovery counts from the kill',
    async run({ nodes, random, ms }) {
      const node = pick(nodes, random);
      await node.program.end('SIGKILL');
      const since = Date.now();
      await sleep(ms(6000, 4000));
      node.start();
      await node.ready();
      return since;
    },
  },
  stop: {
    title: 'a node stands still for longer than its lease, and goes on',
    async run({ nodes, random }) {
      const { program } = pick(nodes, random);
      program.signal('SIGSTOP');
      await sleep(5000);
      program.signal('SIGCONT');
      return Date.now();
    },
  },
  'redis-1s': {
    title: 'Redis stands still for one second',
    async run({ redis }) {
      await redis.pause(() => sleep(1000));
      return Date.now();
    },
  },
  'redis-10s': {
    title: 'Redis is away for ten seconds: killed and started with its data, every other time standing still',
    async run({ redis, round }) {
      if (round % 2 === 0) {
        await redis.pause(() => sleep(10_000));
        return Date.now();
      }
      await redis.kill();
      await sleep(10_000);
      await redis.start();
      return Date.now();
    },
  },
  'redis-restart': {
    title: 'Redis is killed and started anew at once, with its data',
    async run({ redis }) {
      await redis.kill();
      await redis.start();
      return Date.now();
    },
  },
  'pubsub-cut': {
    title: 'the connections on which nodes hear of messages are cut, again and again',
    async run({ redis, random, ms }) {
      await repeatedly(
        ms(8000, 4000),
        () => 100 + random() * 700,
        () => redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
      );
      return Date.now();
    },
  },
  'node-link': {
    title: 'nothing passes between two nodes for a while; then their connections are cut',
    async run({ links, random, ms }) {
      const link = pick(links, random);
      link.hold();
      await sleep(ms(6000, 3000));
      link.release();
      await sleep(ms(2000, 500));
      await repeatedly(
        ms(4000, 1500),
        () => 100 + random() * 400,
        () => link.cutAll(),
      );
      return Date.now();
    },
  },
  'answers-lost': {
    title: 'requests pass, and one connection in ten is cut when the answer begins',
    async run({ gate, ms }) {
      gate.losing = 0.1;
      await sleep(ms(10_000, 5000));
      gate.losing = 0;
      return Date.now();
    },
  },
  'balancer-moves': {
    title: 'all connections of clients are cut again and again, and each goes on at another node',
    async run({ gate, random, ms }) {
      await repeatedly(
        ms(12_000, 5000),
        () => 300 + random() * 1500,
        () => gate.cutAll(),
      );
      return Date.now();
    },
  },
  'redis-empty': {
    title: 'Redis is killed and started anew with nothing in it',
    gaps: true,
    async run({ redis }) {
      await redis.kill();
      redis.wipe();
      await redis.start();
      return Date.now();
    },
  },
  'sentinel-failover': {
    title:
      'the primary Redis is killed, and the sentinels make the replica the primary; recovery counts from the kill',
    gaps: true,
    sentinel: true,
    async run({ sentinels }) {
      await sentinels.whole();
      const primary = await sentinels.primary();
      const since = Date.now();
      await primary.kill();
      await failover(sentinels, primary);
      return since;
    },
  },
  'sentinel-loss': {
    title: 'the same, and the replica has missed the last half second: acknowledged messages are lost',
    gaps: true,
    sentinel: true,
    async run({ sentinels }) {
      await sentinels.whole();
      const primary = await sentinels.primary();
      const replica = sentinels.servers.find((server) => server !== primary);
      // Stopped for less than what the sentinels call down; what the primary writes from the cut on never reaches it.
      await replica.pause(async () => {
        await primary.command('CLIENT', 'KILL', 'TYPE', 'replica');
        await sleep(500);
        await primary.kill();
      });
      const since = Date.now();
      await failover(sentinels, primary);
      return since;
    },
  },
  random: {
    title: 'two or three of the others at a time',
    async run(stage) {
      const { random } = stage;
      // One of those that take a node away, since two nodes may be all there are.
      const chosen = new Set([pick(['rolling-restart', 'kill', 'stop'], random)]);
      const others = [
        'redis-1s',
        'redis-restart',
        'pubsub-cut',
        'node-link',
        'answers-lost',
        'balancer-moves',
      ];
      const size = 2 + Math.floor(random() * 2);
      while (chosen.size < size) chosen.add(pick(others, random));
      // A Redis that is being started anew cannot be stopped as well.
      if (chosen.has('redis-restart')) chosen.delete('redis-1s');
      stage.say([...chosen].join(' with '));
      const begun = [...chosen].map(async (name) => {
        await sleep(random() * 3000);
        return FAULTS[name].run(stage);
      });
      await Promise.all(begun);
      return Date.now();
    },
  },
};
