/** The doctor's page in two real browsers: on a plain network, and on several that do harm. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { parse } from 'acorn';
import { launch, SCREENSHOTS } from '../support/browsers.mjs';
import { startProxy } from '../support/proxy.mjs';
import { startServer } from '../support/server.mjs';
import { until } from '../support/wait.mjs';

const SUBJECTS = ['reach', 'websocket', 'sse', 'stream', 'longpoll', 'shortpoll', 'jsonp'];
const WHOLE_MS = 60000;
const isStream = (request) => /^\/probe\/(events|stream)/.test(request.url);

let server;
let browsers;
const toStop = [];

before(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browsers = { chromium: await launch('chromium'), firefox: await launch('firefox') };
});
after(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((one) => one.close()));
  await Promise.all(toStop.map((stop) => stop()));
  await server?.stop();
});

/**
 * A network that treats what comes down in a way of its own: `down(request, answer, response)` gets the server's
 * answer and what leads to the browser. WebSockets are opened and their frames swallowed, if that is wanted.
 */
async function badNetwork({ down = (request, answer, response) => answer.pipe(response), swallow = false }) {
  const { hostname, port } = new URL(server.url);
  const sockets = new Set();
  const proxy = http.createServer((request, response) => {
    const { method, url, headers } = request;
    const forward = http.request({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
      if (down !== portal && down !== endlessTitle) response.writeHead(answer.statusCode, answer.headers);
      down(request, answer, response);
    });
    forward.on('error', () => request.socket.destroy());
    response.on('close', () => forward.destroy());
    request.pipe(forward);
  });
  proxy.on('upgrade', (request, socket) => {
    const forward = net.connect(port, hostname, () => {
      const { rawHeaders } = request;
      const headers = rawHeaders.map((part, i) => part + (i % 2 ? '\r\n' : ': ')).join('');
      forward.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      if (!swallow) socket.pipe(forward);
    });
    if (swallow)
      forward.once('data', (chunk) => socket.write(chunk.subarray(0, chunk.indexOf('\r\n\r\n') + 4)));
    else forward.pipe(socket);
    for (const [one, other] of [
      [socket, forward],
      [forward, socket],
    ]) {
      one.on('error', () => undefined).on('close', () => other.destroy());
    }
  });
  proxy.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))));
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  toStop.push(() => {
    sockets.forEach((socket) => socket.destroy());
    return new Promise((resolve) => proxy.close(resolve));
  });
  return `http://127.0.0.1:${proxy.address().port}`;
}

/** Puts a page of its own in the place of all but the doctor's. */
function portal(request, answer, response) {
  if (request.url.startsWith('/doctor')) {
    response.writeHead(answer.statusCode, answer.headers);
    return answer.pipe(response);
  }
  answer.resume();
  response.writeHead(200, { 'Content-Type': 'text/html' });
  return response.end('<html><title>Welcome to the hotel</title></html>');
}

/** A page that is all beginnings of titles; a pattern that looks for its end everywhere takes very long. */
function endlessTitle(request, answer, response) {
  if (!isStream(request) && !request.url.startsWith('/probe/poll?wait')) {
    response.writeHead(answer.statusCode, answer.headers);
    return answer.pipe(response);
  }
  answer.resume();
  response.writeHead(200, { 'Content-Type': 'text/html' });
  return response.end('<title'.repeat(50000));
}

/** Values as fast as they are taken. */
function flood(request, answer, response) {
  if (!isStream(request)) return answer.pipe(response);
  answer.resume();
  const values = (request.url.startsWith('/probe/events') ? 'data: {}\n\n' : '{}\n').repeat(5000);
  const more = () => {
    while (response.writable && response.write(values));
  };
  response.on('drain', more);
  return more();
}

async function blockedWebSockets() {
  const proxy = await startProxy(server.url);
  proxy.blocked = (request) => (request.headers.upgrade ? 'cut' : undefined);
  toStop.push(proxy.stop);
  return proxy.url;
}

class Patient {
  /** What the page complained of. */
  complaints = [];
  errors = [];

