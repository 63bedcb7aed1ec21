/** Several tabs with one connection, on a platform whose locks, channels and requests the test plays. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Client } from '../../target/es5/api/client.js';
import { tabs } from '../../target/es5/tabs/tabs.js';
import { longpoll } from '../../target/es5/transports/poll.js';

const WELCOME = { op: 'welcome', session: 's', resumed: false, received: 0, after: 0, ping: 25 };
const GROUP = 'footbridge http://h';

let clients;
/** The open channels between tabs. */
let buses;
/** The names of all locks that were asked for. */
let locks;
let asked;
let forbidden;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1e12 });
  mock.method(Math, 'random', () => 0.999);
  mock.method(performance, 'now', () => Date.now());
  clients = [];
  buses = new Set();
  locks = [];
  asked = [];
  forbidden = {};
  globalThis.BroadcastChannel = FakeChannel;
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { locks: new FakeLocks() } });
});
afterEach(async () => {
  clients.forEach((client) => client.close());
  await flush();
  mock.restoreAll();
  mock.timers.reset();
  delete globalThis.document;
});

class FakeChannel {
  constructor(name) {
    if (forbidden.channel) throw new Error('forbidden');
    this.name = name;
    buses.add(this);
  }
  postMessage(data) {
    assert.ok(buses.has(this), 'a closed channel is used');
    for (const bus of buses) {
      if (bus === this || bus.name !== this.name) continue;
      Promise.resolve().then(() => buses.has(bus) && bus.onmessage?.({ data: structuredClone(data) }));
    }
  }
  close() {
    buses.delete(this);
  }
}

class FakeLocks {
  held = new Set();
  queue = [];
  request(name, run) {
    locks.push(name);
    if (forbidden.locks) return Promise.reject(new Error('forbidden'));
    return new Promise((resolve, reject) => {
      this.queue.push({ name, run, resolve, reject });
      this.grant();
    });
  }
  grant() {
    for (const wait of [...this.queue]) {
      if (this.held.has(wait.name)) continue;
      this.queue.splice(this.queue.indexOf(wait), 1);
      this.held.add(wait.name);
      const free = () => {
        this.held.delete(wait.name);
        this.grant();
      };
      Promise.resolve().then(wait.run).then(wait.resolve, wait.reject).then(free);
    }
  }
}

async function flush() {
  for (let i = 0; i < 40; i++) await Promise.resolve();
}

async function pass(ms) {
  for (let at = 0; at < ms; at += 100) {
    mock.timers.tick(100);
    await flush();
  }
}

/** Opens a tab, and lets it look around. */
async function tab(options = {}) {
  const send = (url, body, ms, done) => {
    asked.push({ url, body: body && JSON.parse(body), done });
    return () => undefined;
  };
  const shortpoll = (line) => {
    line.confirmed(0);
    const nothing = () => undefined;
    return { flush: nothing, close: nothing, check: nothing, acknowledge: nothing };
  };
  const client = new Client({ send, streams: {}, transports: { longpoll, shortpoll } }, 'http://h', {
    tabs: tabs(),
    ...options,
  });
  clients.push(client);
  client.told = [];
  client.on('error', ({ code }) => client.told.push(`error ${code}`));
  client.on('state', (state) => client.told.push(state));
  client.on('resume', () => client.told.push('resume'));
  client.on('reset', ({ code }) => client.told.push(`reset ${code}`));
  client.on('reconnect', ({ code }) => client.told.push(`reconnect ${code}`));
  await pass(200);
  return client;
}

const openings = () => asked.filter(({ url }) => /sessions$/.test(url));
/** The server answers the opening. */
async function opens(more) {
  openings()
    .at(-1)
    .done({ status: 201, body: { ...WELCOME, ...more } });
  await pass(100);
}
const visible = (visibilityState) =>
  (globalThis.document = {
    visibilityState,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  });
const polls = () => asked.filter(({ url }) => /poll\?/.test(url));
/** A tab of another make, that says what it likes and hears everything. */
function stranger() {
  const heard = [];
  const bus = new FakeChannel(GROUP);
  bus.onmessage = ({ data }) => heard.push(data);
  return { heard, bus, say: (data) => bus.postMessage(data) };
}

test('two tabs have one session, and when the one that leads goes the other one opens another', async () => {
  const one = await tab();
  await opens();
  const two = await tab();
  assert.deepEqual([one.state, two.state, openings().length], ['online', 'online', 1]);
  one.close();
  await pass(100);
  assert.equal(openings().length, 2);
  await opens({ session: 'another' });
  assert.deepEqual([two.state, two.session], ['online', 'another']);
  assert.ok(two.told.includes('reset leader'), two.told.join());
});

