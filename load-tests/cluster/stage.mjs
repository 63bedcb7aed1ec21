// What a check plays on: a Redis (or one with Sentinels), nodes, and a balancer without stickiness, all real
// processes on free ports of the loopback interface, in a directory of their own. Whatever happens, all of them are
// stopped with this process.

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLink } from './link.mjs';

/** Something that the user must do something about; its message says what. */
export class Problem extends Error {}

const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

/** Says which programs are missing, if any, and what to install. */
export function requirePrograms(programs) {
  const missing = Object.entries(programs).filter(
    ([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  if (missing.length > 0) {
    const packages = [...new Set(missing.map(([, name]) => name))].join(' ');
    throw new Problem(
      `${missing.map(([program]) => program).join(', ')} is missing; install it (Debian: apt install ${packages}).`,
    );
  }
}

/** A port that nobody listens on at the moment. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A program that runs until it is told otherwise. */
class Program {
  constructor(stage, name, command, args) {
    Object.assign(this, { stage, name, command, args });
  }

  start() {
    const log = openSync(join(this.stage.directory, `${this.name}.log`), 'a');
    const child = spawn(this.command, this.args, {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    children.add(child);
    this.ended = new Promise((resolve) =>
      child.once('exit', (code, signal) => {
        children.delete(child);
        resolve(code ?? signal);
      }),
    );
    child.once('error', (error) => console.error(`${this.name} could not be started: ${error.message}`));
    this.child = child;
    return this;
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Ends it; answers its exit code, or the signal that ended it. */
  async end(signal = 'SIGKILL') {
    this.signal(signal);
    return this.ended;
  }
}

async function until(what, condition, seconds = 30) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(50);
  }
}

const answers = async (url) => {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).status === 200;
  } catch {
    return false;
  }
};

/** Says something to a Redis. */
export function redisCli(port, ...words) {
  return spawnSync('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...words], {
    encoding: 'utf8',
  }).stdout.trim();
}

/** One node, which other nodes reach over a link that a check can cut. */
class Node {
  constructor(stage, name, port, internalPort, link) {
    Object.assign(this, { stage, name, port, link });
    const { options } = stage;
    this.program = new Program(stage, name, 'java', [
      ...options.java,
      '-jar',
      options.jar,
      'serve',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--store',
      stage.store,
      '--internal-host',
      '127.0.0.1',
      '--internal-port',
      String(internalPort),
      '--advertise',
      `127.0.0.1:${link.port}`,
      '--set',
      'limits.sessions-per-address=100000',
      ...options.node,
    ]);
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start() {
    this.program.start();
    await until(`${this.name} is ready`, () => answers(`${this.url}/health/ready`));
  }
}

/** All processes of a check. */
export class Stage {
  /**
   * @param options `jar`, `java` and `node` arguments, how many `nodes`, whether there are `sentinels`, `directory`
   */
  constructor(options) {
    this.options = options;
    this.directory = options.directory;
    this.nodes = [];
  }

  async start() {
    rmSync(this.directory, { recursive: true, force: true });
    mkdirSync(this.directory, { recursive: true });
    await (this.options.sentinels ? this.startSentinels() : this.startRedis());
    for (let i = 0; i < this.options.nodes; i++) {
      const internalPort = await freePort();
      const link = await startLink(internalPort);
      this.nodes.push(new Node(this, `node-${'abcdefgh'[i]}`, await freePort(), internalPort, link));
    }
    await Promise.all(this.nodes.map((node) => node.start()));
    await this.startBalancer();
    this.front = await startLink(this.balancerPort);
    this.url = `http://127.0.0.1:${this.front.port}`;
  }

  // ---- Redis ----

  redisServer(name, port, ...args) {
    const directory = join(this.directory, name);
    mkdirSync(directory, { recursive: true });
    const program = new Program(this, name, 'redis-server', [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', ...args],
    ]);
    return Object.assign(program, { port, data: directory });
  }

  async startRedis() {
    this.redis = this.redisServer('redis', await freePort());
    this.store = `redis://127.0.0.1:${this.redis.port}`;
    await this.startAgain(this.redis);
  }

  /** Starts a Redis with what it had left on disk. */
  async startAgain(redis) {
    redis.start();
    await until(`${redis.name} answers`, () => redisCli(redis.port, 'ping') === 'PONG');
  }

  /** Starts a Redis with nothing. */
  async startEmpty(redis) {
    rmSync(redis.data, { recursive: true });
    mkdirSync(redis.data);
    await this.startAgain(redis);
  }

  async startSentinels() {
    const primary = this.redisServer('redis-1', await freePort());
    const replica = this.redisServer(
      'redis-2',
      await freePort(),
      '--replicaof',
      '127.0.0.1',
      String(primary.port),
    );
    this.servers = [primary, replica];
    for (const server of this.servers) await this.startAgain(server);
    await until('the replica follows', () =>
      redisCli(replica.port, 'info', 'replication').includes('master_link_status:up'),
    );
    const ports = [await freePort(), await freePort(), await freePort()];
    for (const port of ports) {
      const file = join(this.directory, `sentinel-${port}.conf`);
      writeFileSync(
        file,
        `port ${port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 ${primary.port} 2\n` +
          'sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\nsentinel parallel-syncs main 1\n',
      );
      new Program(this, `sentinel-${port}`, 'redis-sentinel', [file]).start();
    }
    this.sentinelPort = ports[0];
    await until('the Sentinels know each other', () =>
      ports.every((port) => /num-other-sentinels\n2\n/.test(redisCli(port, 'sentinel', 'master', 'main'))),
    );
    await until('the Sentinels know the replica', () =>
      ports.every((port) => /num-slaves\n1\n/.test(redisCli(port, 'sentinel', 'master', 'main'))),
    );
    // What one has decided has to reach the others within four of these, or they undo it.
    for (const port of ports) redisCli(port, 'sentinel', 'debug', 'publish-period', '500');
    this.store = `redis-sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}#main`;
  }

  /** The Redis that the Sentinels say is the primary. */
  primary() {
    const port = Number(
      redisCli(this.sentinelPort, 'sentinel', 'get-master-addr-by-name', 'main').split('\n')[1],
    );
    return this.servers.find((server) => server.port === port);
  }

  /** Kills the primary, waits for another, and lets the former come back as its replica. */
  async failOver() {
    const former = this.primary();
    await former.end();
    await until('another is primary', () => this.primary() !== former, 60);
    await this.startAgain(former);
    await until(
      'the former primary follows',
      () => redisCli(former.port, 'info', 'replication').includes('master_link_status:up'),
      60,
    );
  }

  // ---- the balancer ----

  async startBalancer() {
    this.balancerPort = await freePort();
    const file = join(this.directory, 'haproxy.cfg');
    const servers = this.nodes.map((node) => `  server ${node.name} 127.0.0.1:${node.port}\n`).join('');
    writeFileSync(
      file,
      `global
  maxconn 8000
defaults
  mode http
  timeout connect 2s
  timeout client 90s
  timeout server 90s
  timeout tunnel 1h
  option http-server-close
frontend front
  bind 127.0.0.1:${this.balancerPort}
  default_backend nodes
backend nodes
  balance roundrobin
  option redispatch
  http-reuse never
  option httpchk GET /health/serving
  default-server check inter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers}`,
    );
    new Program(this, 'haproxy', 'haproxy', ['-db', '-f', file]).start();
    await until('the balancer leads to a node', () =>
      answers(`http://127.0.0.1:${this.balancerPort}/health/serving`),
    );
  }

  async stop() {
    await Promise.all(
      [...children].map(
        (child) =>
          new Promise((resolve) => {
            child.once('exit', resolve);
            child.kill('SIGKILL');
          }),
      ),
    );
    this.front?.close();
    this.nodes.forEach((node) => node.link.close());
  }
}
