#!/usr/bin/env node
// Checks that a cluster loses, repeats and reorders nothing whatever happens to its parts: see README.md.

import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { footbridgeJar, Problem, root, target } from './bench/build.mjs';
import { random as seeded } from './bench/stats.mjs';
import { FAULTS } from './cluster/faults.mjs';
import { forget, judge, newMemory } from './cluster/history.mjs';
import { java, ports, programs } from './cluster/processes.mjs';
import { liar, LIES, Recorder } from './cluster/recorder.mjs';
import { examples, rows, table } from './cluster/report.mjs';

const width = Math.max(...Object.keys(FAULTS).map((name) => name.length));
const usage = `node load-tests/cluster-check.mjs [options]

Runs several nodes, Redis and HAProxy (without stickiness) with real clients on every transport, does harm to them, and checks
that no message was lost, repeated or reordered, that no gap was silent, and that sessions and presence stayed.

  --quick            each fault once, with as little waiting as is honest (about three minutes)
  --faults A,B|all   which, in this order (all but random)
  --times N          each so often, with the same nodes and clients (1)
  --nodes N          2 to 4 (2)
  --clients N        of which the first 12 are one of each kind (12)
  --rate R           messages a second from each client (5; with --quick 4)
  --seconds S        of quiet traffic before each fault (3; with --quick 1)
  --patience S       how long recovery may take (60)
  --seed N           of all that is random here
  --lie NAME|all     writes down what was not received so: ${Object.keys(LIES).join(', ')}; success is that it is found
  --set KEY=VALUE    a setting of the nodes; may be repeated
  --jar PATH         of Footbridge (bridge/target/footbridge.jar)
  --keep-logs        also if all was right
  --help

Faults:
${Object.entries(FAULTS)
  .map(([name, { title }]) => `  ${name.padEnd(width)}  ${title}`)
  .join('\n')}

The table goes to standard output and, with every violation in JSON, to load-tests/target/cluster-check.md and .json.
The exit code is 0 if all was right, 1 if not, 2 if the check could not run.
`;

function readOptions() {
  const text = { type: 'string' };
  const yes = { type: 'boolean' };
  let values;
  try {
    values = parseArgs({
      options: {
        ...Object.fromEntries(
          ['faults', 'times', 'nodes', 'clients', 'rate', 'seconds', 'patience', 'seed', 'lie', 'jar'].map(
            (name) => [name, text],
          ),
        ),
        set: { type: 'string', multiple: true },
        quick: yes,
        'keep-logs': yes,
        help: yes,
      },
    }).values;
  } catch (error) {
    throw new Problem(`${error.message.split('\n')[0]} Try --help.`);
  }
  if (values.help) return { help: true };
  const number = (name, otherwise, least = 0, most = Infinity) => {
    const n = Number(values[name] ?? otherwise);
    if (!(n >= least && n <= most))
      throw new Problem(
        `--${name} is ${values[name]}; it must be a number from ${least}${most < Infinity ? ` to ${most}` : ''}.`,
      );
    return n;
  };
  const quick = !!values.quick;
  const all = Object.keys(FAULTS).filter((name) => name !== 'random');
  const lies = values.lie === 'all' ? Object.keys(LIES) : values.lie ? values.lie.split(',') : [];
  for (const name of lies)
    if (!LIES[name])
      throw new Problem(`There is no lie "${name}"; there are ${Object.keys(LIES).join(', ')}.`);
  const wanted = values.faults ?? (lies.length > 0 ? 'none' : 'all');
  const faults = wanted === 'all' ? all : wanted.split(',');
  for (const name of faults)
    if (!FAULTS[name]) throw new Problem(`There is no fault "${name}"; --help lists them.`);
  return {
    quick,
    lies,
    faults,
    times: number('times', 1, 1),
    nodes: number('nodes', 2, 2, 4),
    clients: number('clients', 12, 2),
    rate: number('rate', quick ? 4 : 5, 0.1, 100),
    seconds: number('seconds', quick ? 1 : 3),
    patience: number('patience', 60, 1),
    seed: number('seed', Date.now() % 1_000_000),
    settings: {
      'session.ping-seconds': 5,
      ...(quick ? { 'drain.seconds': 2 } : {}),
      ...Object.fromEntries((values.set ?? []).map((one) => one.split(/=(.*)/s, 2))),
    },
    jar: values.jar,
    keepLogs: !!values['keep-logs'],
  };
}

const began = Date.now();
function say(text) {
  const s = Math.round((Date.now() - began) / 1000);
  console.error(`${String(Math.floor(s / 60)).padStart(3)}:${String(s % 60).padStart(2, '0')}  ${text}`);
}