test('that a session may not be opened is told to every tab', async () => {
  const all = [await tab({ token: 'bad' }), await tab({ token: 'bad' })];
  openings()[0].done({ status: 401, body: { code: 'unauthenticated' } });
  await pass(20000);
  for (const { state, told } of all)
    assert.deepEqual([state, told], ['closed', ['closed', 'error unauthenticated']]);
  assert.equal(openings().length, 1);
});

test('that no server is reached is told to every tab, and when the next attempt is', async () => {
  const all = [await tab(), await tab()];
  openings()[0].done({ status: 0 });
  await pass(100);
  for (const { state, told } of all)
    assert.deepEqual([state, told], ['offline', ['offline', 'reconnect unreachable']]);
});

test('while the server is down, tabs try as rarely as a client that is alone', async () => {
  const counts = [];
  for (const options of [{ tabs: undefined }, {}]) {
    asked = [];
    const client = await tab(options);
    let seen = 0;
    for (let at = 0; at < 120000; at += 100) {
      while (seen < openings().length) openings()[seen++].done({ status: 0 });
      await pass(100);
    }
    counts.push(openings().length);
    client.close();
    await flush();
  }
  const [alone, shared] = counts;
  assert.ok(alone > 3 && shared <= alone + 2, counts.join());
});

test('the tab that leads notices the end of another one, also of one that was opened in the background', async () => {
  await tab();
  await opens();
  const before = locks.length;
  visible('hidden');
  const other = await tab();
  assert.equal(other.state, 'online');
  const own = locks.slice(before).filter((name) => name !== GROUP);
  assert.deepEqual([own.length, own[0]], [2, own[1]]);
});

test('a tab that is alone in the background is quiet', async () => {
  visible('hidden');
  await tab();
  await opens();
  await pass(1000);
  assert.match(polls().at(-1).url, /wait=25/);
});

test('a tab that looks keeps the connection quick for as long as it is there', async () => {
  visible('hidden');
  await tab();
  await opens();
  visible('visible');
  const other = await tab();
  assert.match(polls().at(-1).url, /wait=0/); // what was held for long was given up
  polls()
    .at(-1)
    .done({ status: 200, body: { messages: [], received: 0 } });
  assert.match(polls().at(-1).url, /wait=2$/);
  other.close();
  await pass(2000);
  polls()
    .at(-1)
    .done({ status: 200, body: { messages: [], received: 0 } });
  await pass(2000);
  assert.match(polls().at(-1).url, /wait=25/);
});

for (const what of ['locks', 'channel']) {
  test(`where a page may not use its ${what} each tab connects for itself`, async () => {
    forbidden[what] = true;
    await tab();
    await tab();
    assert.equal(openings().length, 2);
    openings().forEach(({ done }) => done({ status: 201, body: WELCOME }));
    await pass(100);
    assert.deepEqual(
      clients.map(({ state }) => state),
      ['online', 'online'],
    );
  });
}

test('where there are no locks each tab connects for itself', async () => {
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: {} });
  await tab();
  await tab();
  assert.deepEqual([openings().length, buses.size], [2, 0]);
});

test('a transport that a tab insists on counts, also when that tab leads later', async () => {
  const one = await tab({ transport: 'shortpoll' });
  await opens();
  assert.equal(one.transport, 'shortpoll');
  const two = await tab();
  assert.equal(two.transport, 'shortpoll');
  two.debug.force('longpoll');
  await pass(100);
  assert.match(polls().at(-1).url, /poll\?turn/);
  one.close();
  await pass(100);
  await opens({ session: 'another' });
  assert.equal(two.transport, 'longpoll');
});

test('a tab that comes later is told once that the session stands', async () => {
  await tab();
  await opens();
  const { heard } = stranger();
  await tab();
  const begun = heard.filter(({ kind }) => kind === 'begun');
  assert.equal(begun.length, 1);
});

