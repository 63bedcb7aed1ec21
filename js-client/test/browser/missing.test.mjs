/**
 * The client in two real browsers that lack something, on a page of the server's own: it connects, stands on the best
 * transport of what is left, and messages go both ways in order. And in workers.
 *
 * CASE runs the cases whose names contain it, BROWSER one browser, PAGES so many pages at a time.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from '../support/browsers.mjs';
import { clientsOf, freshName } from '../support/clients.mjs';
import { startServer } from '../support/server.mjs';
import { until, upTo } from '../support/wait.mjs';

const { CASE = '', BROWSER = '', PAGES = '4' } = process.env;
const BROWSERS = ['chromium', 'firefox'].filter((name) => name.includes(BROWSER));
/** A document of the server's origin in which nothing runs by itself. */
const PLAIN = '/footbridge.js';
const SCRIPT = '/footbridge.min.js';
const MODULE = '/footbridge.min.mjs';
const MANY = 20;
const RUNGS = ['websocket', 'sse', 'stream', 'longpoll'];

/** What a page lacks by this name; most are properties of the window. */
const OTHERS = {
  'Response.body': () => delete Response.prototype.body,
  progress: () => delete XMLHttpRequestEventTarget.prototype.onprogress,
  localStorage: () =>
    Object.defineProperty(window, 'localStorage', {
      get() {
        throw new Error('not allowed here');
      },
    }),
};

const CASES = [
  // What is missing, and where each file stands then; the module needs fetch and what came with it.
  { without: '', script: 'websocket', module: 'websocket' },
  { without: 'WebSocket', script: 'sse', module: 'sse' },
  { without: 'EventSource', script: 'websocket', module: 'websocket' },
  { without: 'fetch', script: 'websocket' },
  { without: 'Promise', script: 'websocket' },
  { without: 'ReadableStream', script: 'websocket', module: 'websocket' },
  { without: 'Response.body', script: 'websocket', module: 'websocket' },
  { without: 'AbortController', script: 'websocket' },
  { without: 'TextDecoder', script: 'websocket' },
  { without: 'localStorage', script: 'websocket', module: 'websocket' },
  { without: 'crypto', script: 'websocket', module: 'websocket' },
  { without: 'XMLHttpRequest', script: 'websocket', module: 'websocket' },
  { without: 'WebSocket EventSource XMLHttpRequest', script: 'sse', module: 'sse' },
  { without: 'WebSocket ReadableStream', script: 'sse', module: 'sse' },
  { without: 'WebSocket fetch', script: 'sse' },
  { without: 'WebSocket Response.body', script: 'sse', module: 'longpoll' },
  { without: 'WebSocket AbortController', script: 'sse' },
  { without: 'WebSocket TextDecoder', script: 'sse' },
  { without: 'WebSocket EventSource fetch', script: 'stream' },
  { without: 'WebSocket EventSource Response.body', script: 'stream' },
  { without: 'WebSocket EventSource AbortController', script: 'stream' },
  { without: 'WebSocket EventSource TextDecoder', script: 'stream' },
  { without: 'WebSocket EventSource fetch progress', script: 'longpoll' },
  {
    without:
      'WebSocket EventSource fetch Promise ReadableStream Response AbortController TextDecoder localStorage crypto progress',
    script: 'longpoll',
  },
  {
    without:
      'WebSocket EventSource fetch Promise ReadableStream Response AbortController TextDecoder localStorage crypto',
    script: 'stream',
  },
];

let server;
const clients = clientsOf(() => server.url);

before(async () => {
  server = await startServer();
});
after(async () => {
  clients.closeAll();
  await server?.stop();
});

for (const name of BROWSERS) {
  describe(name, { concurrency: Number(PAGES) }, () => {
    let opened;
    before(async () => {
      opened = await launch(name);
    });
    after(() => opened?.close());

    for (const { without, ...files } of CASES) {
      for (const [kind, transport] of Object.entries(files)) {
        const title = `${name}: the ${kind}, ${without ? `without ${without}` : 'with everything'}, on ${transport}`;
        if (!title.includes(CASE)) continue;
        test(title, () => inPage(opened.browser, without, kind, transport));
      }
    }
    for (const kind of ['script', 'module']) {
      for (const [without, transport] of [
        ['', 'websocket'],
        ['WebSocket', 'sse'],
      ]) {
        const title = `${name}: the ${kind} in a worker${without && ` without ${without}`}, on ${transport}`;
        if (!title.includes(CASE)) continue;
        test(title, () => inWorker(opened.browser, without, kind, transport));
      }
    }
  });
}

async function inPage(browser, without, kind, transport) {
  await withPage(browser, async (page) => {
    const names = without ? without.split(' ') : [];
    for (const missing of names) {
      if (OTHERS[missing]) await page.evaluateOnNewDocument(OTHERS[missing]);
      else await page.evaluateOnNewDocument(remove, missing);
    }
    await page.goto(server.url + PLAIN);
    assert.deepEqual(await page.evaluate(remaining, names), []);
    await page.evaluate(kind === 'script' ? loadScript : loadModule, kind === 'script' ? SCRIPT : MODULE);
    await until('the library is there', () => page.evaluate(() => Boolean(window.Footbridge)));
    await page.evaluate(`window.talk = (${talk})(window.Footbridge)`);
    await converse(
      (method, ...given) => page.evaluate((it, more) => window.talk[it](...more), method, given),
      transport,
      kind === 'script',
    );
  });
}