  constructor(page) {
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  static async arrive(browser, url, { width = 1100, height = 900, without = [] } = {}) {
    // A window of its own: a page behind another one is painted late, and its timers are slowed down.
    const window = await browser.createBrowserContext();
    const patient = new Patient(await window.newPage());
    patient.leave = () => window.close();
    await patient.page.setViewport({ width, height });
    await patient.page.evaluateOnNewDocument(
      (names) => names.forEach((name) => delete window[name]),
      without,
    );
    await patient.page.goto(`${url}/doctor`);
    return patient;
  }

  run(script, ...args) {
    return this.page.evaluate(script, ...args);
  }

  text(selector) {
    return this.run((s) => document.querySelector(s).textContent.trim(), selector);
  }

  /** What is known of a subject for certain. */
  verdict(subject) {
    return until(
      `${subject} is examined`,
      () =>
        this.run((id) => {
          const { verdict, last } = document.getElementById(id).dataset;
          return last && verdict;
        }, subject),
      WHOLE_MS,
    );
  }

  async verdicts() {
    const all = {};
    for (const subject of SUBJECTS) all[subject] = await this.verdict(subject);
    return all;
  }

  report() {
    return this.run(() => document.getElementById('text').value);
  }
}

const allOf = (verdict) => Object.fromEntries(SUBJECTS.map((subject) => [subject, verdict]));

test('the script needs nothing newer than ES5', () => {
  const file = '../../../bridge/src/main/resources/dev/footbridge/doctor/doctor.js';
  parse(readFileSync(new URL(file, import.meta.url), 'utf8'), { ecmaVersion: 5 });
});

for (const name of ['chromium', 'firefox']) {
  test(`in ${name}`, { concurrency: true }, async (t) => {
    const { browser } = browsers[name];
    const networks = {
      blocked: await blockedWebSockets(),
      swallowing: await badNetwork({ swallow: true }),
      buffering: await badNetwork({
        down: async (request, answer, response) => {
          if (!isStream(request)) return answer.pipe(response);
          const pieces = [];
          for await (const piece of answer) pieces.push(piece);
          return response.end(Buffer.concat(pieces));
        },
      }),
      cutting: await badNetwork({
        down: (request, answer, response) => {
          answer.pipe(response);
          if (isStream(request)) setTimeout(() => response.socket?.destroy(), 1500);
        },
      }),
      portal: await badNetwork({ down: portal }),
      titles: await badNetwork({ down: endlessTitle }),
      flooding: await badNetwork({ down: flood }),
    };

    const cases = [];
    const examined = (title, url, options, check) =>
      cases.push(
        t.test(title, async () => {
          const patient = await Patient.arrive(browser, url, options);
          await check(patient);
          await patient.page.screenshot({
            path: `${SCREENSHOTS}doctor-${name}-${title.replaceAll(' ', '-')}.png`,
          });
          // Firefox counts a refused handshake among the errors; a page in place of a script is one in any browser.
          const expected = /can’t establish a connection|SyntaxError|expected expression/;
          assert.deepEqual(
            patient.errors.filter((text) => !expected.test(text)),
            [],
          );
          await patient.leave();
        }),
      );

    examined('a plain network is all right', server.url, {}, async (patient) => {
      assert.deepEqual(await patient.verdicts(), allOf('works'));
      assert.equal(
        await patient.text('#verdict'),
        'Everything gets through. The client will use WebSocket here.',
      );
      const report = await patient.report();
      assert.ok(report.includes(`server: ${server.url}/\n`), report);
      assert.match(report, /browser: Mozilla/);
      for (const subject of ['WebSocket', 'Server-Sent Events', 'JSONP']) {
        assert.match(report, new RegExp(`^${subject}: works\\.`, 'm'));
      }
      assert.doesNotMatch(report, /[A-Za-z0-9]{1,16}\.[A-Za-z0-9_-]{22}|sessions\/|cookie/i);
      assert.deepEqual(patient.complaints, []);

      await patient.run(() => document.getElementById('copy').click());
      await until('it says so', async () => (await patient.text('#copied')) !== '');
      const runs = () => patient.run(() => !document.body.dataset.done);
      assert.ok(!(await runs()));
      await patient.run(() => document.getElementById('again').click());
      assert.ok(await runs());
      assert.equal(await patient.verdict('shortpoll'), 'works');
    });

    examined('a blocked WebSocket is named', networks.blocked, {}, async (patient) => {
      assert.equal(await patient.verdict('websocket'), 'blocked');
      assert.match(await patient.text('#websocket .detail'), /close code 1006/);
      assert.deepEqual(await patient.verdicts(), { ...allOf('works'), websocket: 'blocked' });
      assert.match(await patient.text('#verdict'), /^The client will use Server-Sent Events here\./);
      assert.ok(await patient.run(() => !!document.getElementById('rung-sse').dataset.used));
      assert.ok(await patient.run(() => !!document.getElementById('rung-websocket').dataset.broken));
    });

    examined('a swallowed WebSocket is named', networks.swallowing, {}, async (patient) => {
      assert.equal(await patient.verdict('websocket'), 'swallowed');
      assert.match(await patient.text('#websocket .detail'), /^It opens, but what the server says/);
    });

    examined('streams that are held back are named', networks.buffering, {}, async (patient) => {
      for (const stream of ['sse', 'stream']) {
        assert.equal(await patient.verdict(stream), 'buffered');
        assert.match(await patient.text(`#${stream} .detail`), /^The whole answer is held back/);
      }
    });

    examined('streams that are cut are named', networks.cutting, {}, async (patient) => {
      for (const stream of ['sse', 'stream']) {
        assert.equal(await patient.verdict(stream), 'cut');
        assert.match(await patient.text(`#${stream} .detail`), /^It is cut after [12]\.\d s/);
      }
    });

    examined('a portal that answers is named', networks.portal, {}, async (patient) => {
      assert.equal(await patient.verdict('reach'), 'foreign');
      assert.match(await patient.text('#reach .detail'), /“Welcome to the hotel”/);
      assert.equal(await patient.verdict('stream'), 'foreign');
      assert.equal(await patient.verdict('jsonp'), 'foreign');
    });

    examined(
      'a browser that cannot fetch reads events as events',
      server.url,
      { without: ['fetch'] },
      async (patient) => {
        assert.equal(await patient.verdict('sse'), 'works');
      },
    );

    // What keeps a browser busy is examined when nothing else is.
    await Promise.all(cases.splice(0));
    examined('a page without an end of its title freezes nothing', networks.titles, {}, async (patient) => {
      const began = Date.now();
      assert.equal(await patient.verdict('stream'), 'foreign');
      assert.equal(await patient.verdict('sse'), 'foreign');
      assert.ok(Date.now() - began < 20000);
    });

    await Promise.all(cases.splice(0));
    examined('a flood of values is named, and drawn only in part', networks.flooding, {}, async (patient) => {
      for (const stream of ['sse', 'stream']) {
        assert.equal(await patient.verdict(stream), 'foreign');
        assert.match(await patient.text(`#${stream} .detail`), /200 values came/);
        const marks = await patient.run(
          (id) => document.querySelectorAll(`#${id} circle.came`).length,
          stream,
        );
        assert.ok(marks <= 200, `${marks} marks`);
      }
    });

    await Promise.all(cases);

    await t.test('an old browser is examined with what it has, on a phone', async () => {
      const without = ['WebSocket', 'EventSource', 'fetch'];
      const patient = await Patient.arrive(browser, server.url, { width: 390, height: 844, without });
      await until('the streams are there', () =>
        patient.run(() =>
          ['sse', 'stream'].every((id) => document.getElementById(id).dataset.verdict === 'works'),
        ),
      );
      assert.equal(await patient.verdict('websocket'), 'untried');
      await until('there is a first verdict', async () => /^So far: /.test(await patient.text('#verdict')));
      const [content, window] = await patient.run(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= window, `${content} px in ${window}`);
      const nameless = await patient.run(() =>
        [...document.querySelectorAll('button, a, textarea, progress, svg[role=img]')]
          .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.getAttribute('aria-labelledby')))
          .map((one) => one.outerHTML),
      );
      assert.deepEqual(nameless, []);
      await patient.page.screenshot({ path: `${SCREENSHOTS}doctor-${name}-phone.png`, fullPage: true });
      assert.deepEqual([patient.errors, patient.complaints], [[], []]);
      await patient.leave();
    });
  });
}