test('a tab that missed a word of the leader begins anew', async () => {
  await tab();
  await opens();
  const two = await tab();
  const ears = [...buses].at(-1);
  const { onmessage } = ears;
  const { heard, say } = stranger();
  two.told.length = 0;
  // One word is lost on the way to it; the next one shows that.
  ears.onmessage = () => undefined;
  say({ from: 'somebody', kind: 'drop' });
  await flush();
  ears.onmessage = onmessage;
  assert.ok(heard.length > 0);
  await pass(2000);
  const welcome = { ...WELCOME, resumed: true };
  polls()
    .at(-1)
    .done({ status: 200, body: { messages: [], welcome } });
  await pass(1000);
  assert.deepEqual(
    two.told.filter((word) => /reset/.test(word)),
    ['reset leader'],
  );
  assert.deepEqual([two.state, two.session], ['online', 's']);
});

test('a tab that missed a word begins anew also where the next one is for another tab', async () => {
  await tab();
  await opens();
  const two = await tab();
  const ears = [...buses].at(-1);
  const { onmessage } = ears;
  const { say } = stranger();
  ears.onmessage = () => undefined;
  say({ from: 'somebody', kind: 'hello', value: true });
  await flush();
  ears.onmessage = onmessage;
  two.told.length = 0;
  say({ from: 'somebody', kind: 'hello', value: true });
  await flush();
  await pass(100);
  assert.deepEqual(
    two.told.filter((word) => /reset/.test(word)),
    ['reset leader'],
  );
  assert.deepEqual([two.state, two.session], ['online', 's']);
});

test('what a tab of another make says is ignored unless it makes sense', async () => {
  const one = await tab();
  await opens();
  const two = await tab();
  const { say } = stranger();
  one.told.length = two.told.length = 0;
  const nonsense = [
    null,
    undefined,
    5,
    'text',
    [],
    {},
    { from: 'x' },
    { from: 'x', kind: 'dance' },
    { from: 'x', kind: 'offer' },
    { from: 'x', kind: 'offer', value: 'no JSON' },
    { from: 'x', kind: 'hello' },
    { from: 'x', kind: 'offer', value: 'no JSON' },
    { from: 'x', kind: 'offer', value: null },
    { from: 'x', kind: 'offer', value: '{}' },
    { from: 'x', kind: 'force', value: 'pigeon' },
    { from: 'x', kind: 'look', value: 'maybe' },
    { from: 'x', kind: 'gone' },
  ];
  for (const words of nonsense) say(words);
  mock.method(globalThis, 'setTimeout', () => 0); // faults may surface, but disturb nobody
  await flush();
  mock.restoreAll();
  await pass(5000);
  assert.deepEqual(
    [one.state, two.state, one.told, two.told, openings().length],
    ['online', 'online', [], [], 1],
  );
});

test('a word that nobody knows changes nothing', async () => {
  await tab();
  await opens();
  const two = await tab();
  const { heard, say } = stranger();
  (await tab()).close();
  const { era, number } = heard.findLast((word) => word.era);
  two.told.length = 0;
  say({ era, number: number + 1, kind: 'dance', value: null });
  await flush();
  say({ era, number: number + 2, kind: 'dance' });
  await flush();
  assert.deepEqual([two.state, two.told], ['online', []]);
});

test('a beginning that is malformed is none', async () => {
  await tab();
  await opens();
  const two = await tab();
  const { say } = stranger();
  for (const [at, value] of [
    null,
    {},
    { welcome: {} },
    { welcome: { op: 'welcome', session: 5 } },
  ].entries()) {
    say({ era: 'mine', number: at + 1, kind: 'begun', value });
    await flush();
    assert.equal(two.session, 's'); // it asked the leader, who said it anew
  }
  assert.equal(two.state, 'online');
});

test('what belongs to no tab that has come in is not sent', async () => {
  await tab();
  await opens();
  const { say } = stranger();
  const sent = () => asked.filter(({ url }) => /send\?/.test(url)).length;
  say({ from: 'x', kind: 'offer', value: '{"op":"publish","id":1}' });
  await pass(100);
  assert.equal(sent(), 0);
  say({ from: 'x', kind: 'hello', value: true });
  say({ from: 'x', kind: 'offer', value: '{"op":"publish","id":1}' });
  await pass(100);
  assert.equal(sent(), 1);
});

test('a tab that is closed before it came in leaves nothing behind', async () => {
  await tab();
  await opens();
  const open = buses.size;
  const two = new Client({ send: () => undefined, streams: {}, transports: { longpoll } }, 'http://h', {
    tabs: tabs(),
  });
  two.close();
  await pass(3000);
  assert.equal(buses.size, open);
  const three = await tab();
  three.close();
  three.debug.drop();
  await pass(3000);
  assert.equal(buses.size, open);
});
