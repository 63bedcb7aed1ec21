// Redis: one alone, or a primary with a replica and three sentinels.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Program, until } from './processes.mjs';

/** Reads one reply of Redis; undefined if the text does not hold all of it. Returns `[value, rest]`. */
function parse(text) {
  const end = text.indexOf('\r\n');
  if (end < 0) return undefined;
  const line = text.slice(1, end);
  let rest = text.slice(end + 2);
  switch (text[0]) {
    case '-':
      return [new Error(line), rest];
    case ':':
      return [Number(line), rest];
    case '$': {
      const length = Number(line);
      if (length < 0) return [null, rest];
      return rest.length < length + 2 ? undefined : [rest.slice(0, length), rest.slice(length + 2)];
    }
    case '*': {
      const items = [];
      for (let i = 0; i < Number(line); i++) {
        const item = parse(rest);
        if (!item) return undefined;
        items.push(item[0]);
        rest = item[1];
      }
      return [items, rest];
    }
    default:
      return [line, rest];
  }
}

/** Sends one command over a connection of its own. Ends with an error if Redis is not there or refuses it. */
export function command(port, ...words) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setTimeout(1000, () => socket.destroy(new Error('Redis does not answer.')));
    socket.setEncoding('latin1');
    socket.on('error', reject).on('close', () => reject(new Error('Redis closed the connection.')));
    socket.on('data', (piece) => {
      text += piece;
      const reply = parse(text);
      if (!reply) return;
      if (reply[0] instanceof Error) reject(reply[0]);
      else resolve(reply[0]);
      socket.destroy();
    });
    const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join('')}`);
  });
}

const quietly = (promise) => promise.catch(() => undefined);

/** A Redis server that can be ended, stopped and started anew, with its data or without. */
export class Redis {
  constructor(programs, { name, port, directory, log }) {
    Object.assign(this, { programs, name, port, directory, log });
    mkdirSync(directory, { recursive: true });
  }

  /** @param {number} [primary] the port of the server that it follows */
  async start(primary) {
    const args = ['--port', this.port, '--bind', '127.0.0.1', '--dir', this.directory, '--save', ''];
    args.push('--appendonly', 'yes', '--repl-diskless-sync-delay', 0);
    if (primary) args.push('--replicaof', `127.0.0.1 ${primary}`);
    this.program = new Program(this, this.programs['redis-server'], args);
    await until(`${this.name} answers`, () => quietly(command(this.port, 'PING')));
  }

  async kill() {
    await this.program.end('SIGKILL');
  }

  wipe() {
    rmSync(this.directory, { recursive: true, force: true });
    mkdirSync(this.directory, { recursive: true });
  }

  /** Stands still for so long, as a machine does that is out of memory: connections stay, nothing answers. */
  async pause(wait) {
    this.program.signal('SIGSTOP');
    try {
      await wait();
    } finally {
      this.program.signal('SIGCONT');
    }
  }

  command(...words) {
    return command(this.port, ...words);
  }
}

const NAME = 'check';

/** A primary, a replica and three sentinels. */
export class Sentinels {
  constructor(programs, { directory, log, ports }) {
    Object.assign(this, { programs, directory, log, ports });
  }

  get url() {
    return `redis-sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}#${NAME}`;
  }

  async start() {
    this.servers = [];
    for (const name of ['redis-a', 'redis-b']) {
      const place = { name, port: await this.ports(), directory: join(this.directory, name) };
      this.servers.push(new Redis(this.programs, { ...place, log: join(this.log, `${name}.log`) }));
    }
    const [primary, replica] = this.servers;
    await primary.start();
    await replica.start(primary.port);
    this.sentinels = [];
    for (const name of ['sentinel-a', 'sentinel-b', 'sentinel-c']) {
      const port = await this.ports();
      const file = join(this.directory, `${name}.conf`);
      writeFileSync(
        file,
        `port ${port}
bind 127.0.0.1
dir ${this.directory}
sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 2
sentinel down-after-milliseconds ${NAME} 1000
sentinel failover-timeout ${NAME} 3000
`,
      );
      const about = { name, log: join(this.log, `${name}.log`) };
      this.sentinels.push({ port, program: new Program(about, this.programs['redis-sentinel'], [file]) });
    }
    await this.whole();
  }

  /** The server that the sentinels call the primary. */
  async primary() {
    const [, port] = await command(this.sentinels[0].port, 'SENTINEL', 'get-master-addr-by-name', NAME);
    return this.servers.find((server) => server.port === Number(port));
  }

  /** Waits until the replica follows and every sentinel knows it and the others: only then can they act. */
  async whole() {
    await until('The replica follows', async () => {
      const primary = await quietly(this.primary());
      const info = primary && (await quietly(primary.command('INFO', 'replication')));
      return info && /role:master/.test(info) && /slave0:.*state=online/.test(info);
    });
    for (const { port } of this.sentinels)
      await until('The sentinels know each other', async () => {
        const reply = await quietly(command(port, 'SENTINEL', 'master', NAME));
        const known = (field) => reply?.[reply.indexOf(field) + 1];
        const flags = known('flags');
        return known('num-other-sentinels') === '2' && known('num-slaves') === '1' && flags === 'master';
      });
  }
}
