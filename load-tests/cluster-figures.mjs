#!/usr/bin/env node
// What several nodes cost: latency, throughput, forwarding, and how long clients wait when nodes go down.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { footbridgeJar, Problem } from './bench/build.mjs';
import { show, shuffled, random, summary, table } from './bench/stats.mjs';
import { ask, events, follow, lines } from './cluster/http.mjs';
import { Balancer, Node } from './cluster/nodes.mjs';
import { java, ports as freshPorts, programs as find, until } from './cluster/processes.mjs';
import { Redis } from './cluster/redis.mjs';
import { WebSocket } from './cluster/websocket.mjs';

const HELP = `node load-tests/cluster-figures.mjs [options]

Measures, in one run on this machine, with real nodes, Redis and HAProxy:

  latency     from a publish to its delivery: memory store, one node with Redis, two nodes
  throughput  publishes a second with history, of one publisher that has 256 under way: memory store, Redis
  forwarding  a short poll and a held one, at the session's own node and over another
  restart     a rolling restart of two nodes with many sessions: the longest pause that each sees, and what was lost

  --only A,B      some of these
  --rounds N      of the first three (5)
  --sessions N    of the last one (2000)
  --jar PATH      of Footbridge (bridge/target/footbridge.jar)
  --help

The tables go to standard output and, with every figure in JSON, to load-tests/target/cluster-figures.md and .json.
How long it takes until a killed node's clients go on is told by: node load-tests/cluster-check.mjs --faults kill --times 20`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'latency,throughput,forwarding,restart' },
    rounds: { type: 'string', default: '5' },
    sessions: { type: 'string', default: '2000' },
    jar: { type: 'string' },
    help: { type: 'boolean' },
  },
});

const here = fileURLToPath(new URL('.', import.meta.url));
const directory = join(here, 'target/cluster-figures');
const say = (text) => process.stderr.write(`${text}\n`);
const now = () => performance.now();
const LATENCY_SAMPLES = 400;
const THROUGHPUT_SECONDS = 4;
const UNDER_WAY = 256;
const DATA = { text: 'x'.repeat(100) };

/** Requests on connections that are used again. */
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
function quick(url, method = 'GET', body) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => (text += piece));
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** A node with the memory store, and two that share a Redis. */
async function startNodes(ports, about) {
  const redis = new Redis(find(['redis-server']), {
    name: 'redis',
    port: await ports(),
    directory: join(directory, 'redis'),
    log: join(directory, 'redis.log'),
  });
  await redis.start();
  const make = async (name, store) => {
    const [port, internalPort] = [await ports(), await ports()];
    const log = join(directory, `${name}.log`);
    return new Node(java(), about.jar, {
      name,
      log,
      port,
      internalPort,
      linkPort: internalPort,
      store,
      ...about,
    });
  };
  const shared = `redis://127.0.0.1:${redis.port}`;
  const nodes = {
    memory: await make('memory', 'memory'),
    a: await make('a', shared),
    b: await make('b', shared),
  };
  for (const node of Object.values(nodes)) {
    node.start();
    await node.ready();
    node.url = `http://127.0.0.1:${node.port}`;
  }
  return { redis, ...nodes };
}

const LIMITS = {
  'limits.sessions-per-address': 100000,
  'limits.publish-per-second': 1000000,
  'limits.publish-burst': 1000000,
};

// ---- latency ----

/** Publishes one after the other, each a moment after the one before has come, and takes the time to its delivery. */
async function latencies(from, to, channel, samples) {
  const taken = [];
  let arrived;
  const end = follow(`${to.url}/channels/${channel}`, 'text/event-stream', {
    piece: events((data) => data && arrived?.(JSON.parse(data).data.n)),
    end: () => undefined,
  });
  await sleep(300);
  for (let n = 1; n <= samples; n++) {
    const came = new Promise((resolve) => (arrived = (got) => got === n && resolve(now())));
    const begun = now();
    const answered = quick(`${from.url}/channels/${channel}`, 'POST', JSON.stringify({ n, ...DATA }));
    taken.push((await came) - begun);
    await answered;
    await sleep(1);
  }
  end();
  return taken.sort((one, other) => one - other);
}

async function latency({ memory, a, b }, rounds) {
  const ways = [
    ['one node, memory store', memory, memory],
    ['one node, Redis', a, a],
    ['two nodes, Redis', a, b],
  ];
  const figures = ways.map(() => ({ median: [], p99: [] }));
  for (let round = 0; round <= rounds; round++) {
    for (const i of shuffled([0, 1, 2], random(round))) {
      const [, from, to] = ways[i];
      const taken = await latencies(from, to, `latency-${i}-${round}`, round === 0 ? 2000 : LATENCY_SAMPLES);
      if (round === 0) continue; // that was to warm up
      figures[i].median.push(taken[Math.floor(taken.length / 2)]);
      figures[i].p99.push(taken[Math.floor(taken.length * 0.99)]);
    }
  }
  return {
    title: 'From a publish (HTTP) to its delivery (SSE), ms',
    head: ['', 'median', '99 %'],
    rows: ways.map(([name], i) => [
      name,
      show(summary(figures[i].median), 2),
      show(summary(figures[i].p99), 2),
    ]),
    figures,
  };
}

