// Judges what clients wrote down. Pure: events in, violations out; nothing here knows of servers or of time passing.
//
// A client's events, in the order in which they happened to it:
//
//   { kind: 'subscribed', channel, epoch, offset, t }        only the first of a channel counts: where it begins
//   { kind: 'message', channel, epoch, offset, id, t }
//   { kind: 'gap', channel, epoch, offset, t }               announced: the next message is offset + 1 of that epoch
//   { kind: 'published', channel, epoch, offset, id, n, again, t }   acknowledged; `again`: it was refused and sent again
//   { kind: 'session', session, t }                          the first opens; every other one is a new one
//   { kind: 'presence', channel, joined, left, members, t }  what the client was told; members in place of all
//   { kind: 'asked', channel, members, count, t }            what it was told when it asked
//   { kind: 'refused', what, t }                            a call that was not answered, and should have been
//   { kind: 'violation', what, t }                           what the client itself saw against the protocol
//
// Histories are judged piece by piece, one for each fault; `memory` carries what a later piece needs of the earlier ones.

/** What can be wrong, with the words for it. */
export const KINDS = {
  lost: 'acknowledged and never received',
  repeated: 'received or stored twice',
  disorder: 'received out of order',
  conflict: 'two messages at one place',
  silent: 'a gap that was not announced',
  gap: 'an announced gap where none is allowed',
  session: 'a new session where the old one should have lived',
  presence: 'wrong presence',
  call: 'a call that should have been answered',
  protocol: 'against the protocol',
  stuck: 'not recovered or not answered in time',
};

/** What is carried from one piece of history to the next. */
export function newMemory() {
  return {
    /** Client and channel: the position. */
    positions: new Map(),
    /** Channel, epoch, offset: the message's id. */
    places: new Map(),
    /** Message's id: its place. */
    homes: new Map(),
    sessions: new Map(),
    /** Client and channel: the members that it believes to be there. */
    held: new Map(),
    /** Channel: who is there all the time. */
    present: new Map(),
    /** Channel: members that were once found there and should not have been, or replaced one that should. */
    strays: new Map(),
  };
}

/** A client has gone for good; what comes under its name later is another one's. */
export function forget(memory, client) {
  memory.sessions.delete(client);
  for (const map of [memory.positions, memory.held])
    for (const key of map.keys()) if (key.startsWith(`${client} `)) map.delete(key);
}

const place = (channel, epoch, offset) => `${channel} ${epoch}:${offset}`;
const pair = (client, channel) => `${client} ${channel}`;

/**
 * Judges a piece of history.
 *
 * @param {Map<string, object[]>} log each client's events
 * @param {object} memory of `newMemory`, from the piece before; changed
 * @param {{ gaps?: boolean, presence?: boolean }} [allowed] `gaps`: they may be announced; `presence`: clients may come
 * @returns {{ violations: object[], counts: object }} each violation has `kind`, `client`, `channel`, `what`
 */
