/** The demo page in two real browsers, against the real server. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { launch, SCREENSHOTS } from '../support/browsers.mjs';
import { startServer } from '../support/server.mjs';
import { Visitor } from '../support/visitor.mjs';
import { until } from '../support/wait.mjs';

const TRANSPORTS = ['websocket', 'sse', 'stream', 'longpoll', 'shortpoll', 'jsonp'];
let server;
let chromium;
let firefox;
let alice;
let bob;

before(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  server = await startServer();
  chromium = await launch('chromium');
  firefox = await launch('firefox');
  alice = await Visitor.arrive(chromium.browser, server.url, 'guest-17');
  bob = await Visitor.arrive(firefox.browser, server.url, 'guest-42');
});
after(async () => {
  await Promise.all([chromium?.close(), firefox?.close()]);
  await server?.stop();
});
afterEach(() => {
  assert.deepEqual(
    [alice, bob].map((visitor) => visitor?.complaints.splice(0) ?? []),
    [[], []],
  );
});

test('both start on WebSocket and see each other', async () => {
  for (const visitor of [alice, bob]) {
    assert.equal(await visitor.data('#status', 'transport'), 'websocket');
    await until('two are here', async () => (await visitor.number('#viewer-count')) === 2);
    assert.deepEqual((await visitor.texts('#chat-people .walker')).sort(), ['guest-17', 'guest-42']);
  }
});

for (const transport of TRANSPORTS) {
  test(`they chat on ${transport}`, async () => {
    await Promise.all([alice.stepOn(transport), bob.stepOn(transport)]);
    await alice.say(`from Chromium by ${transport}`);
    await bob.hears(`from Chromium by ${transport}`);
    await bob.say(`from Firefox by ${transport}`);
    await alice.hears(`from Firefox by ${transport}`);
    assert.equal(
      await alice.run((name) => document.querySelector(`.rung[data-rung=${name}]`).ariaPressed, transport),
      'true',
    );
    await until('each sees where the other stands', async () =>
      (await alice.texts(`.rung[data-rung=${transport}] .walker`)).includes('guest-42'),
    );
  });
}

test('numbered messages survive every change and every break', async () => {
  await Promise.all([alice.click('#test-toggle'), bob.click('#test-toggle')]);
  for (const transport of TRANSPORTS) {
    await Promise.all([alice.stepOn(transport), bob.stepOn(transport)]);
    await Promise.all([alice, bob].map((one) => one.receivesMore(4)));
    const resumes = await Promise.all([alice, bob].map((one) => one.number('#counter-resumes')));
    await Promise.all([alice.click('#drop'), bob.click('#drop')]);
    await until(
      'both have resumed',
      async () => {
        const now = await Promise.all([alice, bob].map((one) => one.number('#counter-resumes')));
        return now[0] > resumes[0] && now[1] > resumes[1];
      },
      40000,
    );
  }
  await Promise.all([alice.click('[data-rung=auto]'), bob.click('[data-rung=auto]')]);
  await Promise.all([alice.click('#test-toggle'), bob.click('#test-toggle')]);
  for (const visitor of [alice, bob]) {
    await until('nothing is on the way', async () => (await visitor.number('#counter-pending')) === 0, 40000);
    const counted = {};
    for (const name of ['sent', 'received', 'lost', 'repeated', 'disordered']) {
      counted[name] = await visitor.number(`#counter-${name}`);
    }
    const { sent } = counted;
    assert.ok(sent > 20, `${sent} sent`);
    assert.deepEqual(counted, { sent, received: sent, lost: 0, repeated: 0, disordered: 0 });
  }
});

test('a seat has one holder, and everybody sees whose it is', async () => {
  const seat = '[data-seat=C5]';
  await until('the plan is there', async () => bob.run((s) => !!document.querySelector(s), seat));
  await alice.click(seat);
  await until('it is hers', async () => (await alice.data(seat, 'state')) === 'mine');
  await until('he sees it', async () => (await bob.data(seat, 'holder')) === 'guest-17');
  await bob.click(seat);
  await until('he is told', async () => (await bob.text('#seat-note')) === 'C5 is taken by guest-17.');
  await alice.click(seat);
  await until('it is free', async () => (await bob.data(seat, 'state')) === 'free');
});

test('of two who reach for the same seat one gets it and the other is told', async () => {
  for (const seat of ['D1', 'D2', 'D3', 'D4']) {
    const selector = `[data-seat=${seat}]`;
    await Promise.all([alice.click(selector), bob.click(selector)]);
    await until('it is taken', async () => {
      const states = await Promise.all([alice.data(selector, 'state'), bob.data(selector, 'state')]);
      return states.sort().join() === 'mine,taken';
    });
    const loser = (await alice.data(selector, 'state')) === 'taken' ? alice : bob;
    await until('the loser is told', async () =>
      (await loser.text('#seat-note')).includes(`${seat} is taken`),
    );
  }
});

test('a browser can be a device that others see', async () => {
  await alice.click('#device-switch');
  await alice.set('#device-value', '73');
  await until('it is on his board', async () =>
    bob.run(() => {
      const device = document.querySelector('.device[data-device="lamp of guest-17"]');
      return device?.dataset.status === 'on' && device.querySelector('.device-value').textContent === '73';
    }),
  );
  assert.ok((await bob.number('#devices-online')) >= 1);
});

test('the log can stand still and go on', async () => {
  const lines = () => bob.run(() => document.querySelectorAll('.log-line').length);
  await until('there are lines', async () => (await lines()) > 0);
  await bob.click('#log-pause');
  const before = await lines();
  await alice.click('[data-seat=A1]');
  await until('a line waits', async () => /\(\d+\)/.test(await bob.text('#log-pause')));
  assert.equal(await lines(), before);
  await bob.click('#log-pause');
  await until('it is shown', async () => (await lines()) > before);
});

test('a network that goes away and comes back is survived', async () => {
  // Chromium's offline mode lets WebSocket through.
  await alice.stepOn('sse');
  await alice.page.setOfflineMode(true);
  await alice.click('#drop');
  await until('she knows', async () => (await alice.state()) === 'offline');
  await bob.say('are you in the tunnel?');
  await alice.page.setOfflineMode(false);
  await alice.hears('are you in the tunnel?', 30000);
  await alice.click('[data-rung=auto]');
  alice.complaints = alice.complaints.filter((text) => !/ERR_INTERNET_DISCONNECTED/.test(text));
});

test('who takes another name is another visitor', async () => {
  await bob.rename('guest-43');
  await until(
    'she sees the new name',
    async () => (await alice.texts('#chat-people .walker')).sort().join() === 'guest-17,guest-43',
  );
  await bob.say('it is me');
  await alice.hears('it is me');
});

test('one whose session was taken over is told, and can open another', async () => {
  const { session } = await bob.run(() => ({ session: window.footbridge.session }));
  await fetch(`${server.url}/sessions/${session}/poll?turn=1000`);
  await until('he is told', async () => (await bob.text('#closed-text')).includes('superseded'));
  await fetch(`${server.url}/sessions/${session}`, { method: 'DELETE' });
  assert.equal(await bob.state(), 'closed');
  await bob.click('#reopen');
  await until('he is across again', async () => (await bob.state()) === 'online');
  assert.notEqual(await bob.run(() => window.footbridge.session), session);
});

test('one who leaves is gone at once', async () => {
  const carol = await Visitor.arrive(chromium.browser, server.url, 'guest-99');
  await until('three are here', async () => (await bob.number('#viewer-count')) === 3);
  const standing = () => bob.texts('.rung .walker');
  await until('he sees where she stands', async () => (await standing()).includes('guest-99'));
  await carol.page.close();
  await until('two are here', async () => (await bob.number('#viewer-count')) === 2, 5000);
  assert.ok(!(await standing()).includes('guest-99'));
});

test('every control has a name, and the page fits a phone and a desk', async () => {
  const phone = await Visitor.arrive(chromium.browser, server.url, 'guest-5', { width: 390, height: 844 });
  for (const visitor of [phone, bob]) {
    const nameless = await visitor.run(() =>
      [...document.querySelectorAll('button, input, a, canvas')]
        .filter((one) => !one.closest('[hidden]'))
        .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
        .map((one) => one.outerHTML),
    );
    assert.deepEqual(nameless, []);
    const [content, window] = await visitor.run(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window, `${content} px in ${window}`);
  }
  await phone.page.screenshot({ path: `${SCREENSHOTS}phone.png` });
  assert.deepEqual(phone.complaints, []);
  await phone.page.close();
});

test('a picture of each is kept', async () => {
  await alice.page.bringToFront();
  await alice.page.screenshot({ path: `${SCREENSHOTS}chromium.png` });
  await bob.page.screenshot({ path: `${SCREENSHOTS}firefox.png` });
});
