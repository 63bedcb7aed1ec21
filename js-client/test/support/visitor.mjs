/** A person at the demo page. */
import { until } from './wait.mjs';

export class Visitor {
  /** What the page complained of: errors, refused resources. */
  complaints = [];

  constructor(name, page) {
    this.name = name;
    this.page = page;
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  /** Opens the page under the visitor's name. */
  static async arrive(browser, url, name, { width = 1280, height = 900 } = {}) {
    const visitor = new Visitor(name, await browser.newPage());
    await visitor.page.setViewport({ width, height });
    await visitor.page.evaluateOnNewDocument(
      (known) => localStorage.setItem('footbridge-demo-name', known),
      name,
    );
    await visitor.page.goto(url);
    await until(`${name} is across`, async () => (await visitor.state()) === 'online' && visitor.user());
    return visitor;
  }

  run(script, ...args) {
    return this.page.evaluate(script, ...args);
  }

  text(selector) {
    return this.run((s) => document.querySelector(s).textContent.trim(), selector);
  }

  async number(selector) {
    return Number(await this.text(selector));
  }

  texts(selector) {
    return this.run((s) => [...document.querySelectorAll(s)].map((one) => one.textContent), selector);
  }

  data(selector, name) {
    return this.run((s, n) => document.querySelector(s)?.dataset[n], selector, name);
  }

  /** Takes another name. */
  async rename(name) {
    this.name = name;
    await this.set('#name-input', name);
    await this.click('#name-save');
    await until(`${name} is across`, async () => (await this.state()) === 'online' && this.user());
  }

  /** Clicks as the page sees it, wherever it is scrolled to. */
  click(selector) {
    return this.run((s) => document.querySelector(s).click(), selector);
  }

  set(selector, value) {
    return this.run(
      (s, v) => {
        const input = document.querySelector(s);
        input.value = v;
        input.dispatchEvent(new Event('input', { bubbles: true }));
      },
      selector,
      value,
    );
  }

  state() {
    return this.data('#status', 'state');
  }

  user() {
    return this.run((name) => window.footbridge?.user === name, this.name);
  }

  async say(text) {
    await this.set('#chat-input', text);
    await this.click('#chat-send');
  }

  async hears(text, ms) {
    await until(
      `${this.name} reads "${text}"`,
      async () => (await this.texts('.chat-line span')).includes(text),
      ms,
    );
  }

  async stepOn(transport) {
    await this.click(`[data-rung=${transport}]`);
    await until(
      `${this.name} stands on ${transport}`,
      async () =>
        (await this.data('#status', 'transport')) === transport && (await this.state()) === 'online',
    );
  }

  /** Waits until so many more numbered messages came back. */
  async receivesMore(count) {
    const before = await this.number('#counter-received');
    await until(
      `${this.name} receives ${count} more`,
      async () => (await this.number('#counter-received')) >= before + count,
    );
  }
}
