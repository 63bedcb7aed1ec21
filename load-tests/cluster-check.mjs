#!/usr/bin/env node
// Whether several nodes keep what they promise while things go wrong: real nodes, a real Redis, HAProxy in round robin
// without stickiness, clients of every transport, faults, and a look at what everybody saw.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FAULTS, seeded } from './cluster/faults.mjs';
import { LIES } from './cluster/history.mjs';
import { Problem, requirePrograms, Stage } from './cluster/stage.mjs';
import { Traffic } from './cluster/traffic.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const LIE_EVERY = 10_000;

const HELP = `Usage: node load-tests/cluster-check.mjs [options]

Starts nodes, a Redis and a balancer, lets clients of every transport publish and listen, makes things go wrong, and
checks what everybody saw: one order for all, nothing acknowledged lost, nothing repeated or out of order, every gap
announced, everybody present, every session kept. Ends with 0 only if all of that is so.

  --faults A,B,...  which, or "all" (the default):
${Object.entries(FAULTS)
  .map(([name, { says }]) => `                    ${name.padEnd(18)}${says}`)
  .join('\n')}
  --times N         how often each (default 1)
  --minutes M       goes on with all of them, once after the other, until so many minutes are over
  --nodes N         nodes, 2 to 4 (default 2)
  --rate R          messages a second of each of the 12 clients (default 4)
  --seed S          for what is left to chance (default: by the clock)
  --lie KIND        lets one in 10,000 tales of the clients be a lie, to see that it is noticed: ${Object.keys(LIES).join(', ')}.
                    Ends with 0 only if it was
  --jar FILE        the program (default bridge/target/footbridge.jar)
  --set KEY=VALUE   a setting of the nodes; can be repeated
  --help

The table goes to standard output and, with examples of what was wrong, to load-tests/target/cluster-check.md and
.json; the logs of all programs are in load-tests/target/cluster.`;

const { values: options } = parseArgs({
  options: {
    faults: { type: 'string', default: 'all' },
    times: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    nodes: { type: 'string', default: '2' },
    rate: { type: 'string', default: '4' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    lie: { type: 'string' },
    jar: {
      type: 'string',
      default: join(here, '../bridge/target/footbridge.jar'),
    },
    set: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean' },
  },
});

const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
const quantile = (list, q) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];
const seconds = (ms) => (ms / 1000).toFixed(1);

/** A whole number in a range, or a Problem that names the option. */
function number(name, least, most) {
  const value = Number(options[name]);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Problem(`--${name} is "${options[name]}"; it must be a whole number from ${least} to ${most}.`);
  return value;
}

function chosen() {
  if (options.faults === 'all') return Object.keys(FAULTS);
  const names = options.faults.split(',');
  const unknown = names.find((name) => !FAULTS[name]);
  if (unknown !== undefined) throw new Problem(`There is no fault "${unknown}"; see --help.`);
  return names;
}

/** One fault, so often, with clients and nodes of its own. */
async function play(name, times, random, settings) {
  const fault = FAULTS[name];
  const directory = join(here, 'target/cluster', name);
  const stage = new Stage({
    ...settings,
    sentinels: fault.sentinels,
    directory,
  });
  let traffic;
  try {
    await stage.start();
    traffic = new Traffic(stage.url, settings);
    await traffic.start();
    await sleep(1000);
    const pauses = [];
    for (let i = 1; i <= times; i++) {
      traffic.mark();
      const what = await fault.run(stage, random);
      await traffic.recovered(30);
      await sleep(500);
      pauses.push(...traffic.pauses());
      say(
        `${name} ${i}/${times}${what ? ` (${what})` : ''}: longest pause ${seconds(Math.max(...pauses.slice(-12)))} s, ${traffic.published.length} published`,
      );
    }
    await traffic.settle();
    return verdict(name, times, pauses, traffic);
  } finally {
    await traffic?.close().catch(() => undefined);
    await stage.stop();
  }
}

function verdict(name, times, pauses, traffic) {
  const fault = FAULTS[name];
  const found = traffic.verdict();
  const left = traffic.libraries.reduce((sum, one) => sum + one.left, 0);
  const bad = { ...found };
  delete bad.deliveries;
  delete bad.examples;
  if (fault.gaps) delete bad.gaps;
  const wrong = Object.entries(bad).filter(([, count]) => count > 0);
  return {
    fault: name,
    times,
    published: traffic.published.length,
    ...found,
    left,
    calls: traffic.calls,
    pauseMedian: quantile(pauses, 0.5),
    pauseMost: Math.max(...pauses),
    good: wrong.length === 0 && left === 0,
    wrong: Object.fromEntries(left > 0 ? [...wrong, ['left', left]] : wrong),
  };
}

