/**
 * What an idle client costs: requests a minute and processor time of its page, in a tab that nobody looks at and in one
 * that somebody does, on long polling and on a WebSocket. Prints a table. Chromium only, which tells what a page used.
 *
 *   FOOTBRIDGE_JAR=../bridge/target/footbridge.jar node bench/idle.mjs [--seconds 120]
 */
import { parseArgs } from 'node:util';
import { launch } from '../test/support/browsers.mjs';
import { freshName } from '../test/support/clients.mjs';
import { PAGE, startHostile } from '../test/support/hostile.mjs';
import { startServer } from '../test/support/server.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '120' } } });
const seconds = Number(values.seconds);

/** Runs in the page. */
async function settle(name, transport) {
  const client = window.Footbridge.connect({ transport });
  await client.channel(name).subscribe(() => undefined);
}

const server = await startServer();
const { browser, close } = await launch('chromium');
console.log(`Chromium, ${seconds} s without any message\n`);
console.log('| tab | transport | requests a minute | processor |\n|---|---|---|---|');
for (const tab of ['in the background', 'in front']) {
  for (const transport of ['longpoll', 'websocket']) {
    const network = await startHostile(server.url);
    const page = await browser.newPage();
    await page.goto(network.url + PAGE);
    await page.evaluate(settle, freshName('idle'), transport);
    const cover = tab === 'in front' ? undefined : await browser.newPage();
    await (cover ?? page).bringToFront();
    const state = await page.evaluate(() => document.visibilityState);
    if (state !== (cover ? 'hidden' : 'visible')) throw new Error(`the page is ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const [requests, { TaskDuration }] = [network.log.length, await page.metrics()];
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const used = (await page.metrics()).TaskDuration - TaskDuration;
    const rate = ((network.log.length - requests) * 60) / seconds;
    console.log(`| ${tab} | ${transport} | ${rate.toFixed(1)} | ${((used / seconds) * 100).toFixed(2)} % |`);
    await cover?.close();
    await page.close();
    await network.stop();
  }
}
await close();
await server.stop();