async function waitUntil(condition, ms) {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

/** Lets the fault happen, waits until all is well again, and judges what the clients saw of it. */
async function round(stage, memory, { fault, number, options, lie }) {
  const { recorder, participants } = stage;
  const names = participants.map(({ name }) => name);
  const stuck = [];
  const { title, run, gaps = false } = FAULTS[fault];
  const ms = (full, quick) => (options.quick ? quick : full);

  for (const one of participants) one.work();
  await sleep(options.seconds * 1000);
  const begun = Date.now();
  const since = await run(Object.assign(stage, { ms, round: number, say: (text) => say(`  ${text}`) }));
  const over = Date.now();

  // Every client is back when a message that it sent from then on has been received by all who listen.
  await waitUntil(
    () =>
      participants.every((one) => one.online) &&
      ![...recorder.recovered(names, since).values()].includes(undefined),
    options.patience * 1000,
  );
  recorder.calm = Date.now();
  const recovery = {};
  for (const [client, at] of recorder.recovered(names, since)) {
    if (at === undefined)
      stuck.push({
        kind: 'stuck',
        client,
        what: `no message of it reached everybody within ${options.patience} s`,
      });
    else recovery[client] = at - since;
  }
  for (const { name, online } of participants)
    if (!online) stuck.push({ kind: 'stuck', client: name, what: 'it is not connected' });
  await sleep(ms(2000, 500));

  for (const { name, program } of stage.nodes)
    if (!program.alive) stuck.push({ kind: 'stuck', client: name, what: 'this node ended by itself' });

  for (const one of participants) one.rest();
  const waiting = () => participants.reduce((sum, one) => sum + one.waiting, 0);
  // What is lost never comes: when nothing has come for a while, nothing more will.
  recorder.lastProgress = Date.now();
  await waitUntil(
    () => (recorder.settled && waiting() === 0) || Date.now() - recorder.lastProgress > 12_000,
    60_000,
  );
  for (const one of participants)
    if (one.waiting > 0)
      stuck.push({
        kind: 'stuck',
        client: one.name,
        what: `${one.waiting} publications or calls have no answer`,
      });
  await sleep(400); // presence is gathered for a tenth of a second
  await Promise.all(
    participants.map((one) =>
      Promise.race([one.askPresence(), sleep(10_000, 'late', { ref: false })]).then(
        (late) =>
          late && stuck.push({ kind: 'stuck', client: one.name, what: 'it was not told who is present' }),
        (error) =>
          stuck.push({
            kind: 'stuck',
            client: one.name,
            what: `asking who is present was refused: ${error.code ?? error}`,
          }),
      ),
    ),
  );
  await sleep(100);

  const sent = recorder.counts.published;
  const { log, calls, refusals, slowest } = recorder.cut();
  const { violations, counts } = judge(log, memory, { gaps });
  if (fault === 'none' && calls.refused + Object.keys(refusals).length > 0)
    violations.push({
      kind: 'protocol',
      what: `refused while nothing happened: ${JSON.stringify({ ...calls.codes, ...refusals })}`,
    });
  violations.push(...stuck);
  const result = {
    fault,
    round: number,
    title,
    violations,
    counts: { ...counts, sent },
    calls,
    refusals,
    recovery,
    slowest,
    lasted: over - begun,
  };
  if (lie) result.lie = lie;
  if (violations.length > 0) {
    const file = join(stage.about.logs, `history-${fault}-${number}.jsonl`);
    const lines = [...log].flatMap(([client, events]) => events.map((event) => ({ ...event, client })));
    lines.sort((a, b) => a.t - b.t);
    writeFileSync(file, lines.map((event) => JSON.stringify(event)).join('\n'));
  }
  return result;
}

function summary({ violations, counts, recovery }) {
  const kinds = {};
  for (const { kind } of violations) kinds[kind] = (kinds[kind] ?? 0) + 1;
  const slowest = Math.max(0, ...Object.values(recovery));
  const right =
    violations.length === 0
      ? 'all right'
      : `WRONG: ${Object.entries(kinds)
          .map(([kind, n]) => `${n} ${kind}`)
          .join(', ')}`;
  return `${counts.published} published, ${counts.deliveries} delivered, recovered in ${(slowest / 1000).toFixed(1)} s: ${right}`;
}

/** The result of a round that did not come to its end. */
const nothing = {
  counts: { published: 0, deliveries: 0, announced: 0, sessions: 0, rebuilt: 0 },
  calls: { refused: 0 },
  recovery: {},
  slowest: 0,
};

/** Plays all rounds of some faults with one set of servers and clients. */
async function play(faults, options, place) {
  const { Stage } = await import('./cluster/stage.mjs');
  const recorder = new Recorder();
  const random = seeded(options.seed);
  const sentinel = faults.some((name) => FAULTS[name].sentinel);
  const about = { ...options, ...place, recorder, random, sentinel, rate: options.rate };
  const stage = new Stage(about);
  const results = [];
  try {
    say(`starting ${sentinel ? 'Redis with sentinels' : 'Redis'}, ${options.nodes} nodes, HAProxy`);
    await stage.start();
    say(`opening ${options.clients} clients`);
    await stage.enter();
    const memory = newMemory();
    const opened = (number) => {
      const { violations, counts } = judge(recorder.cut().log, memory, { presence: true });
      if (violations.length === 0) return;
      say('  clients that came or went: WRONG');
      results.push({
        fault: 'opening',
        round: number,
        violations,
        counts,
        calls: { refused: 0 },
        recovery: {},
        slowest: 0,
      });
    };
    opened(1);
    const plan = faults.flatMap((fault) =>
      Array.from({ length: options.times }, (_, i) => ({ fault, number: i + 1 })),
    );
    for (const [i, { fault, number }] of plan.entries()) {
      say(`${fault}${options.times > 1 ? ` ${number} of ${options.times}` : ''}: ${FAULTS[fault].title}`);
      try {
        if (i > 0) {
          for (const client of await stage.renew()) forget(memory, client);
          opened(i + 1);
        }
        for (const lie of options.lies.length > 0 ? options.lies : [undefined]) {
          if (lie) say(`  the recorder lies: ${lie}`);
          recorder.lie = lie && liar(lie, random);
          const result = await round(stage, memory, { fault, number, options, lie });
          result.told = recorder.lie?.told;
          recorder.lie = undefined;
          say(`  ${summary(result)}`);
          results.push(result);
        }
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        // A server that does not come back is a result as well; what follows would only say so again.
        say(`  WRONG: ${error.message}`);
        const violations = [{ kind: 'stuck', what: error.message }];
        results.push({ ...nothing, fault, round: number, violations });
        break;
      }
    }
  } finally {
    say('stopping');
    await stage.stop();
  }
  return results;
}

/** With `--lie`: whether each lie was told and found. */
function unmasked(results) {
  let all = true;
  for (const { lie, told, violations } of results.filter((result) => result.lie)) {
    const found = violations.some(({ kind }) => LIES[lie].includes(kind));
    console.log(`The lie "${lie}" was told ${told} times and was ${found ? 'found' : 'NOT found'}.`);
    all &&= told > 0 && found;
  }
  return all;
}

async function main() {
  const options = readOptions();
  if (options.help) return console.log(usage);
  const jar = footbridgeJar(options.jar);
  if (!existsSync(join(root, 'js-client/dist/footbridge.mjs')))
    throw new Problem(
      'js-client/dist/footbridge.mjs is not there; build it with ./mvnw -q package -DskipTests.',
    );
  const groups = [false, true].map((sentinel) =>
    options.faults.filter((name) => !!FAULTS[name].sentinel === sentinel),
  );
  const needed = ['redis-server', 'haproxy', ...(groups[1].length > 0 ? ['redis-sentinel'] : [])];
  const tools = { programs: programs(needed), java: java(), jar, ports: ports() };
  const work = join(target, 'cluster-check');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  say(`seed ${options.seed}`);

  const results = [];
  for (const [i, faults] of groups.entries()) {
    if (faults.length === 0) continue;
    const directory = join(work, i === 0 ? 'single' : 'sentinel');
    results.push(...(await play(faults, options, { ...tools, directory, logs: join(directory, 'logs') })));
  }

  const text = table(results);
  const lying = options.lies.length > 0;
  const wrong = results.flatMap(({ violations }) => violations).length;
  const right = lying ? unmasked(results) : wrong === 0;
  console.log(`\n${text}\n`);
  if (wrong > 0) console.log(`${examples(results)}\n`);
  const heading = `# Cluster check\n\nSeed ${options.seed}, ${options.nodes} nodes, ${options.clients} clients.\n\n`;
  writeFileSync(
    join(target, 'cluster-check.md'),
    `${heading}${text}\n${wrong > 0 ? `\n\`\`\`\n${examples(results, 20)}\n\`\`\`\n` : ''}`,
  );
  const { jar: _, ...shown } = options;
  writeFileSync(
    join(target, 'cluster-check.json'),
    JSON.stringify({ options: shown, right, rows: rows(results), results }, null, 1),
  );
  if (right && !options.keepLogs) rmSync(work, { recursive: true, force: true });
  else console.log(`The logs are in ${relative(process.cwd(), work)}.`);
  console.log(
    lying
      ? `The lies were ${right ? 'all found' : 'NOT all found'}.`
      : right
        ? 'All was right.'
        : `WRONG: ${wrong} violations.`,
  );
  process.exitCode = right ? 0 : 1;
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])
  process.once(signal, () => {
    say(`ended by ${signal}`); // and with us what we started
    process.exit(code);
  });

main().then(
  () => process.exit(),
  (error) => {
    console.error(error instanceof Problem ? error.message : error);
    process.exit(2);
  },
);
