// The clients of the check: the real JavaScript client and the raw one behind one interface, and what each of them does.

import { connect } from '../../js-client/dist/footbridge.mjs';
import { RawSession } from './raw-session.mjs';
import { WebSocket } from './websocket.mjs';

/** What a client can be: the JavaScript client on each transport that Node has, and by its own choice; the raw one on all. */
export const KINDS = [
  ...['auto', 'websocket', 'sse', 'stream', 'longpoll', 'shortpoll'].map((transport) => ({
    make: script,
    name: `js-${transport}`,
    transport,
  })),
  ...['websocket', 'sse', 'stream', 'longpoll', 'shortpoll', 'jsonp'].map((transport) => ({
    make: raw,
    name: `raw-${transport}`,
    transport,
  })),
].sort((a, b) => a.transport.localeCompare(b.transport));

/** The JavaScript client. */
function script({ url, transport, recorder }) {
  const client = connect(url, {
    WebSocket,
    transport: transport === 'auto' ? undefined : transport,
  });
  let session;
  const look = () => {
    if (!client.session || client.session === session) return;
    session = client.session;
    recorder.session(session);
  };
  client.on('state', (state) => {
    look();
    recorder.note(`state ${state}`);
  });
  client.on('reset', ({ code }) =>
    code === 'rebuilt' ? recorder.rebuilt() : recorder.note(`reset ${code}`),
  );
  client.on('error', (error) => recorder.violation(`the client's error ${error.code}: ${error.message}`));
  client.on('reconnect', ({ code, delay }) => recorder.note(`reconnect ${code} ${delay}`));
  return {
    start: () => undefined,
    get online() {
      look();
      return client.state === 'online';
    },
    async subscribe(name, options) {
      const channel = client.channel(name);
      channel.on('gap', (gap) => recorder.gap(name, gap));
      channel.on('presence', (change) => recorder.presence(change));
      channel.on('unsubscribed', (error) => recorder.violation(`unsubscribed from ${name}: ${error.code}`));
      channel.on('subscribed', (at) => recorder.subscribed(name, at));
      const receive = ({ offset, data }) =>
        recorder.message(name, { epoch: channel.position.epoch, offset, data });
      await channel.subscribe(receive, options);
    },
    publish: (channel, data, key) => client.channel(channel).publish(data, { key }),
    presence: (channel) => client.channel(channel).presence(),
    call: (procedure, data) => client.call(procedure, data),
    register: (procedure, handler) => client.register(procedure, handler),
    close: () => client.close(),
  };
}

function raw(about) {
  return new RawSession(about);
}

/** One client at work: it publishes at a steady rate, calls others and answers their calls. */
export class Participant {
  #n = 0;
  #publishing;
  #calling;
  #waiting = new Set();

  /** @param {object} about `kind`, `name`, `role` (what it is called in answers), `url`, `recorder` (all of it), `random`, `channels` ({ name, presence }), `rate` */
  constructor(about) {
    Object.assign(this, about);
    this.told = this.recorder.of(this.name);
    const { url, random } = this;
    this.client = this.kind.make({ url, transport: this.kind.transport, recorder: this.told, random });
  }

  get online() {
    return this.client.online;
  }

  /** Opens the session, subscribes, and offers a procedure if it is to. */
  async start() {
    await this.client.start();
    await Promise.all(this.channels.map(({ name, presence }) => this.client.subscribe(name, { presence })));
    if (this.offers) await this.client.register(this.offers, (data) => ({ ...data, by: this.role }));
  }

  /** Begins to publish and to call. */
  work() {
    this.working = true;
    const again = (every, act) => {
      const next = () => setTimeout(() => (act(), (timers[0] = next())), every * (0.7 + this.random() * 0.6));
      const timers = [next()];
      return () => clearTimeout(timers[0]);
    };
    this.#publishing = again(1000 / this.rate, () => this.#publish());
    this.#calling = again(1000, () => this.#call());
  }

  /** Publishes and calls no more; what is under way goes on. */
  rest() {
    this.working = false;
    this.#publishing?.();
    this.#calling?.();
  }

  /** How many publications and calls are without an answer. */
  get waiting() {
    return this.#waiting.size;
  }

  async #publish() {
    const n = ++this.#n;
    const channel = this.channels[n % this.channels.length].name;
    const id = `${this.name}-${n}`;
    this.told.sending(id, channel, n);
    this.#waiting.add(id);
    while (!this.closed) {
      try {
        this.told.published(id, await this.client.publish(channel, { id }, id));
        break;
      } catch (error) {
        // The key lets it count once, however often it is tried.
        this.told.refused(id, error.code, error.message);
        await new Promise((resolve) => setTimeout(resolve, 200 + this.random() * 200));
      }
    }
    this.#waiting.delete(id);
  }

  async #call() {
    const offered = this.procedures[Math.floor(this.random() * this.procedures.length)];
    const id = `call ${++this.recorder.calls.asked} of ${offered.procedure}`;
    const since = Date.now();
    this.#waiting.add(id);
    try {
      const answer = await this.client.call(offered.procedure, { id });
      this.told.called(id, since);
      if (answer?.id !== id || answer?.by !== offered.by)
        this.told.violation(`${id} was answered with ${JSON.stringify(answer)}`);
    } catch (error) {
      this.told.called(id, since, error);
    }
    this.#waiting.delete(id);
  }

  /** Asks who is present in its channels. */
  async askPresence() {
    for (const { name, presence } of this.channels)
      if (presence) this.told.asked(name, await this.client.presence(name));
  }

  async close() {
    this.rest();
    this.closed = true;
    await this.client.close();
  }
}