async function inWorker(browser, without, kind, transport) {
  await withPage(browser, async (page) => {
    await page.goto(server.url + PLAIN);
    const load =
      kind === 'script'
        ? `importScripts('${server.url}${SCRIPT}'); const library = Footbridge;`
        : `const library = await import('${server.url}${MODULE}');`;
    const code = `
      ${without && `delete self.${without};`}
      ${load}
      const talk = (${talk})(library);
      self.onmessage = ({ data: [id, method, given] }) => self.postMessage([id, talk[method](...given)]);
      self.postMessage(['ready']);`;
    await page.evaluate(startWorker, code, kind === 'script' ? 'classic' : 'module');
    await until('the worker is ready', () => page.evaluate(() => window.answers.ready));
    let asked = 0;
    await converse(async (method, ...given) => {
      const id = ++asked;
      await page.evaluate((message) => window.worker.postMessage(message), [id, method, given]);
      const answer = () => page.evaluate((it) => window.answers[it], id);
      return (await until(`the worker answers to ${method}`, answer)).value;
    }, transport);
  });
}

/**
 * What the client in the page says is heard here, and the other way round.
 *
 * @param chooses whether it knows what is missing before it tries; a better transport is not even offered then
 */
async function converse(talk, transport, chooses) {
  const name = freshName('missing');
  const heard = [];
  const here = await clients.across();
  await here.channel(name).subscribe(({ data }) => heard.push(data));

  await talk('begin', server.url, name);
  await until('it has subscribed', async () => (await talk('report')).subscribed);
  await talk('publish', upTo(MANY));
  await until('what it said was heard', () => heard.length === MANY);
  await until(`it stands on ${transport}`, async () => (await talk('report')).transport === transport);
  await talk('publish', [MANY + 1]);
  await until('that was heard too', () => heard.length === MANY + 1);
  for (const number of upTo(MANY)) here.channel(name).publish(-number);
  await until('it has heard all', async () => (await talk('report')).heard.length === 2 * MANY + 1);

  const report = await talk('report');
  const all = [...upTo(MANY + 1), ...upTo(MANY).map((number) => -number)];
  assert.deepEqual(report.heard, all);
  assert.deepEqual(heard, all);
  assert.deepEqual(report.failures, []);
  assert.deepEqual([report.transport, report.state], [transport, 'online']);
  if (chooses) {
    const better = RUNGS.slice(0, RUNGS.indexOf(transport));
    assert.deepEqual(
      await talk('unavailable', better),
      better.map(() => 'unavailable'),
    );
  }
  await talk('end');
  here.close();
}

/** A page with cookies and storage of its own; what it complains of fails the test. */
async function withPage(browser, action) {
  const complaints = [];
  const { context, page } = await inTurn(async () => {
    const context = await browser.createBrowserContext();
    // What is in the background is slowed down, and does not look for a better transport.
    return { context, page: await context.newPage({ type: 'window' }) };
  });
  try {
    page.on('pageerror', (error) => complaints.push(String(error)));
    await action(page);
    assert.deepEqual(complaints, []);
  } catch (error) {
    if (complaints.length > 0) error.message += `\nThe page complained: ${complaints.join('; ')}`;
    throw error;
  } finally {
    await inTurn(() => context.close());
  }
}

/** Firefox loses windows that are opened and closed at the same time. */
let last = Promise.resolve();
function inTurn(action) {
  const turn = last.then(action);
  last = turn.catch(() => undefined);
  return turn;
}

// What follows is run in pages and workers.

function remove(name) {
  delete window[name];
  if (name in window) Object.defineProperty(window, name, { value: undefined });
}

/** Which of these are there all the same. */
function remaining(names) {
  return names.filter((name) => {
    if (name === 'Response.body') return 'body' in Response.prototype;
    if (name === 'progress') return 'onprogress' in new XMLHttpRequest();
    try {
      return window[name] !== undefined;
    } catch {
      return false;
    }
  });
}

function loadScript(path) {
  const script = document.createElement('script');
  script.src = path;
  document.head.appendChild(script);
}

function loadModule(path) {
  const script = document.createElement('script');
  script.type = 'module';
  script.textContent = `import * as library from '${path}'; window.Footbridge = library;`;
  document.head.appendChild(script);
}

function startWorker(code, type) {
  window.answers = {};
  window.worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })), { type });
  window.worker.onmessage = ({ data: [id, value] }) => (window.answers[id] = { value });
}

/** A client that does as it is told. Needs no promises. */
function talk(library) {
  const heard = [];
  const failures = [];
  const settled = (error) => error && failures.push(error.code);
  let subscribed = false;
  let client;
  let channel;
  return {
    begin(url, name) {
      client = library.connect(url);
      client.on('error', settled);
      channel = client.channel(name);
      channel.subscribe(
        ({ data }) => heard.push(data),
        {},
        (error) => {
          settled(error);
          subscribed = !error;
        },
      );
      return true;
    },
    publish(numbers) {
      for (const number of numbers) channel.publish(number, {}, settled);
      return true;
    },
    report: () => ({ heard, failures, subscribed, transport: client.transport, state: client.state }),
    unavailable(names) {
      return names.map((name) => {
        try {
          client.debug.force(name);
        } catch (error) {
          return error.code;
        }
        return 'there';
      });
    },
    end() {
      client.close();
      return true;
    },
  };
}