// ---- throughput ----

/** Publishes over a WebSocket with so many under way, for so long. */
function throughput(node, channel, seconds) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/ws`, ['footbridge.v1']);
    let sent = 0;
    let answered = 0;
    let begun;
    let acknowledged = 0;
    const next = () => {
      sent++;
      socket.send(JSON.stringify({ op: 'publish', id: sent, channel, key: `${sent}`, data: DATA }));
    };
    socket.onclose = () => reject(new Error(`${node.name} ended the connection`));
    socket.onmessage = ({ data }) => {
      const value = JSON.parse(data);
      if (value.op === 'welcome') {
        begun = now();
        for (let i = 0; i < UNDER_WAY; i++) next();
      } else if (value.op === 'reply') {
        if (value.error) return reject(new Error(`${node.name}: ${data}`));
        answered++;
        if (answered - acknowledged >= 64) {
          acknowledged = answered;
          socket.send(JSON.stringify({ op: 'ack', received: answered }));
        }
        if (now() - begun < seconds * 1000) next();
        else {
          socket.onclose = null;
          socket.close();
          resolve((answered / (now() - begun)) * 1000);
        }
      }
    };
  });
}

async function throughputs({ memory, a }, rounds) {
  const ways = [
    ['memory store', memory],
    ['Redis', a],
  ];
  const figures = ways.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const i of shuffled([0, 1], random(round))) {
      const perSecond = await throughput(
        ways[i][1],
        `throughput-${i}-${round}`,
        round === 0 ? 8 : THROUGHPUT_SECONDS,
      );
      if (round > 0) figures[i].push(perSecond);
    }
  }
  return {
    title: `Publishes a second with keys and history, one publisher with ${UNDER_WAY} under way`,
    head: ['', 'a second'],
    rows: ways.map(([name], i) => [name, show(summary(figures[i]), 0)]),
    figures,
  };
}

// ---- forwarding ----

async function forwarding({ a, b }, rounds) {
  const wish = JSON.stringify({ subscribe: ['forwarding'] });
  const { session } = JSON.parse((await quick(`${a.url}/sessions`, 'POST', wish)).text);
  let after = 0;
  const short = async (node) => {
    const begun = now();
    await quick(`${node.url}/sessions/${session}/poll?after=${after}`);
    return now() - begun;
  };
  const held = async (node) => {
    const answer = quick(`${node.url}/sessions/${session}/poll?after=${after}&wait=10`);
    await sleep(10);
    const begun = now();
    const published = quick(`${a.url}/channels/forwarding`, 'POST', JSON.stringify(DATA));
    const { first, messages } = JSON.parse((await answer).text);
    const taken = now() - begun;
    after = first + messages.length - 1;
    await published;
    return taken;
  };
  const median = async (times, one, node) => {
    const taken = [];
    for (let i = 0; i < times; i++) taken.push(await one(node));
    return taken.sort((x, y) => x - y)[Math.floor(times / 2)];
  };
  const ways = [
    ['short poll, own node', short, a],
    ['short poll, forwarded', short, b],
    ['held poll until its answer, own node', held, a],
    ['held poll until its answer, forwarded', held, b],
  ];
  const figures = ways.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    for (const i of shuffled([0, 1, 2, 3], random(round))) {
      const [, one, node] = ways[i];
      const taken = await median(one === short ? 500 : 100, one, node);
      if (round > 0) figures[i].push(taken);
    }
  }
  return {
    title: 'A poll at the session’s own node and over another, ms',
    head: ['', 'median'],
    rows: ways.map(([name], i) => [name, show(summary(figures[i]), 2)]),
    figures,
  };
}

// ---- a rolling restart ----

/** A session on a stream that comes back whenever it is lost, and knows how long it heard nothing. */
class Listener {
  constructor(url, events) {
    Object.assign(this, { url, isSse: events, after: 0, turn: 0, offset: 0, wrong: 0, pause: 0, heardAt: 0 });
  }

  async open() {
    for (;;) {
      const answer = await ask({
        method: 'POST',
        url: `${this.url}/sessions`,
        body: JSON.stringify({ subscribe: ['beat'] }),
      });
      if (answer.status === 201) {
        const welcome = JSON.parse(answer.text);
        this.id = welcome.session;
        this.offset = welcome.subscribed.beat.offset;
        return this.attach();
      }
      await sleep(200);
    }
  }

  attach() {
    this.turn++;
    const what = this.isSse ? 'events' : 'stream';
    const url = `${this.url}/sessions/${this.id}/${what}?after=${this.after}&turn=${this.turn}`;
    const read = this.isSse
      ? events((data) => this.value(JSON.parse(data)))
      : lines((text) => text.trim() && this.value(JSON.parse(text)));
    let delay = 0;
    this.bye = (ms) => (delay = ms ?? 0);
    follow(url, this.isSse ? 'text/event-stream' : undefined, {
      piece: read,
      end: () => !this.over && setTimeout(() => this.attach(), delay || Math.random() * 300),
    });
  }

  value(value) {
    if (value.op === 'bye') return this.bye(value.delay);
    if (value.op === 'welcome') {
      if (!value.resumed && this.after > 0) this.wrong++;
      return;
    }
    if (value.op === 'ping') return;
    this.after++;
    if (value.op !== 'message' || value.offset !== this.offset + 1) this.wrong++;
    this.offset = value.offset;
    const at = now();
    if (this.heardAt > 0) this.pause = Math.max(this.pause, at - this.heardAt);
    this.heardAt = at;
  }
}

async function restart({ a, b }, ports, count) {
  const balancer = new Balancer(find(['haproxy']), {
    port: await ports(),
    directory,
    log: join(directory, 'haproxy.log'),
    nodes: [a, b],
  });
  await balancer.start();
  const url = `http://127.0.0.1:${balancer.port}`;
  const listeners = Array.from({ length: count }, (_, i) => new Listener(url, i % 2 === 0));
  const queue = [...listeners];
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      while (queue.length > 0) await queue.pop().open();
    }),
  );
  let published = 0;
  let publishing = true;
  const beats = (async () => {
    while (publishing) {
      const begun = now();
      const answer = await ask({ method: 'POST', url: `${url}/channels/beat`, body: String(published) });
      if (answer.status === 200) published++;
      await sleep(Math.max(0, 250 - (now() - begun)));
    }
  })();
  await until('everybody hears the beat', () => listeners.every(({ heardAt }) => heardAt > 0), 60_000);
  await sleep(2000);
  const rounds = [];
  for (const node of [a, b]) {
    listeners.forEach((one) => (one.pause = 0));
    const begun = now();
    const code = await node.program.end('SIGTERM', 60_000);
    const took = now() - begun;
    node.start();
    await node.ready();
    await sleep(3000);
    const pauses = listeners.map(({ pause }) => pause).sort((x, y) => x - y);
    rounds.push({
      node: node.name,
      code,
      took,
      median: pauses[count >> 1],
      p99: pauses[Math.floor(count * 0.99)],
      most: pauses[count - 1],
    });
    say(
      `  ${node.name} went down in ${(took / 1000).toFixed(1)} s; longest pause ${(pauses[count - 1] / 1000).toFixed(2)} s`,
    );
  }
  publishing = false;
  await beats;
  await sleep(3000);
  const top = Math.max(...listeners.map(({ offset }) => offset));
  const behind = listeners.filter(({ offset }) => offset !== top).length;
  const wrong = listeners.reduce((sum, one) => sum + one.wrong, 0);
  listeners.forEach((one) => (one.over = true));
  const ms = (x) => (x / 1000).toFixed(2);
  return {
    title: `A rolling restart of two nodes with ${count} sessions on SSE and HTTP streams behind HAProxy, a message every 0.25 s, s`,
    head: ['', 'went down in', 'longest pause: median', '99 %', 'worst', 'exit code'],
    rows: [
      ...rounds.map((r) => [
        `node ${r.node}`,
        ms(r.took),
        ms(r.median),
        ms(r.p99),
        ms(r.most),
        String(r.code),
      ]),
      [
        `${published} messages; lost, repeated, out of order or sessions not resumed: ${wrong + behind}`,
        '',
        '',
        '',
        '',
        '',
      ],
    ],
    figures: { rounds, published, wrong, behind },
  };
}

async function main() {
  if (options.help) return console.log(HELP);
  const only = options.only.split(',');
  const rounds = Number(options.rounds);
  const ports = freshPorts();
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const nodes = await startNodes(ports, { jar: footbridgeJar(options.jar), settings: LIMITS });
  const measured = [];
  for (const [name, measure] of Object.entries({
    latency: () => latency(nodes, rounds),
    throughput: () => throughputs(nodes, rounds),
    forwarding: () => forwarding(nodes, rounds),
    restart: () => restart(nodes, ports, Number(options.sessions)),
  })) {
    if (!only.includes(name)) continue;
    say(name);
    measured.push({ name, ...(await measure()) });
  }
  const text = measured.map(({ title, head, rows }) => `**${title}**\n\n${table(head, rows)}`).join('\n\n');
  writeFileSync(join(here, 'target/cluster-figures.md'), `${text}\n`);
  writeFileSync(join(here, 'target/cluster-figures.json'), JSON.stringify(measured, null, 2));
  console.log(text);
  process.exit(0);
}

main().catch((error) => {
  console.error(error instanceof Problem ? error.message : error);
  process.exit(2);
});
