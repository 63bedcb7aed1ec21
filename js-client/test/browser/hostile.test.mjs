/**
 * The client in two real browsers, on every hostile network: it connects in time, moves in time, and nothing is lost,
 * repeated or out of order. A table of the times is written to target/hostile-network.md.
 *
 * CASE runs the cases whose names contain it, BROWSER one browser, PAGES so many pages at a time; with STORY=1 it is
 * told what happened in each.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { launch } from '../support/browsers.mjs';
import { freshName } from '../support/clients.mjs';
import { cases } from '../support/hostile-cases.mjs';
import { startHostile } from '../support/hostile.mjs';
import { startServer } from '../support/server.mjs';
import { Talker } from '../support/talker.mjs';
import { upTo } from '../support/wait.mjs';

const { CASE = '', BROWSER = '', PAGES = '4', STORY } = process.env;
const BROWSERS = ['chromium', 'firefox'].filter((name) => name.includes(BROWSER));
const TABLE = new URL('../../target/hostile-network.md', import.meta.url);
/** How much longer than allowed a client is waited for, so that the table says how long it takes. */
const PATIENCE_MS = 7000;
/** How long the last messages may take. */
const REST_MS = 12000;

const chosen = cases.filter(({ name }) => name.toLowerCase().includes(CASE.toLowerCase()));
const results = new Map();
let server;
let addresses = 0;

before(async () => {
  server = await startServer();
});
after(async () => {
  await server?.stop();
  report();
});

for (const name of BROWSERS) {
  describe(name, { concurrency: Number(PAGES) }, () => {
    let opened;
    before(async () => {
      opened = await launch(name);
      // The first client takes a second in a fresh browser and server, which says nothing of a network.
      await run(opened.browser, { network: [], expects: [], within: 3, watch: 0 });
    });
    after(() => opened?.close());

    for (const one of chosen) {
      test(`${name}: ${one.name}`, async () => {
        const result = await run(opened.browser, one);
        results.set(`${name}: ${one.name}`, result);
        if (STORY) console.log(`${one.name}\n${result.story}\n`);
        assert.ok(result.wrong.length === 0, `${result.wrong.join('; ')}\n${result.story}`);
      });
    }
  });
}

const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** An address that no other network has, where the system has more than one of its own. */
function ownAddress() {
  return process.platform === 'linux' ? `127.0.1.${(addresses++ % 250) + 1}` : '127.0.0.1';
}

/** Runs a case: what was measured, what is `wrong` with it, and the story of it. */
async function run(browser, one) {
  const network = await startHostile(server.url, { host: ownAddress() });
  const changes = [];
  let talker;
  try {
    network.set(...one.network);
    talker = await Talker.arrive(browser, network);
    const sinceBegun = await talker.begin(freshName('hostile'));
    const begun = network.time - sinceBegun;
    const phases = [one, ...(one.then ?? [])];
    const patience = one.within * 1000 + PATIENCE_MS;
    for (const [index, phase] of phases.entries()) {
      if (index > 0) {
        network.set(...phase.network);
        if (phase.cut) network.cutAll();
        changes.push({ time: network.time, text: `the network is: ${namesOf(phase) || 'good'}` });
        await talker.mark();
      }
      if (!phase.blocked && !(await talker.hears(patience))) break;
      await seconds(phases[index + 1]?.after ?? one.watch);
    }
    const said = await talker.end(REST_MS);
    const measured = measure(phases, said);
    const lines = [
      ...changes,
      ...said.events.map(({ time, text }) => ({ time: begun + time, text: `client: ${text}` })),
      ...network.log,
    ];
    return {
      ...measured,
      transport: said.transport,
      wrong: judge(one, said, measured),
      story: [...tell(lines), ...talker.complaints].join('\n'),
    };
  } finally {
    await talker?.close();
    await network.stop();
  }
}

function namesOf({ network, cut }) {
  return [...network.map(({ name }) => name), ...(cut ? ['all cut'] : [])].join(', ');
}