export function judge(log, memory, allowed = {}) {
  const violations = [];
  const counts = { published: 0, deliveries: 0, announced: 0, sessions: 0, rebuilt: 0 };
  const complain = (kind, client, channel, what) => violations.push({ kind, client, channel, what });

  const acknowledged = [];
  const readers = new Map();
  // Also those that hear nothing at all in this piece.
  for (const key of memory.positions.keys()) readerOf(readers, memory, ...key.split(' '));

  const settle = (client, channel, epoch, offset, id) => {
    const there = place(channel, epoch, offset);
    const other = memory.places.get(there);
    if (other !== undefined && other !== id)
      complain('conflict', client, channel, `${epoch}:${offset} is ${id} here and ${other} elsewhere`);
    else memory.places.set(there, id);
    const home = memory.homes.get(id);
    // With a log its keys are lost: what was sent again counts again, in the new epoch.
    const anew = allowed.gaps && home && home.epoch !== epoch;
    if (home && home.there !== there && !anew)
      complain('repeated', client, channel, `${id} is at ${there} and at ${home.there}`);
    else memory.homes.set(id, { there, epoch });
  };

  for (const [client, events] of log) {
    for (const event of events) {
      const { kind, channel } = event;
      switch (kind) {
        case 'subscribed': {
          const reader = readerOf(readers, memory, client, channel);
          if (reader.position) break;
          reader.position = { epoch: event.epoch, offset: event.offset };
          reader.begins = { ...reader.position, t: event.t };
          break;
        }
        case 'message':
          counts.deliveries++;
          receive(readerOf(readers, memory, client, channel), event, complain);
          settle(client, channel, event.epoch, event.offset, event.id);
          break;
        case 'gap': {
          counts.announced++;
          const reader = readerOf(readers, memory, client, channel);
          const from = reader.position;
          reader.gaps.push({ from, to: { epoch: event.epoch, offset: event.offset }, t: event.t });
          reader.position = { epoch: event.epoch, offset: event.offset };
          if (!allowed.gaps)
            complain('gap', client, channel, `from ${show(from)} to ${event.epoch}:${event.offset}`);
          break;
        }
        case 'published':
          counts.published++;
          settle(client, channel, event.epoch, event.offset, event.id);
          acknowledged.push({ client, ...event });
          break;
        case 'rebuilt':
          counts.rebuilt++;
          break;
        case 'session': {
          const old = memory.sessions.get(client);
          memory.sessions.set(client, event.session);
          if (old === undefined || old === event.session) break;
          counts.sessions++;
          complain('session', client, undefined, `${old} was followed by ${event.session}`);
          break;
        }
        case 'presence':
          watch(memory, client, event, allowed, complain);
          break;
        case 'refused':
          complain('call', client, channel, event.what);
          break;
        case 'violation':
          complain('protocol', client, channel, event.what);
          break;
      }
    }
  }

  for (const reader of readers.values()) silence(reader, complain);
  for (const message of acknowledged) missed(message, readers, complain);
  ownOrder(acknowledged, complain);
  presence(log, memory, allowed, complain);
  for (const { key, position } of readers.values()) memory.positions.set(key, position);
  return { violations, counts };
}

function show(position) {
  return position ? `${position.epoch}:${position.offset}` : 'nowhere';
}

/** One client's view of one channel within the piece. */
function readerOf(readers, memory, client, channel) {
  const key = pair(client, channel);
  let reader = readers.get(key);
  if (!reader) {
    const position = memory.positions.get(key);
    const begins = position && { ...position, t: -Infinity };
    reader = { key, client, channel, position, begins, seen: new Set(), missing: new Map(), gaps: [] };
    readers.set(key, reader);
  }
  return reader;
}

function receive(reader, { epoch, offset, id }, complain) {
  const { client, channel, position, seen, missing } = reader;
  const here = `${epoch}:${offset}`;
  if (seen.has(here)) return complain('repeated', client, channel, `${here}, ${id}`);
  seen.add(here);
  if (!position) {
    reader.position = { epoch, offset };
    return complain('protocol', client, channel, `received ${here} before it was subscribed`);
  }
  if (missing.delete(here))
    return complain('disorder', client, channel, `${here}, ${id}, came after ${show(position)}`);
  if (position.epoch !== epoch) {
    complain('silent', client, channel, `after ${show(position)} came ${here}, of another epoch`);
  } else if (offset <= position.offset) {
    // It was not seen in this piece: then in an earlier one, or it was jumped over by an announced gap.
    const covered = reader.gaps.some(({ from, to }) => covers(from, to, epoch, offset));
    return complain(
      covered ? 'disorder' : 'repeated',
      client,
      channel,
      `${here}, ${id}, after ${show(position)}`,
    );
  } else {
    for (let missed = position.offset + 1; missed < offset; missed++)
      missing.set(`${epoch}:${missed}`, { after: position.offset, before: offset });
  }
  reader.position = { epoch, offset };
  return undefined;
}

/** Offsets that were jumped over and never came: one violation for each hole. */
function silence({ client, channel, missing }, complain) {
  const holes = new Map();
  for (const [here, { before }] of missing) {
    const hole = holes.get(before) ?? [];
    hole.push(here);
    holes.set(before, hole);
  }
  for (const [before, hole] of holes) {
    const through = hole.length > 1 ? ` to ${hole.at(-1)}` : '';
    complain('silent', client, channel, `${hole[0]}${through} never came, ${before} did`);
  }
}

function covers(from, to, epoch, offset) {
  const beyond = !from || from.epoch !== epoch || offset > from.offset;
  const before = to.epoch !== epoch || offset <= to.offset;
  return (from?.epoch === epoch || to.epoch === epoch) && beyond && before;
}

