/** A conversation, and who is there. */
import { appendTo, byId, make, timeOfDay } from './dom.js';

const CHANNEL = 'demo:chat';
const MOST_LINES = 200;
const MOST_NAMES = 14;

export function chat(crossings) {
  const log = byId('chat-log');
  const input = byId('chat-input');
  let client;
  let myName;
  /** Who is present: names by member id. */
  let members = new Map();

  function showPeople(count) {
    const names = [...members.values()];
    const shown = names.slice(0, MOST_NAMES).map((text) => make('span', { className: 'walker', text }));
    if (count > shown.length)
      shown.push(make('span', { className: 'walker', text: `+${count - shown.length}` }));
    byId('chat-people').replaceChildren(...shown);
    byId('viewer-count').textContent = count;
    crossings.onlyPresent(count === names.length ? new Set(names) : undefined);
  }

  function nameOf(member) {
    return String(member.user ?? 'somebody');
  }

  function showPresent(present) {
    members = new Map(present.members.map((member) => [member.member, nameOf(member)]));
    showPeople(present.count);
  }

  async function askWhoIsThere(channel) {
    const asked = client;
    try {
      const present = await channel.presence();
      if (client === asked) showPresent(present);
    } catch (error) {
      // One that was closed to make place for another has nothing more to say.
      if (client === asked) byId('chat-error').textContent = `Who is here is not known: ${error.message}`;
    }
  }

  function showMessage({ data, user, time }) {
    const name = String(user ?? data?.name ?? 'somebody');
    const line = make(
      'li',
      { className: name === myName ? 'chat-line mine' : 'chat-line' },
      make('b', { text: name }, make('time', { text: timeOfDay(time) })),
      make('span', { text: String(data?.text ?? '') }),
    );
    appendTo(log, line, MOST_LINES);
    crossings.packet('down');
  }

  byId('chat-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = '';
    byId('chat-error').textContent = '';
    crossings.packet('up');
    try {
      await client.channel(CHANNEL).publish({ name: myName, text });
    } catch (error) {
      byId('chat-error').textContent = `Not sent: ${error.message}`;
      if (!input.value) input.value = text;
    }
  });

  return {
    attach(newClient, name) {
      client = newClient;
      myName = name;
      members = new Map();
      log.replaceChildren();
      const channel = client.channel(CHANNEL);
      channel.on('subscribed', () => askWhoIsThere(channel));
      channel.on('presence', (change) => {
        if (change.members) {
          showPresent(change);
          return;
        }
        for (const member of change.left) members.delete(member.member);
        for (const member of change.joined) members.set(member.member, nameOf(member));
        showPeople(change.count);
        // A crowd that comes at once is not told each other's names.
        if (members.size !== change.count && members.size < MOST_NAMES) askWhoIsThere(channel);
      });
      channel.on('gap', () => {
        appendTo(
          log,
          make('li', { className: 'chat-line gap', text: 'Some messages are too old to be shown.' }),
          MOST_LINES,
        );
      });
      channel.subscribe(showMessage, { presence: true, last: 30 }).catch((error) => {
        byId('chat-error').textContent = `No chat: ${error.message}`;
      });
    },
  };
}
