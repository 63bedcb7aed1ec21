#!/usr/bin/env node
// Compares Footbridge with a bare C server and with Undertow's own channels: see README.md.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildC, Problem, run, target } from './bench/build.mjs';
import { fanoutReport, memoryReport, stalledReport } from './bench/report.mjs';
import {
  checkMachine,
  liveHeap,
  loopbackDrops,
  pinned,
  rss,
  serverKinds,
  withServer,
} from './bench/servers.mjs';
import { random, shuffled } from './bench/stats.mjs';

const usage = `node load-tests/bench.mjs fanout|memory|stalled [options]

  fanout    processor time a delivery, latency at a fixed rate, and the most deliveries a second
  memory    resident memory and live heap of an idle session
  stalled   what a subscriber that stops reading does to the others

  --rounds N               every server and transport is measured so often, in shuffled order (5; memory 3)
  --servers A,B            footbridge,undertow,floor,node-ws (the first three)
  --transports A,B         ws,sse,stream,longpoll (all)
  --subscribers N          (1000; memory 5000)
  --rate R                 publishes a second at the fixed rate (20)
  --payload BYTES          of the published data (128)
  --seconds S              at the fixed rate (10)
  --window-seconds S       at each number of publishes under way (4)
  --windows 1,4,16,64      these numbers
  --warmup S               saturated and not measured, before (10)
  --stalled K              subscribers that stop reading (1)
  --fill BYTES             published to fill their buffers first (4194304)
  --settle S               memory: idle time before it is measured (3)
  --server-core N          (0)
  --generator-core N       (1)
  --gc NAME                serial, g1, parallel or z, for both JVM servers (serial: what a JVM takes on one core)
  --heap SIZE              -Xms and -Xmx of both JVM servers (256m; memory 512m)
  --java-opts "…"          more for both JVM servers
  --jar PATH               of Footbridge (bridge/target/footbridge.jar)
  --footbridge-args "…"    more arguments of footbridge serve
  --footbridge-env N=V     a variable for Footbridge; may be repeated
  --seed N                 of the shuffling
  --out NAME               of the files in load-tests/target (bench-COMMAND)
`;

const flag = (type = 'string', more = {}) => ({ type, ...more });
const flags = {
  ...Object.fromEntries(
    [
      'rounds',
      'servers',
      'transports',
      'subscribers',
      'rate',
      'payload',
      'seconds',
      'window-seconds',
      'windows',
    ]
      .concat([
        'warmup',
        'stalled',
        'fill',
        'settle',
        'server-core',
        'generator-core',
        'gc',
        'heap',
        'java-opts',
        'jar',
      ])
      .concat(['footbridge-args', 'seed', 'out'])
      .map((name) => [name, flag()]),
  ),
  'footbridge-env': flag('string', { multiple: true }),
  help: flag('boolean'),
};

function words(text) {
  return text ? text.trim().split(/\s+/) : [];
}

function readOptions(command, values) {
  const number = (name, otherwise) => {
    const n = Number(values[name] ?? otherwise);
    if (!Number.isFinite(n) || n < 0) throw new Problem(`--${name} ${values[name]} is not a number.`);
    return n;
  };
  const memory = command === 'memory';
  return {
    rounds: number('rounds', memory ? 3 : 5),
    servers: (values.servers ?? 'footbridge,undertow,floor').split(','),
    transports: (values.transports ?? 'ws,sse,stream,longpoll').split(','),
    subscribers: number('subscribers', memory ? 5000 : 1000),
    rate: number('rate', 20),
    payload: number('payload', 128),
    seconds: number('seconds', 10),
    windowSeconds: number('window-seconds', 4),
    windows: values.windows ?? '1,4,16,64',
    warmup: number('warmup', 10),
    stalled: number('stalled', 1),
    fill: number('fill', 4 << 20),
    settle: number('settle', 3),
    serverCore: number('server-core', 0),
    generatorCore: number('generator-core', 1),
    gc: values.gc ?? 'serial',
    heap: values.heap ?? (memory ? '512m' : '256m'),
    pretouch: memory,
    javaOptions: words(values['java-opts']),
    jar: values.jar,
    footbridgeArgs: words(values['footbridge-args']),
    footbridgeEnv: values['footbridge-env'] ?? [],
    seed: number('seed', Date.now() % 1_000_000),
  };
}

