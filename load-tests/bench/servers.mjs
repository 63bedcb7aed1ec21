// The servers that are compared: how each is started, pinned to its core, and ended.

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, closeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as build from './build.mjs';

const collectors = {
  serial: '-XX:+UseSerialGC',
  g1: '-XX:+UseG1GC',
  parallel: '-XX:+UseParallelGC',
  z: '-XX:+UseZGC',
};

/**
 * Footbridge's own limits are made to fit a load test from one address by one publisher; nothing that a message
 * passes through is changed.
 */
const footbridgeLimits = {
  FOOTBRIDGE_LIMITS_SESSIONS_PER_ADDRESS: '100000',
  FOOTBRIDGE_LIMITS_PROBES_PER_ADDRESS: '100000',
  FOOTBRIDGE_LIMITS_PUBLISH_PER_SECOND: '1000000',
  FOOTBRIDGE_LIMITS_PUBLISH_BURST: '1000000',
  FOOTBRIDGE_STREAM_BYTES: String(2 ** 40),
};

function javaOptions(options) {
  if (!collectors[options.gc])
    throw new build.Problem(
      `--gc ${options.gc} is unknown; it may be ${Object.keys(collectors).join(', ')}.`,
    );
  const touch = options.pretouch ? ['-XX:+AlwaysPreTouch'] : [];
  return [
    `-Xms${options.heap}`,
    `-Xmx${options.heap}`,
    collectors[options.gc],
    ...touch,
    ...options.javaOptions,
  ];
}

function assignments(list) {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new build.Problem(`--footbridge-env ${text} is not NAME=VALUE.`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

let footbridge;

/** Where the jar is and whether it has an admin listener, whose port must then be free too. */
function prepareFootbridge(given) {
  if (!footbridge) {
    const jar = build.footbridgeJar(given);
    const noJava = 'There is no java here; install a JDK of version 17 or newer.';
    footbridge = {
      jar,
      hasAdmin: build.run('java', ['-jar', jar, 'serve', '--help'], noJava).includes('--admin-port'),
    };
  }
  return footbridge;
}

/** Each has a title, its dialect, the transports that it has, and `command(port)`. Building happens on first use. */
export function serverKinds(options, binaries) {
  return {
    footbridge: {
      title: 'Footbridge',
      dialect: 'footbridge',
      transports: ['ws', 'sse', 'stream', 'longpoll'],
      jvm: true,
      prepare: () => prepareFootbridge(options.jar),
      command: (port, { jar, hasAdmin }) => ({
        program: 'java',
        args: [
          ...javaOptions(options),
          ...['-jar', jar, 'serve', '--port', port],
          ...(hasAdmin ? ['--admin-port', port + 1] : []),
          ...options.footbridgeArgs,
        ],
        env: { ...footbridgeLimits, ...assignments(options.footbridgeEnv) },
      }),
    },
    undertow: {
      title: "Undertow's own channels",
      dialect: 'raw',
      transports: ['ws', 'sse', 'longpoll'],
      jvm: true,
      prepare: () => build.buildUndertowBaseline(),
      command: (port, classpath) => ({
        program: 'java',
        args: [
          ...javaOptions(options),
          '-cp',
          classpath,
          'dev.footbridge.load.UndertowBaseline',
          '--port',
          port,
        ],
      }),
    },
    floor: {
      title: 'Floor (C, one write a delivery)',
      dialect: 'raw',
      transports: ['ws', 'sse', 'stream', 'longpoll'],
      prepare: () => binaries.floor,
      command: (port, program) => ({ program, args: ['--port', port] }),
    },
    'node-ws': {
      title: 'Node.js with ws',
      dialect: 'raw',
      transports: ['ws'],
      prepare: () => build.wsPackage(),
      command: (port, ws) => ({
        program: process.execPath,
        args: [join(build.home, 'src/main/js/node-ws.mjs'), '--port', port],
        env: { WS_PACKAGE: ws },
      }),
    },
  };
}

/** Two free ports, one after the other: the second is for an admin listener. */
async function freePorts() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 10000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

const running = new Set();

function endAll() {
  for (const child of running) child.kill('SIGKILL');
}
process.once('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    endAll();
    process.exit(1);
  });

/** Ends a child that was started here: politely, then not. */
async function end(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  if ((await Promise.race([ended, sleep(5000, 'late', { ref: false })])) === 'late') {
    child.kill('SIGKILL');
    await ended;
  }
}

/** Starts a program pinned to one core. */
export function pinned(core, program, args, options) {
  const child = spawn('taskset', ['-c', String(core), program, ...args.map(String)], options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Starts a server, waits until it accepts connections, gives it to `use`, and ends it. */
export async function withServer(kind, name, core, use) {
  const prepared = kind.prepare();
  const port = await freePorts();
  const { program, args, env } = kind.command(port, prepared);
  const logs = join(build.target, 'logs');
  mkdirSync(logs, { recursive: true });
  const log = join(logs, `${name}.log`);
  const output = openSync(log, 'w');
  const child = pinned(core, program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  try {
    const deadline = Date.now() + 60_000;
    while (!(await accepts(port))) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline)
        throw new build.Problem(`${kind.title} did not start:\n${readFileSync(log, 'utf8').slice(-2000)}`);
      await sleep(100);
    }
    return await use({ pid: child.pid, port });
  } finally {
    await end(child);
  }
}

/** Memory of a process that is resident, in KiB. */
export function rss(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

/**
 * Packets that the kernel dropped since boot because a core's input queue was full. Loopback uses that queue: a drop
 * there delays one message by 200 ms, the least time after which TCP sends again.
 */
export function loopbackDrops() {
  const lines = readFileSync('/proc/net/softnet_stat', 'utf8').trim().split('\n');
  return lines.reduce((sum, line) => sum + parseInt(line.split(' ')[1], 16), 0);
}

/** Collects a JVM's garbage and returns what lives: bytes in all, and by class. */
export function liveHeap(pid) {
  const text = build.run(
    'jcmd',
    [pid, 'GC.class_histogram'].map(String),
    'There is no jcmd here; it comes with a JDK.',
  );
  const classes = new Map();
  for (const [, count, bytes, name] of text.matchAll(/^\s*\d+:\s+(\d+)\s+(\d+)\s+(\S+)/gm))
    classes.set(name, { count: Number(count), bytes: Number(bytes) });
  const bytes = Number(/^Total\s+\d+\s+(\d+)/m.exec(text)?.[1]);
  if (!bytes)
    throw new build.Problem(
      `jcmd ${pid} GC.class_histogram answered something unknown:\n${text.slice(0, 500)}`,
    );
  return { bytes, classes };
}

export function checkMachine(options) {
  if (process.platform !== 'linux')
    throw new build.Problem('The comparison needs Linux: it pins processes and reads /proc.');
  if (spawnSync('taskset', ['--version']).error)
    throw new build.Problem('There is no taskset here; install it (Debian: apt install util-linux).');
  for (const core of [options.serverCore, options.generatorCore])
    if (spawnSync('taskset', ['-c', String(core), 'true']).status !== 0)
      throw new build.Problem(
        `Core ${core} cannot be used here; choose with --server-core and --generator-core.`,
      );
  if (options.serverCore === options.generatorCore)
    throw new build.Problem('The server and the generator need a core each.');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1];
  const needed = options.subscribers + 1000;
  if (hard !== 'unlimited' && Number(hard) < needed)
    throw new build.Problem(
      `${needed} open files are needed and the hard limit is ${hard}; raise it with ulimit -Hn.`,
    );
}