/** What happened, in its order; of equal requests in a row or in turns with others the first, and how many. */
function tell(lines) {
  const told = [];
  let equal = new Map();
  for (const line of lines.sort((one, other) => one.time - other.time)) {
    if (line.text) {
      told.push({ ...line, count: 1 });
      equal = new Map();
      continue;
    }
    const path = line.path.split('?')[0].replace(/sessions\/[^/]+/, 'sessions/ID');
    const text = `${line.method} ${path}: ${line.did.join(', ') || 'passed'}`;
    if (!equal.has(text)) {
      equal.set(text, { time: line.time, text, count: 0 });
      told.push(equal.get(text));
    }
    equal.get(text).count++;
  }
  return told.map(
    ({ time, text, count }) => `${(time / 1000).toFixed(2)} ${text}${count > 1 ? ` (${count} times)` : ''}`,
  );
}

/** How long it took until connected, and the longest pause after that, in ms; blocked networks do not count. */
function measure(phases, { marks, times, end }) {
  let connected;
  let pause = 0;
  marks.forEach(({ time: begin }, index) => {
    if (phases[index].blocked) return;
    const finish = marks[index + 1]?.time ?? end;
    const heard = times.filter((time) => time > begin && time <= finish);
    if (connected === undefined) {
      connected = heard.length > 0 ? heard[0] - begin : Infinity;
    } else {
      heard.unshift(begin);
    }
    heard.push(finish);
    for (let i = 1; i < heard.length; i++) pause = Math.max(pause, heard[i] - heard[i - 1]);
  });
  return { connected, pause };
}

function judge(one, said, { connected, pause }) {
  const wrong = [];
  const limit = one.within * 1000;
  const missing = upTo(said.sent).filter((number) => !said.heard.includes(number));
  const repeated = said.heard.filter((number, index) => said.heard.indexOf(number) !== index);
  const disordered = said.heard.filter((number, index) => index > 0 && number < said.heard[index - 1]);
  if (said.marks.length <= (one.then ?? []).length)
    wrong.push('a network carried nothing, the rest was left out');
  if (missing.length > 0) wrong.push(`${missing.length} of ${said.sent} missing`);
  if (repeated.length > 0) wrong.push(`${repeated.length} repeated`);
  if (disordered.length > 0) wrong.push(`${disordered.length} out of order`);
  if (said.refused.length > 0) wrong.push(`refused: ${said.refused.slice(0, 3).join(', ')}`);
  if (said.settled < said.sent) wrong.push(`${said.sent - said.settled} of ${said.sent} not answered`);
  if (connected > limit) wrong.push(`connected after ${inSeconds(connected)}`);
  if (pause > limit) wrong.push(`a pause of ${inSeconds(pause)}`);
  if (!one.expects.includes(said.transport)) wrong.push(`${said.transport} in the end`);
  return wrong;
}

function inSeconds(ms) {
  return ms === Infinity ? 'never' : `${(ms / 1000).toFixed(1)} s`;
}

function report() {
  const head = BROWSERS.flatMap((name) => [`${name}: connected`, 'longest pause', 'in the end']);
  const lines = [
    '# Hostile networks',
    '',
    'Seconds from `connect()`, or from when the network let anything through, until the first message of ten a second had',
    'come back; then the longest pause between two messages, or between a change of the network and the next message.',
    'What is too long or wrong is bold.',
    '',
    `| network | within | ${head.join(' | ')} |`,
    `|---|---|${'---|'.repeat(head.length)}`,
    ...chosen.map(
      (one) => `| ${one.name} | ${one.within} s | ${BROWSERS.map((name) => cells(one, name)).join(' | ')} |`,
    ),
    '',
  ];
  const wrong = [...results].filter(([, result]) => result.wrong.length > 0);
  if (wrong.length > 0) lines.push('## What went wrong', '');
  wrong.forEach(([name, result]) => lines.push(`- ${name}: ${result.wrong.join('; ')}`));
  lines.push(`${wrong.length > 0 ? '\n' : ''}${results.size - wrong.length} of ${results.size} went well.`);
  const text = lines.join('\n') + '\n';
  console.log(text);
  if (CASE || BROWSER) return; // not all of it
  mkdirSync(new URL('.', TABLE), { recursive: true });
  writeFileSync(TABLE, text);
}

function cells(one, name) {
  const result = results.get(`${name}: ${one.name}`);
  if (!result) return ['–', '–', '**did not run**'].join(' | ');
  const limit = one.within * 1000;
  const timed = (ms) => (ms > limit ? `**${inSeconds(ms)}**` : inSeconds(ms));
  const fits = one.expects.includes(result.transport);
  const end = fits ? result.transport : `**${result.transport}**`;
  return [timed(result.connected), timed(result.pause), end].join(' | ');
}
