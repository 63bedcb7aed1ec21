// Everything that takes part: Redis, nodes with their links, the balancer, the gate in front of it, and the clients.
//
//   clients ── gate ── HAProxy ──┬── node 1 ──┐ (links between nodes: gates as well)
//                                └── node 2 ──┴── Redis, or a primary, a replica and three sentinels

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../bench/build.mjs';
import { KINDS, Participant } from './clients.mjs';
import { Gate } from './gate.mjs';
import { Balancer, Node } from './nodes.mjs';
import { until } from './processes.mjs';
import { Redis, Sentinels } from './redis.mjs';

const CHANNELS = ['check:a', 'check:b', 'check:c'];
/** In these channels every other client is present. */
const WITH_PRESENCE = new Set(['check:a', 'check:b']);

export class Stage {
  /** @param {object} about `directory`, `logs`, `programs`, `java`, `jar`, `nodes`, `clients`, `rate`, `sentinel`, `settings`, `random`, `recorder`, `ports` */
  constructor(about) {
    this.about = about;
    this.random = about.random;
    this.recorder = about.recorder;
    mkdirSync(about.directory, { recursive: true });
    mkdirSync(about.logs, { recursive: true });
  }

  async start() {
    const { programs, directory, logs, ports, java, jar, settings } = this.about;
    let store;
    if (this.about.sentinel) {
      this.sentinels = new Sentinels(programs, { directory, log: logs, ports });
      await this.sentinels.start();
      store = this.sentinels.url;
    } else {
      const port = await ports();
      const place = { directory: join(directory, 'redis'), log: join(logs, 'redis.log') };
      this.redis = new Redis(programs, { name: 'redis', port, ...place });
      await this.redis.start();
      store = `redis://127.0.0.1:${port}`;
    }

    this.nodes = [];
    this.links = [];
    for (let i = 1; i <= this.about.nodes; i++) {
      const name = `node-${i}`;
      const [port, internalPort, linkPort] = [await ports(), await ports(), await ports()];
      const log = join(logs, `${name}.log`);
      const link = new Gate(linkPort, internalPort, this.random);
      await link.start();
      this.links.push(link);
      this.nodes.push(new Node(java, jar, { name, log, port, internalPort, linkPort, store, settings }));
    }
    for (const node of this.nodes) node.start();
    await Promise.all(this.nodes.map((node) => node.ready()));

    const port = await ports();
    this.balancer = new Balancer(programs, {
      port,
      directory,
      log: join(logs, 'haproxy.log'),
      nodes: this.nodes,
    });
    await this.balancer.start();
    this.gate = new Gate(await ports(), port, this.random);
    await this.gate.start();
  }

  /** Opens all clients and waits until everybody is there and seen to be there. */
  async enter() {
    this.participants = Array.from({ length: this.about.clients }, (_, i) => this.#participant(i, 1));
    await this.#open(this.participants);
  }

  /**
   * Replaces every other client by a new one. Sessions stay where they are until their node goes, so that after a few
   * faults one node has them all; the balancer spreads the new ones.
   *
   * @returns the names of those who left
   */
  async renew() {
    const left = [];
    const fresh = [];
    this.generation = (this.generation ?? 1) + 1;
    for (const [i, one] of this.participants.entries()) {
      // In pairs, so that some with presence stay and some go.
      if (Math.floor(i / 2) % 2 !== this.generation % 2) continue;
      left.push(one);
      fresh.push((this.participants[i] = this.#participant(i, this.generation)));
    }
    await Promise.all(left.map((one) => one.close()));
    for (const { name } of left) this.recorder.gone(name);
    await this.#open(fresh);
    return left.map(({ name }) => name);
  }

  #participant(i, generation) {
    const { random, recorder, rate, clients } = this.about;
    const role = (n) =>
      `${KINDS[n % KINDS.length].name}${n < KINDS.length ? '' : `.${Math.floor(n / KINDS.length) + 1}`}`;
    const offering = (n) => n % 4 === 0;
    const procedures = Array.from({ length: clients }, (_, n) => n)
      .filter(offering)
      .map((n) => ({ procedure: `do:${role(n)}`, by: role(n) }));
    const channels = [0, 1].map((more) => CHANNELS[(i + more) % CHANNELS.length]);
    return new Participant({
      kind: KINDS[i % KINDS.length],
      role: role(i),
      name: generation === 1 ? role(i) : `${role(i)}#${generation}`,
      url: `http://127.0.0.1:${this.gate.port}`,
      random,
      recorder,
      rate,
      procedures,
      offers: offering(i) ? `do:${role(i)}` : undefined,
      channels: channels.map((name) => ({ name, presence: i % 2 === 0 && WITH_PRESENCE.has(name) })),
    });
  }

  async #open(fresh) {
    await Promise.all(
      fresh.map((one) => {
        const late = sleep(30_000, undefined, { ref: false }).then(() => {
          throw new Problem(
            `${one.name} could not subscribe within 30 s; the logs are in ${this.about.logs}`,
          );
        });
        return Promise.race([one.start(), late]);
      }),
    );
    for (const channel of WITH_PRESENCE) {
      const present = this.participants.filter(({ channels }) =>
        channels.some(({ name, presence }) => presence && name === channel),
      );
      // One who was left behind by a fault stays for a minute, the time to live of its session.
      await until(
        `${present.length} clients are present in ${channel}`,
        async () => (await present[0].client.presence(channel)).count === present.length,
        75_000,
        100,
      );
    }
    await sleep(300); // what was still to be told of who came
    await Promise.all(this.participants.map((one) => one.askPresence()));
  }

  async stop() {
    await Promise.race([
      Promise.allSettled((this.participants ?? []).map((one) => one.close())),
      sleep(3000, undefined, { ref: false }),
    ]);
    for (const gate of [this.gate, ...(this.links ?? [])]) gate?.stop();
    const programs = [this.balancer, ...(this.nodes ?? []), this.redis];
    if (this.sentinels) programs.push(...(this.sentinels.servers ?? []), ...(this.sentinels.sentinels ?? []));
    await Promise.all(programs.map((one) => one?.program?.end('SIGKILL')));
  }
}
