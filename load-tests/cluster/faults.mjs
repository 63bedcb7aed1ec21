// What goes wrong, each by its name. Every fault ends with everything mended again; what the clients make of it is
// found out by the traffic.

import { setTimeout as sleep } from 'node:timers/promises';
import { redisCli } from './stage.mjs';

const pick = (list, random) => list[Math.floor(random() * list.length)];

/** Does something again and again for a while. */
async function during(seconds, everyMs, action) {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    action();
    await sleep(everyMs);
  }
}

/**
 * Each has what it does in words, `run(stage, random)`, and whether announced `gaps` are allowed under it.
 */
export const FAULTS = {
  none: { says: 'nothing', run: () => sleep(3000) },

  'rolling-restart': {
    says: 'every node in turn is stopped by SIGTERM and started again',
    run: async (stage) => {
      for (const node of stage.nodes) {
        const code = await node.program.end('SIGTERM');
        if (code !== 0) throw new Error(`${node.name} ended with ${code} on SIGTERM`);
        await node.start();
        await sleep(1000);
      }
    },
  },

  kill: {
    says: 'a node is killed (SIGKILL), and started again after 4 s',
    run: async (stage, random) => {
      const node = pick(stage.nodes, random);
      await node.program.end('SIGKILL');
      await sleep(4000);
      await node.start();
    },
  },

  stop: {
    says: 'a node is stopped (SIGSTOP) for 5 s, far longer than its lease, and goes on (SIGCONT)',
    run: async (stage, random) => {
      const node = pick(stage.nodes, random);
      node.program.signal('SIGSTOP');
      await sleep(5000);
      node.program.signal('SIGCONT');
    },
  },

  'redis-1s': {
    says: 'Redis is stopped for 1 s',
    run: (stage) => stopRedis(stage, 1),
  },

  'redis-10s': {
    says: 'Redis is stopped for 10 s',
    run: (stage) => stopRedis(stage, 10),
  },

  'redis-restart': {
    says: 'Redis is killed and started again with what it had',
    run: async (stage) => {
      await stage.redis.end();
      await sleep(1000);
      await stage.startAgain(stage.redis);
    },
  },

  'redis-empty': {
    says: 'Redis is killed and started again with nothing',
    gaps: true,
    run: async (stage) => {
      await stage.redis.end();
      await sleep(500);
      await stage.startEmpty(stage.redis);
    },
  },

  'sentinel-failover': {
    says: 'the primary is killed, a replica takes over',
    sentinels: true,
    gaps: true,
    run: (stage) => stage.failOver(),
  },

  'pubsub-cut': {
    says: 'only the connections that hear what is published are cut, ten times',
    run: (stage) => during(3, 300, () => redisCli(stage.redis.port, 'client', 'kill', 'type', 'pubsub')),
  },

  'node-link': {
    says: 'packets between the nodes are dropped for 5 s',
    run: async (stage) => {
      stage.nodes.forEach(({ link }) => (link.mode = 'swallow'));
      await sleep(5000);
      stage.nodes.forEach(({ link }) => {
        link.mode = 'pass';
        link.cutAll();
      });
    },
  },

  'answers-lost': {
    says: 'three of ten answers are dropped after the request was done, for 5 s',
    run: async (stage) => {
      stage.front.loseAnswers = 0.3;
      await sleep(5000);
      stage.front.loseAnswers = 0;
    },
  },

  'balancer-moves': {
    says: 'every connection of the clients is cut, again and again for 5 s, and comes back at another node',
    run: (stage) => during(5, 400, () => stage.front.cutAll()),
  },

  random: {
    says: 'three of these at once, at moments and of kinds that the seed decides',
    run: async (stage, random) => {
      const kinds = [
        'kill',
        'stop',
        'redis-1s',
        'pubsub-cut',
        'answers-lost',
        'balancer-moves',
        'rolling-restart',
      ];
      const nodes = ['kill', 'stop', 'rolling-restart'];
      const chosen = [pick(nodes, random)];
      while (chosen.length < 3) {
        const kind = pick(kinds, random);
        if (!chosen.includes(kind) && !nodes.includes(kind)) chosen.push(kind);
      }
      await Promise.all(
        chosen.map(async (name) => {
          await sleep(random() * 3000);
          await FAULTS[name].run(stage, random);
        }),
      );
      return chosen.join(' + ');
    },
  },
};

async function stopRedis(stage, seconds) {
  stage.redis.signal('SIGSTOP');
  await sleep(seconds * 1000);
  stage.redis.signal('SIGCONT');
}

/** Random numbers that are the same for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
