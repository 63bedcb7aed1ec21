// Programs that the check starts: none outlives it, however it ends.

import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../bench/build.mjs';

/** Programs that must be there, and the Debian packages that have them. */
const packages = {
  'redis-server': 'redis-server',
  'redis-sentinel': 'redis-sentinel',
  haproxy: 'haproxy',
};

/** The program's path: `/usr/sbin`, where Debian has HAProxy, is not on everybody's path. */
function find(program) {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  const directory = directories.find((name) => name && existsSync(join(name, program)));
  if (!directory)
    throw new Problem(
      `There is no ${program} here; install it (Debian: apt install ${packages[program] ?? program}).`,
    );
  return join(directory, program);
}

/** The paths of the named programs; one that is missing is a `Problem` with the package to install. */
export function programs(names) {
  return Object.fromEntries(names.map((name) => [name, find(name)]));
}

/** The `java` to run nodes with. */
export function java() {
  const home = process.env.JAVA_HOME;
  const program = home ? join(home, 'bin/java') : 'java';
  if (spawnSync(program, ['-version']).error)
    throw new Problem(
      `${program} cannot be run; install a Java of version 17 or newer (Debian: apt install default-jre-headless).`,
    );
  return program;
}

const running = new Set();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program that runs, with its output in a file. */
export class Program {
  /** @param {{ name: string, log: string }} about its name in messages, and the file for its output */
  constructor({ name, log }, program, args, options = {}) {
    this.name = name;
    this.log = log;
    const output = openSync(log, 'a');
    this.child = spawn(program, args.map(String), { stdio: ['ignore', output, output], ...options });
    closeSync(output);
    running.add(this.child);
    this.ended = new Promise((resolve) => {
      this.child.once('exit', resolve);
      this.child.once('error', resolve);
    });
    this.ended.then(() => running.delete(this.child));
  }

  get alive() {
    return running.has(this.child);
  }

  signal(name) {
    this.child.kill(name);
  }

  /**
   * Ends it with a signal and waits; after `patience` milliseconds it is killed.
   *
   * @returns its exit code; null if a signal ended it
   */
  async end(signal = 'SIGTERM', patience = 5000) {
    if (this.alive) this.signal(signal);
    if ((await Promise.race([this.ended, sleep(patience, 'late', { ref: false })])) === 'late') {
      this.signal('SIGKILL');
      await this.ended;
    }
    return this.child.exitCode;
  }
}

/** Waits until `condition` gives something true, and returns that. */
export async function until(what, condition, ms = 30_000, every = 25) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Problem(`${what}: not within ${ms / 1000} s.`);
    await sleep(every);
  }
}

/** Whether anybody listens on the port. */
export function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * Gives ports that nobody listens on, each once. They lie below the range that the kernel takes the ports of outgoing
 * connections from: a node that is started anew on its port would else find it taken by somebody's request.
 */
export function ports() {
  const given = new Set();
  return async function next() {
    for (;;) {
      const port = 12_000 + Math.floor(Math.random() * 20_000);
      if (given.has(port)) continue;
      given.add(port);
      if (await isFree(port)) return port;
    }
  };
}