/** Every acknowledged message must have reached every subscriber, or lie in a gap that was announced to it. */
function missed(message, readers, complain) {
  const { channel, epoch, offset, id, t } = message;
  for (const { client, channel: of, begins, seen, gaps } of readers.values()) {
    if (of !== channel || !begins || seen.has(`${epoch}:${offset}`)) continue;
    if (begins.epoch === epoch ? offset <= begins.offset : t < begins.t) continue;
    const covered = gaps.some(
      ({ from, to, t: when }) =>
        covers(from, to, epoch, offset) ||
        // An epoch that came and went between two that it saw.
        (from?.epoch !== to.epoch && from?.epoch !== epoch && to.epoch !== epoch && t <= when),
    );
    if (!covered)
      complain('lost', client, channel, `${epoch}:${offset}, ${id}, published by ${message.client}`);
  }
}

/** A client's own messages stand in a channel in the order in which it published them, unless one was refused first. */
function ownOrder(acknowledged, complain) {
  const last = new Map();
  for (const message of [...acknowledged].sort((a, b) => a.n - b.n)) {
    const { client, channel, epoch, offset, id, again } = message;
    if (again) continue;
    const key = `${pair(client, channel)} ${epoch}`;
    const before = last.get(key);
    if (before && before.offset >= offset)
      complain(
        'disorder',
        client,
        channel,
        `its ${id} is at ${offset}, its earlier ${before.id} at ${before.offset}`,
      );
    last.set(key, message);
  }
}

function watch(memory, client, { channel, joined, left, members }, allowed, complain) {
  const key = pair(client, channel);
  const held = memory.held.get(key) ?? new Set();
  if (members) held.clear();
  for (const member of members ?? joined) held.add(member);
  for (const member of left) held.delete(member);
  memory.held.set(key, held);
  if (allowed.presence) return;
  // Everybody stays: nobody may be said to have come or gone.
  const always = memory.present.get(channel);
  const flaps = (names, did) => {
    const known = names.filter((member) => always?.has(member));
    if (known.length > 0)
      complain('presence', client, channel, `${known.join(', ')} ${did}, and was there all the time`);
  };
  flaps(left, 'left');
  flaps(joined, 'joined');
}

/**
 * At the end of a piece every client asks who is there: all must be told the same, and hold the same. What is wrong is
 * complained of once: later pieces go on from what was found.
 */
function presence(log, memory, allowed, complain) {
  const answers = new Map();
  for (const [client, events] of log)
    for (const { kind, channel, members, count } of events)
      if (kind === 'asked') answers.set(pair(client, channel), { client, channel, members, count });

  const byChannel = new Map();
  for (const answer of answers.values())
    byChannel.set(answer.channel, [...(byChannel.get(answer.channel) ?? []), answer]);

  for (const [channel, all] of byChannel) {
    const known = allowed.presence ? undefined : memory.present.get(channel);
    const strays = (known && memory.strays.get(channel)) ?? new Set();
    const truth = known ?? new Set(all[0].members);
    const found = new Set();
    for (const { client, members, count } of all) {
      for (const member of members) found.add(member);
      if (count !== members.length)
        complain('presence', client, channel, `the count is ${count}, ${members.length} are named`);
      const wrong = difference(members, truth, strays);
      if (wrong) complain('presence', client, channel, `${wrong} when it asked`);
      const key = pair(client, channel);
      const held = memory.held.get(key) ?? new Set();
      const thinks = known && difference(held, new Set(members), strays);
      if (thinks) complain('presence', client, channel, `${thinks} by what it was told`);
      memory.held.set(key, new Set(members));
    }
    for (const member of found) if (!truth.has(member)) strays.add(member);
    memory.strays.set(channel, strays);
    memory.present.set(channel, new Set([...truth].filter((member) => found.has(member))));
  }
}

/** What is wrong with some members, in words; undefined if nothing is. Strays may be there or not. */
function difference(members, truth, strays) {
  const there = [...members];
  const extra = there.filter((member) => !truth.has(member) && !strays.has(member));
  const missing = [...truth].filter((member) => !there.includes(member) && !strays.has(member));
  const parts = [];
  if (extra.length > 0) parts.push(`${extra.join(', ')} should not be there`);
  if (missing.length > 0) parts.push(`${missing.join(', ')} should be there`);
  if (new Set(there).size < there.length) parts.push('somebody is named twice');
  return parts.join(' and ') || undefined;
}
