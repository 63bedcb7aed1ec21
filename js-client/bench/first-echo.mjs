/**
 * How long until the first echo: from `connect()` in a fresh page until its first message has come back to it, and until
 * a WebSocket carries the session, on a line whose round trip takes 100 ms, with every connection new. Prints a table.
 *
 *   FOOTBRIDGE_JAR=../bridge/target/footbridge.jar node bench/first-echo.mjs [--browser chromium] [--runs 15]
 */
import { parseArgs } from 'node:util';
import { launch } from '../test/support/browsers.mjs';
import { freshName } from '../test/support/clients.mjs';
import {
  delay,
  hangUpgrade,
  PAGE,
  refuseUpgrade,
  startHostile,
  swallowFrames,
} from '../test/support/hostile.mjs';
import { startServer } from '../test/support/server.mjs';

const RTT_MS = 100;
const NETWORKS = {
  'nothing in the way': [],
  'WebSocket refused': [refuseUpgrade(403)],
  'WebSocket never answered': [hangUpgrade()],
  'WebSocket opens and swallows': [swallowFrames()],
};
const { values } = parseArgs({
  options: { browser: { type: 'string', default: 'chromium' }, runs: { type: 'string', default: '15' } },
});

/** Runs in the page. */
function measure(name, url) {
  const began = performance.now();
  const client = window.Footbridge.connect(url);
  const result = {};
  const time = () => performance.now() - began;
  client.on('transport', (transport) => (result[transport] ??= time()));
  return new Promise((resolve) => {
    client.channel(name).subscribe(() => (result.echo ??= time()));
    client.channel(name).publish('first');
    setTimeout(() => {
      client.close();
      resolve(result);
    }, 1500);
  });
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const shown = (numbers) => {
  const known = numbers.filter((number) => number !== undefined);
  if (known.length < numbers.length / 2) return '–';
  return `${median(known).toFixed(0)} ms (${(median(known) / RTT_MS).toFixed(1)} RTT)`;
};

const server = await startServer();
const { browser, close } = await launch(values.browser);
console.log(`${values.browser}, round trips of ${RTT_MS} ms, medians of ${values.runs} runs\n`);
console.log('| network | first echo | WebSocket carries |\n|---|---|---|');
let address = 0;
for (const [name, behaviours] of Object.entries(NETWORKS)) {
  const results = [];
  for (let run = -1; run < Number(values.runs); run++) {
    // An address of its own for each run: nothing of the browser's connections is left from the one before.
    const far = await startHostile(server.url, { host: `127.0.2.${(address++ % 250) + 1}` });
    const page = await browser.newPage();
    await page.goto(far.url + PAGE);
    far.set(delay(RTT_MS), ...behaviours);
    far.cutAll();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const result = await page.evaluate(measure, freshName('echo'), far.url);
    if (run >= 0) results.push(result); // the first one warms up
    await page.close();
    await far.stop();
  }
  const of = (key) => shown(results.map((result) => result[key]));
  console.log(`| ${name} | ${of('echo')} | ${of('websocket')} |`);
}
await close();
await server.stop();
