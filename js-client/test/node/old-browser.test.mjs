/** The minified ES5 file where there is neither Promise nor fetch, WebSocket nor EventSource. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshName } from '../support/clients.mjs';
import { oldBrowser } from '../support/old-browser.mjs';
import { startServer } from '../support/server.mjs';
import { until, upTo } from '../support/wait.mjs';

const FILE = fileURLToPath(new URL('../../dist/footbridge.min.js', import.meta.url));
let server;

before(async () => {
  server = await startServer();
});
after(() => server?.stop());

for (const transport of [undefined, 'stream', 'longpoll', 'shortpoll', 'jsonp']) {
  test(`an old browser takes part by callbacks, ${transport ? `on ${transport}` : 'on what it finds'}`, async () => {
    const { Footbridge } = oldBrowser(server.url, FILE);
    const client = Footbridge.connect({ transport, token: 'guest:guest-17' });
    try {
      const answers = [];
      const take = (error, result) => answers.push(error || result);
      const heard = [];
      const channel = client.channel(freshName());
      assert.equal(
        channel.subscribe((message) => heard.push(message.data), {}, take),
        undefined,
      );
      await until('the subscription stands', () => answers.length === 1);
      assert.equal(answers[0].offset, 0);
      upTo(30).forEach((number) => channel.publish(number, {}, take));
      await until('all arrived and were answered', () => heard.length === 30 && answers.length === 31);
      assert.deepEqual(heard, upTo(30));

      client.call('demo.seats.list', null, {}, take);
      await until('the call was answered', () => answers.length === 32);
      assert.equal(answers[31].columns, 12);
      client.call(freshName('procedure'), null, {}, take);
      await until('the bad call was answered', () => answers.length === 33);
      assert.equal(answers[32].code, 'no_callee');

      client.debug.drop();
      channel.publish(31, {}, take);
      await until('the last arrived after a break', () => heard.length === 31 && client.state === 'online');
      await until('the best is found', () => client.transport === (transport || 'stream'));
    } finally {
      client.close();
    }
  });
}
