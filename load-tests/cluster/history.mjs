// What everybody saw, and whether that can be: pure, so that it can be tested with histories that lie.

/** How many examples of each violation are told. */
const EXAMPLES = 5;

/** All that one receiver saw of the channels, in its order. */
export class Seen {
  /** @param name who it is */
  constructor(name) {
    this.name = name;
    this.events = [];
  }

  /** A subscription begins: the next message is the one after `offset`. Said again it changes nothing. */
  subscribed(channel, epoch, offset) {
    this.events.push({ type: 'subscribed', channel, epoch, offset });
  }

  /** A message, with the name that its publisher gave it. */
  message(channel, epoch, offset, id) {
    this.events.push({ type: 'message', channel, epoch, offset, id });
  }

  /** The server said that messages are lost for good: the next one is the one after `offset`. */
  gap(channel, epoch, offset) {
    this.events.push({ type: 'gap', channel, epoch, offset });
  }
}

/**
 * Checks histories against each other and against what was published.
 *
 * - `orders`: one place of a channel is given to two messages;
 * - `lost`: acknowledged to its publisher, and a subscriber never got it, and was not told of a gap there;
 * - `repeated`: a subscriber got a place twice; `silent`: it got one beyond the next without having been told;
 * - `disordered`: a subscriber got one from before, or a publisher's messages in another order than it sent them.
 *
 * @param seen what each receiver saw
 * @param published `{id, by, n, channel, epoch, offset}` of each message that was acknowledged; `n` counts up for
 *   each publisher
 * @returns for each kind of violation how often, and examples in words
 */
export function check(seen, published) {
  const found = {
    orders: 0,
    lost: 0,
    repeated: 0,
    disordered: 0,
    silent: 0,
    gaps: 0,
    deliveries: 0,
    examples: [],
  };
  const said = {};
  const violation = (kind, text) => {
    found[kind]++;
    said[kind] = (said[kind] ?? 0) + 1;
    if (said[kind] <= EXAMPLES) found.examples.push(`${kind}: ${text}`);
  };

  const places = new Map();
  const place = (channel, epoch, offset, id, who) => {
    const key = `${channel} ${epoch}:${offset}`;
    const known = places.get(key);
    if (known === undefined) places.set(key, id);
    else if (known !== id) violation('orders', `${key} is ${known}, and ${id} for ${who}`);
  };
  published.forEach(({ id, by, channel, epoch, offset }) => place(channel, epoch, offset, id, by));

  for (const receiver of seen) {
    const channels = walk(receiver, found, violation, place);
    for (const message of published) {
      const view = channels.get(message.channel);
      if (view && !view.got.has(message.id) && view.covers(message)) {
        violation(
          'lost',
          `${receiver.name} never got ${message.id}, ${message.channel} ${message.epoch}:${message.offset}`,
        );
      }
    }
  }
  return found;
}

/** What a receiver has of one channel. */
class View {
  constructor(epoch, offset) {
    Object.assign(this, { epoch, offset, got: new Set(), latest: new Map() });
    this.began = { epoch, offset };
    this.holes = [];
  }

  /** Whether it should have got a message: not before it began, nor in a gap that it was told of. */
  covers({ epoch, offset }) {
    if (epoch === this.began.epoch && offset <= this.began.offset) return false;
    return !this.holes.some(
      ({ from, to }) =>
        (epoch === from.epoch && offset > from.offset && (to.epoch !== from.epoch || offset <= to.offset)) ||
        (epoch === to.epoch && to.epoch !== from.epoch && offset <= to.offset) ||
        // An epoch that came and went within the gap.
        (epoch !== from.epoch && epoch !== to.epoch && !this.epochs().has(epoch)),
    );
  }

  epochs() {
    return new Set([
      this.began.epoch,
      this.epoch,
      ...this.holes.flatMap(({ from, to }) => [from.epoch, to.epoch]),
    ]);
  }
}

function walk(receiver, found, violation, place) {
  const channels = new Map();
  for (const event of receiver.events) {
    const { channel, epoch, offset } = event;
    const view = channels.get(channel);
    const where = `${receiver.name}, ${channel} ${epoch}:${offset}`;
    if (!view) {
      if (event.type === 'message') violation('silent', `${where} came before the subscription stood`);
      else channels.set(channel, new View(epoch, offset));
    } else if (event.type === 'gap') {
      found.gaps++;
      view.holes.push({
        from: { epoch: view.epoch, offset: view.offset },
        to: { epoch, offset },
      });
      Object.assign(view, { epoch, offset });
    } else if (event.type === 'message') {
      found.deliveries++;
      place(channel, epoch, offset, event.id, receiver.name);
      if (epoch !== view.epoch) violation('silent', `${where} came after ${view.epoch}:${view.offset}`);
      else if (offset === view.offset && view.got.has(event.id)) violation('repeated', `${where} came twice`);
      else if (offset <= view.offset)
        violation(view.got.has(event.id) ? 'repeated' : 'disordered', `${where} came after ${view.offset}`);
      else if (offset > view.offset + 1) violation('silent', `${where} came after ${view.offset}`);
      inTurn(view, event, where, violation);
      view.got.add(event.id);
      if (epoch !== view.epoch || offset > view.offset) Object.assign(view, { epoch, offset });
    }
  }
  return channels;
}

/** A publisher's messages come in the order in which it sent them, within an epoch. */
function inTurn(view, { id, epoch }, where, violation) {
  const at = id.lastIndexOf('#');
  const publisher = `${epoch} ${id.slice(0, at)}`;
  const n = Number(id.slice(at + 1));
  const latest = view.latest.get(publisher) ?? 0;
  if (n < latest && !view.got.has(id)) violation('disordered', `${where} is ${id}, after number ${latest}`);
  view.latest.set(publisher, Math.max(n, latest));
}

/**
 * Ways of telling what was not so, to see that it is noticed. Each is made of `due`, which says whether the next tale
 * is to be a lie, and gives what passes a tale on to what records it.
 */
export const LIES = {
  drop: (due) => (record, event) => due() || record(event),
  repeat: (due) => (record, event) => {
    record(event);
    if (due()) record(event);
  },
  swap: (due) => {
    let held;
    return (record, event) => {
      if (held) {
        record(event);
        record(held);
        held = undefined;
      } else if (due()) held = event;
      else record(event);
    };
  },
  change: (due) => (record, event) => record(due() ? { ...event, id: `${event.id}0` } : event),
};
