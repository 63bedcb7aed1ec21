/** Several tabs of a browser that share one connection, of which any may close or crash at any moment. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { launch } from '../support/browsers.mjs';
import { freshName } from '../support/clients.mjs';
import { startServer } from '../support/server.mjs';
import { until, upTo } from '../support/wait.mjs';

let server;

before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** How many sessions the server opened since, seen by a proxy that every tab goes through. */
async function countingProxy(target) {
  const proxy = { sessions: 0, sockets: 0 };
  const upstream = new URL(target);
  const forward = (request) => ({
    host: upstream.hostname,
    port: upstream.port,
    method: request.method,
    path: request.url,
    headers: request.headers,
    agent: false,
  });
  const inner = http.createServer((request, response) => {
    if (request.url === '/page') {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end('<!doctype html><title>Tab</title><script src="/footbridge.min.js"></script>');
      return;
    }
    if (request.method === 'POST' && request.url === '/sessions') proxy.sessions++;
    const out = http.request(forward(request), (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    out.on('error', () => response.destroy());
    response.on('close', () => out.destroy());
    request.pipe(out);
  });
  inner.on('upgrade', (request, socket) => {
    proxy.sockets++;
    const out = http.request(forward(request));
    out.on('upgrade', (answer, far, head) => {
      const headers = answer.rawHeaders.reduce(
        (text, part, index) => text + part + (index % 2 === 0 ? ': ' : '\r\n'),
        '',
      );
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
      socket.write(head);
      far.pipe(socket).pipe(far);
      far.on('error', () => socket.destroy());
      socket.on('error', () => far.destroy());
    });
    out.on('error', () => socket.destroy());
    out.end();
  });
  await new Promise((resolve) => inner.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${inner.address().port}`;
  proxy.stop = () => {
    inner.closeAllConnections();
    return new Promise((resolve) => inner.close(resolve));
  };
  return proxy;
}

/** Runs in a tab: keeps what a channel says, and what its calls answer. */
function begin(name) {
  const client = window.Footbridge.connect({ tabs: window.Footbridge.tabs() });
  const channel = client.channel(name);
  const tab = { client, heard: [], gaps: 0, errors: [], resets: [] };
  client.on('gap', () => tab.gaps++);
  client.on('error', (error) => tab.errors.push(error.code));
  client.on('reset', ({ code }) => tab.resets.push(code));
  window.tab = tab;
  return channel.subscribe(({ data }) => tab.heard.push(data)).then(() => undefined);
}

for (const name of ['chromium', 'firefox']) {
  describe(`tabs in ${name}`, () => {
    let opened;
    let proxy;
    before(async () => {
      opened = await launch(name);
      proxy = await countingProxy(server.url);
    });
    after(async () => {
      await opened?.close();
      await proxy?.stop();
    });

    const arrive = async (channel) => {
      const page = await opened.browser.newPage({ type: 'window' });
      await page.goto(`${proxy.url}/page`);
      await page.evaluate(begin, channel);
      return page;
    };
    const heard = (page) => page.evaluate(() => window.tab.heard);
    const publish = (page, channel, data) =>
      page.evaluate((c, d) => window.tab.client.channel(c).publish(d), channel, data);

    test(`${name}: three tabs have one session, and each hears everything once and in order`, async () => {
      const channel = freshName();
      const before = proxy.sessions;
      const pages = [await arrive(channel), await arrive(channel), await arrive(channel)];
      assert.equal(proxy.sessions - before, 1);
      for (const number of upTo(9)) await publish(pages[number % 3], channel, number);
      for (const page of pages) {
        await until('all arrived', async () => (await heard(page)).length >= 9);
        assert.deepEqual(await heard(page), upTo(9));
      }
      const sessions = await Promise.all(pages.map((page) => page.evaluate(() => window.tab.client.session)));
      assert.equal(new Set(sessions).size, 1);

      // One that comes later is given what it asks for of the past.
      const late = await opened.browser.newPage({ type: 'window' });
      await late.goto(`${proxy.url}/page`);
      const last = await late.evaluate(async (c) => {
        const client = window.Footbridge.connect({ tabs: window.Footbridge.tabs() });
        const got = [];
        await client.channel(c).subscribe(({ data }) => got.push(data), { last: 3 });
        await client.channel(c).publish(10);
        while (got.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
        client.close();
        return got;
      }, channel);
      assert.deepEqual(last, [7, 8, 9, 10]);
      for (const page of [late, ...pages]) await page.close();
    });

    for (const [how, leave] of [
      ['closes', (page) => page.close()],
      ['leaves for another page', (page) => page.goto('about:blank')],
      ['closes its client', (page) => page.evaluate(() => window.tab.client.close())],
    ]) {
      test(`${name}: when the tab that leads ${how}, another takes over and nothing is lost`, async () => {
        const channel = freshName();
        const pages = [];
        for (let i = 0; i < 3; i++) pages.push(await arrive(channel));
        const writer = pages[2];
        await writer.evaluate((c) => {
          window.answers = [];
          window.writing = setInterval(() => {
            window.answers.push(window.tab.client.channel(c).publish(window.answers.length + 1));
          }, 20);
        }, channel);
        await until('it flows', async () => (await heard(writer)).length > 20);
        await leave(pages[0]);
        await until('it flows on', async () => (await heard(writer)).length > 80);
        await leave(pages[1]);
        await until('it still flows', async () => (await heard(writer)).length > 140);
        const sent = await writer.evaluate(async () => {
          clearInterval(window.writing);
          await Promise.all(window.answers);
          return window.answers.length;
        });
        await until('all arrived', async () => (await heard(writer)).length >= sent);
        assert.deepEqual(await heard(writer), upTo(sent));
        const { gaps, errors } = await writer.evaluate(() => ({
          gaps: window.tab.gaps,
          errors: window.tab.errors,
        }));
        assert.deepEqual([gaps, errors], [0, []]);
        for (const page of pages) if (!page.isClosed()) await page.close();
      });
    }

    test(`${name}: procedures are offered and called across tabs, and end with their tab`, async () => {
      const channel = freshName();
      const procedure = freshName('procedure');
      const [one, two] = [await arrive(channel), await arrive(channel)];
      await two.evaluate(
        (p) =>
          window.tab.client.register(p, (data) =>
            data === 'stay' ? new Promise(() => undefined) : data + 1,
          ),
        procedure,
      );
      assert.equal(await one.evaluate((p) => window.tab.client.call(p, 41), procedure), 42);
      const unanswered = one.evaluate(
        (p) =>
          window.tab.client.call(p, 'stay').then(
            () => 'answered',
            (error) => error.code,
          ),
        procedure,
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
      await two.close();
      assert.equal(await unanswered, 'interrupted');
      await until('nobody offers it any more', () =>
        one.evaluate(
          (p) =>
            window.tab.client.call(p, 1).then(
              () => false,
              (error) => error.code === 'no_callee',
            ),
          procedure,
        ),
      );
      await one.close();
    });
  });
}