// ---- running ------------------------------------------------------------------------------------------------------

/** Collects a child's output. `ready` resolves when a line of stderr starts with the word given. */
function watch(child, word) {
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  const ended = new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  const ready = new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text) => {
      err += text;
      if (word && new RegExp(`^${word}`, 'm').test(err)) resolve();
    });
    child.once('close', () => reject(new Problem(`The load generator ended early: ${err}`)));
  });
  ready.catch(() => {});
  return { ready, ended };
}

/** The generator ends with 2 when it found faults: its result tells which, and the report shows them. */
async function resultOf(ended) {
  const { code, out, err } = await ended;
  if (code !== 0 && code !== 2) throw new Problem(`The load generator ended with ${code}: ${err.trim()}`);
  return JSON.parse(out);
}

function generatorArgs(options, kind, transport, server, more) {
  return [
    ...['--port', server.port, '--dialect', kind.dialect, '--transport', transport],
    ...['--subscribers', options.subscribers, '--payload', options.payload],
    ...['--server-pid', server.pid, '--server-core', options.serverCore],
    ...more,
  ];
}

function generate(binaries, options, kind, transport, server, more) {
  const args = generatorArgs(options, kind, transport, server, more);
  const child = pinned(options.generatorCore, binaries.loadgen, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  return resultOf(watch(child).ended);
}

/** How fast the machine is now: a disturbed one shows here whatever is measured. */
function calibrate(binaries, options) {
  const one = (core) => JSON.parse(run('taskset', ['-c', String(core), binaries.floor, '--calibrate'], ''));
  return { server: one(options.serverCore), generator: one(options.generatorCore) };
}

const measures = {
  async fanout({ binaries, options, kind, transport, name }) {
    const phases = [
      ...['--rate', options.rate, '--seconds', options.seconds, '--warmup', options.warmup],
      ...['--saturate', '--windows', options.windows, '--window-seconds', options.windowSeconds],
    ];
    return withServer(kind, name, options.serverCore, (server) =>
      generate(binaries, options, kind, transport, server, phases),
    );
  },

  async stalled({ binaries, options, kind, transport, name }) {
    const result = {};
    for (const [key, stalled] of Object.entries({ without: 0, with: options.stalled })) {
      const phases = ['--rate', options.rate, '--seconds', options.seconds, '--warmup', options.warmup];
      result[key] = await withServer(kind, `${name}-${key}`, options.serverCore, (server) =>
        generate(binaries, options, kind, transport, server, [
          ...phases,
          '--fill',
          options.fill,
          '--stalled',
          stalled,
        ]),
      );
    }
    return result;
  },

  async memory({ binaries, options, kind, transport, name }) {
    return withServer(kind, name, options.serverCore, async (server) => {
      // A few sessions first, so that code and pools that the first one needs are not counted.
      await generate(binaries, { ...options, subscribers: 20 }, kind, transport, server, [
        '--idle',
        '--seconds',
        1,
      ]);
      const reading = async () => {
        await sleep(options.settle * 1000);
        const heap = kind.jvm ? liveHeap(server.pid) : null;
        return { heap, rss: rss(server.pid) * 1024 };
      };
      if (kind.jvm) liveHeap(server.pid);
      const before = await reading();
      const args = generatorArgs(options, kind, transport, server, [
        '--idle',
        '--seconds',
        0,
        '--open-timeout',
        180,
      ]);
      const child = pinned(options.generatorCore, binaries.loadgen, args, {
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const { ready, ended } = watch(child, 'ready');
      await ready;
      const after = await reading();
      child.stdin.end();
      const held = await resultOf(ended);
      return memoryOf(before, after, held, options);
    });
  },
};

/** Bytes a session; for a JVM, whose heap is all resident from the start, growth outside the heap plus live heap. */
function memoryOf(before, after, held, options) {
  const each = (a, b) => (b - a) / options.subscribers;
  const result = { checks: held.checks, open: held.open, grown_rss: each(before.rss, after.rss) };
  if (!before.heap) return { ...result, resident: result.grown_rss };
  result.live_heap = each(before.heap.bytes, after.heap.bytes);
  result.resident = result.grown_rss + result.live_heap;
  result.classes = [...after.heap.classes]
    .map(([name, now]) => {
      const then = before.heap.classes.get(name) ?? { count: 0, bytes: 0 };
      return { name, bytes: each(then.bytes, now.bytes), count: each(then.count, now.count) };
    })
    .filter((c) => c.bytes >= 1)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 25);
  return result;
}

function describe(command, result) {
  if (command === 'memory') {
    const heap = result.live_heap === undefined ? '' : `, ${result.live_heap.toFixed(0)} of them live heap`;
    return `${result.resident.toFixed(0)} bytes a session${heap}`;
  }
  if (command === 'stalled') {
    const p99 = (r) => `${(r.rate.latency_us.p99 / 1000).toFixed(1)} ms`;
    return `p99 ${p99(result.without)} without, ${p99(result.with)} with`;
  }
  const { rate, saturation } = result;
  return (
    `${rate.server.cpu_us_per_delivery.toFixed(2)} µs a delivery, p99 ${(rate.latency_us.p99 / 1000).toFixed(1)} ms, ` +
    `at most ${saturation.best_deliveries_per_s.toLocaleString('en-US')} deliveries/s`
  );
}

// ---- the command --------------------------------------------------------------------------------------------------

function chosen(options, binaries) {
  const kinds = serverKinds(options, binaries);
  const unknown = options.servers.find((name) => !kinds[name]);
  if (unknown !== undefined)
    throw new Problem(`--servers ${unknown} is unknown; it may be ${Object.keys(kinds).join(', ')}.`);
  const transports = kinds.floor.transports;
  const strange = options.transports.find((name) => !transports.includes(name));
  if (strange !== undefined)
    throw new Problem(`--transports ${strange} is unknown; it may be ${transports.join(', ')}.`);
  for (const name of options.servers) kinds[name].prepare();
  const cells = options.servers.flatMap((server) =>
    options.transports
      .filter((t) => kinds[server].transports.includes(t))
      .map((transport) => ({ server, transport })),
  );
  return { kinds, cells };
}

function machine(options) {
  const java = options.servers.some((name) => name === 'footbridge' || name === 'undertow');
  return {
    processor: cpus()[0].model,
    cores: cpus().length,
    kernel: release(),
    congestion_control: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim(),
    node: process.version,
    java: java
      ? run('java', ['--version'], 'There is no java here; install a JDK of version 17 or newer.').split(
          '\n',
        )[0]
      : null,
    load_average: loadavg()[0],
  };
}

async function measureAll(command, options) {
  const binaries = buildC();
  const { kinds, cells } = chosen(options, binaries);
  const report = { command, date: new Date().toISOString(), options, machine: machine(options), results: [] };
  const next = random(options.seed);
  const total = options.rounds * cells.length;
  for (let round = 1; round <= options.rounds; round++) {
    for (const cell of shuffled(cells, next)) {
      const kind = kinds[cell.server];
      const name = `${command}-${cell.server}-${cell.transport}-${round}`;
      process.stderr.write(
        `[${report.results.length + 1}/${total}] round ${round}: ${kind.title}, ${cell.transport} … `,
      );
      const entry = { ...cell, round, title: kind.title, calibration: calibrate(binaries, options) };
      const dropped = loopbackDrops();
      try {
        entry.result = await measures[command]({ binaries, options, kind, transport: cell.transport, name });
        process.stderr.write(`${describe(command, entry.result)}\n`);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        entry.error = error.message;
        process.stderr.write(`failed: ${error.message.slice(0, 600)}\n`);
      }
      entry.loopback_drops = loopbackDrops() - dropped;
      report.results.push(entry);
    }
  }
  return report;
}

async function main() {
  const { values, positionals } = parseArgs({ options: flags, allowPositionals: true });
  const [command] = positionals;
  if (values.help) return process.stdout.write(usage);
  if (positionals.length !== 1 || !measures[command]) throw new Problem(usage.trimEnd());
  const options = readOptions(command, values);
  checkMachine(options);
  const report = await measureAll(command, options);
  const markdown = { fanout: fanoutReport, memory: memoryReport, stalled: stalledReport }[command](report);
  mkdirSync(target, { recursive: true });
  const out = join(target, values.out ?? `bench-${command}`);
  writeFileSync(`${out}.json`, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(`${out}.md`, markdown);
  process.stdout.write(markdown);
  process.stderr.write(`\nWritten to ${relative('.', out)}.json and .md\n`);
  if (report.results.some((entry) => entry.error)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Problem) && error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