const COLUMNS = [
  ['fault', (r) => r.fault],
  ['times', (r) => r.times],
  ['published', (r) => r.published],
  ['delivered', (r) => r.deliveries],
  ['lost', (r) => r.lost],
  ['repeated', (r) => r.repeated],
  ['out of order', (r) => r.disordered + r.orders],
  ['silent gaps', (r) => r.silent],
  ['told gaps', (r) => r.gaps],
  ['sessions lost', (r) => r.sessions],
  ['presence', (r) => r.presence + r.left],
  ['other', (r) => r.failures + r.protocol],
  ['pause p50 s', (r) => seconds(r.pauseMedian)],
  ['pause max s', (r) => seconds(r.pauseMost)],
  ['', (r) => (r.good ? 'good' : 'BAD')],
];

function table(results) {
  const rows = results.map((result) => COLUMNS.map(([, value]) => String(value(result))));
  const all = [COLUMNS.map(([title]) => title), ...rows];
  const widths = COLUMNS.map((column, i) => Math.max(...all.map((row) => row[i].length)));
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? `${'-'.repeat(width + 1)}-` : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(all[0]), rule, ...rows.map(line)].join('\n');
}

/** Adds up what the same fault made at several times. */
function merge(results) {
  const byFault = new Map();
  for (const result of results) {
    const known = byFault.get(result.fault);
    if (!known) byFault.set(result.fault, { ...result });
    else {
      for (const key of Object.keys(result)) {
        if (typeof result[key] === 'number' && !key.startsWith('pause')) known[key] += result[key];
      }
      known.pauseMedian = Math.max(known.pauseMedian, result.pauseMedian);
      known.pauseMost = Math.max(known.pauseMost, result.pauseMost);
      known.good &&= result.good;
      known.examples = [...known.examples, ...result.examples];
    }
  }
  return [...byFault.values()];
}

function report(results, seed) {
  const text = table(merge(results));
  const examples = results
    .filter(({ good }) => !good)
    .map(
      (r) =>
        `${r.fault}: ${JSON.stringify(r.wrong)}\n${r.examples.map((example) => `  ${example}`).join('\n')}`,
    );
  mkdirSync(join(here, 'target'), { recursive: true });
  const whole = `${text}\n\nseed ${seed}, ${options.nodes} nodes, ${options.rate} messages a second of each client\n${examples.join('\n')}`;
  writeFileSync(join(here, 'target/cluster-check.md'), `${whole}\n`);
  writeFileSync(join(here, 'target/cluster-check.json'), `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\n${text}`);
  if (examples.length > 0)
    console.log(`\n${examples.join('\n')}\n\nThe logs are in load-tests/target/cluster.`);
}

async function main() {
  if (options.help) return console.log(HELP);
  if (!existsSync(options.jar))
    throw new Problem(`There is no ${options.jar}; build it: ./mvnw -q package -DskipTests`);
  if (options.lie && !LIES[options.lie]) throw new Problem(`There is no lie "${options.lie}"; see --help.`);
  const names = chosen();
  requirePrograms({
    java: 'default-jre-headless',
    'redis-server': 'redis-server',
    'redis-cli': 'redis-tools',
    haproxy: 'haproxy',
    ...(names.some((name) => FAULTS[name].sentinels) ? { 'redis-sentinel': 'redis-sentinel' } : {}),
  });
  const seed = number('seed', 0, 2 ** 31);
  const random = seeded(seed);
  const settings = {
    jar: options.jar,
    java: ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    node: options.set.flatMap((setting) => ['--set', setting]),
    nodes: number('nodes', 2, 4),
    rate: number('rate', 1, 1000),
    lie: options.lie ? lying(options.lie) : undefined,
  };
  const times = number('times', 1, 10_000);
  const deadline = options.minutes ? performance.now() + number('minutes', 1, 100_000) * 60_000 : 0;
  const results = [];
  say(`seed ${seed}`);
  do {
    for (const name of names) {
      results.push(await play(name, times, random, settings));
      const { good, wrong } = results.at(-1);
      say(`${name}: ${good ? 'good' : `BAD ${JSON.stringify(wrong)}`}`);
      if (deadline && performance.now() > deadline) break;
    }
  } while (performance.now() < deadline);
  report(results, seed);
  const good = results.every((result) => result.good);
  if (options.lie) {
    console.log(good ? `The lie "${options.lie}" was not noticed.` : `The lie "${options.lie}" was noticed.`);
    process.exit(good ? 1 : 0);
  }
  process.exit(good ? 0 : 1);
}

/** Wraps what each client tells, so that one tale in so many, of all of them together, is not so. */
function lying(kind) {
  let told = 0;
  const due = () => ++told % LIE_EVERY === 0;
  return (record) => {
    const lie = LIES[kind](due);
    return (event) => lie(record, event);
  };
}

main().catch((error) => {
  console.error(error instanceof Problem ? error.message : error);
  process.exit(2);
});
