// Writes down what happens to the clients, in the form that history.mjs judges, and knows at any moment what is still on
// its way. All clients live in one process, so one clock is enough.

/** What the server may answer where it cannot do what it is asked to for a moment. */
const PASSING = new Set(['unavailable', 'draining', 'interrupted', 'timeout']);

/** Everything that clients said since the last `cut`. */
export class Recorder {
  /** @param {(event: object, client: string) => object[]} [lie] what to write down in place of a received message */
  constructor(lie) {
    this.lie = lie;
    /** Channel: the clients that are subscribed to it. */
    this.subscribers = new Map();
    /** Channel: who was present when somebody asked last. */
    this.members = new Map();
    this.#begin();
    this.lastProgress = Date.now();
  }

  #begin() {
    this.log = new Map();
    /** Message's id: when it was sent, acknowledged, and received by whom. */
    this.messages = new Map();
    this.calls = { asked: 0, answered: 0, refused: 0, codes: {} };
    /** How often publications were refused, by code. */
    this.refusals = {};
    /** From when on all is well again, so that calls must be answered. */
    this.calm = Infinity;
  }

  /** What a client tells of itself. */
  of(client) {
    const write = (event) => {
      event.t = Date.now();
      let events = this.log.get(client);
      if (!events) this.log.set(client, (events = []));
      events.push(event);
    };
    const names = (members) => members?.map(({ member }) => member);
    return {
      subscribed: (channel, { epoch, offset }) => {
        if (!this.subscribers.has(channel)) this.subscribers.set(channel, new Set());
        this.subscribers.get(channel).add(client);
        write({ kind: 'subscribed', channel, epoch, offset });
      },
      message: (channel, { epoch, offset, data }) => {
        const event = { kind: 'message', channel, epoch, offset, id: data.id };
        if (this.lie) this.lie.member = this.members.get(channel)?.[0];
        for (const told of this.lie ? this.lie(event, client) : [event]) {
          write(told);
          if (told.kind === 'message') this.#received(told.id, client);
        }
      },
      gap: (channel, { epoch, offset }) => write({ kind: 'gap', channel, epoch, offset }),
      session: (session) => write({ kind: 'session', session }),
      rebuilt: (base) => write({ kind: 'rebuilt', base }),
      presence: ({ channel, joined = [], left = [], members }) =>
        write({
          kind: 'presence',
          channel,
          joined: names(joined),
          left: names(left),
          members: names(members),
        }),
      asked: (channel, { members, count }) => {
        this.members.set(channel, names(members));
        write({ kind: 'asked', channel, members: names(members), count });
      },
      violation: (what) => write({ kind: 'violation', what }),
      note: (what) => write({ kind: 'note', what }),
      sending: (id, channel, n) =>
        this.messages.set(id, { id, client, channel, n, sent: Date.now(), by: new Set(), again: false }),
      refused: (id, code, message) => {
        this.messages.get(id).again = true;
        this.refusals[code] = (this.refusals[code] ?? 0) + 1;
        if (!PASSING.has(code))
          write({ kind: 'violation', what: `publishing ${id} was refused with ${code}: ${message}` });
      },
      called: (id, since, problem) => {
        if (!problem) return this.calls.answered++;
        const { code, message } = problem;
        this.calls.refused++;
        this.calls.codes[code] = (this.calls.codes[code] ?? 0) + 1;
        const why = !PASSING.has(code)
          ? `refused with ${code}: ${message}`
          : since >= this.calm && `refused with ${code} when all was well again`;
        if (why) write({ kind: 'refused', what: `${id} was ${why}`, sent: since });
        return undefined;
      },
      published: (id, { epoch, offset }) => {
        const message = this.messages.get(id);
        message.acknowledged = Date.now();
        const { channel, n, again } = message;
        write({ kind: 'published', channel, epoch, offset, id, n, again });
        this.#progress(message);
      },
    };
  }

  /** A client has gone: nothing more is expected to reach it. */
  gone(client) {
    for (const clients of this.subscribers.values()) clients.delete(client);
  }

  #received(id, client) {
    const message = this.messages.get(id);
    if (!message) return;
    message.by.add(client);
    this.#progress(message);
  }

  #progress(message) {
    this.lastProgress = Date.now();
    if (
      !message.whole &&
      message.acknowledged &&
      message.by.size >= (this.subscribers.get(message.channel)?.size ?? 0)
    )
      message.whole = this.lastProgress;
  }

  /** Whether everything that was sent was acknowledged and reached everybody. */
  get settled() {
    for (const message of this.messages.values()) if (!message.whole) return false;
    return true;
  }

  get counts() {
    let deliveries = 0;
    for (const { by } of this.messages.values()) deliveries += by.size;
    return { published: this.messages.size, deliveries };
  }

  /**
   * For each client, when the first message that it sent after `since` had reached everybody; undefined for clients that
   * have none yet.
   */
  recovered(clients, since) {
    const first = new Map(clients.map((client) => [client, undefined]));
    for (const { client, sent, whole } of this.messages.values())
      if (whole && sent >= since && first.has(client))
        first.set(client, Math.min(first.get(client) ?? Infinity, whole));
    return first;
  }

  /** The longest time that a message took to reach everybody, in milliseconds. */
  get slowest() {
    let slowest = 0;
    for (const { sent, whole } of this.messages.values())
      if (whole) slowest = Math.max(slowest, whole - sent);
    return slowest;
  }

  /** Takes what was written down so far; the recorder begins anew. */
  cut() {
    const piece = { log: this.log, calls: this.calls, refusals: this.refusals, slowest: this.slowest };
    this.#begin();
    return piece;
  }
}

/** The lies that the recorder can be made to tell, with the kinds of violation that must come of each. */
export const LIES = {
  drop: ['silent', 'lost'],
  repeat: ['repeated'],
  swap: ['disorder'],
  gap: ['gap'],
  change: ['conflict'],
  session: ['session'],
  presence: ['presence'],
};

/**
 * A filter that tells a lie about the first messages after a short while and then about one in `every`.
 *
 * @param {keyof LIES} name
 */
export function liar(name, random, every = 10_000) {
  let left = 200 + Math.floor(random() * 300);
  let kept;
  const lie = (event, client) => {
    if (kept) {
      // The message that was kept back follows the next one of the same client and channel.
      if (kept.client !== client || kept.event.channel !== event.channel) return [event];
      const late = kept.event;
      kept = undefined;
      return [event, late];
    }
    if (--left > 0 || (name === 'presence' && !lie.member)) return [event];
    left = every;
    lie.told++;
    switch (name) {
      case 'drop':
        return [];
      case 'repeat':
        return [event, { ...event }];
      case 'swap':
        kept = { event, client };
        return [];
      case 'gap':
        return [{ kind: 'gap', channel: event.channel, epoch: event.epoch, offset: event.offset }];
      case 'change':
        return [{ ...event, id: `${event.id}'` }];
      case 'session':
        return [event, { kind: 'session', session: 'a.lie', t: event.t }];
      case 'presence':
        return [
          event,
          { kind: 'presence', channel: event.channel, joined: [], left: [lie.member], t: event.t },
        ];
    }
    return [event];
  };
  lie.told = 0;
  /** Somebody who is present: of this one it is said that he left. */
  lie.member = undefined;
  return lie;
}
