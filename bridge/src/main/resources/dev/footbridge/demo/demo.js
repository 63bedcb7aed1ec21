/**
 * The demo page: one client, shared by all parts of the page. Each part is a file of its own that exports a function
 * which prepares its elements and returns `attach(client)`; that is called again when the visitor takes another name,
 * since a session belongs to one user.
 *
 * What the parts use:
 *   chat.js       channel demo:chat, {"name","text"}, with presence: who is here
 *   seats.js      procedures demo.seats.list, .take and .release; changes on channel demo:seats
 *   devices.js    procedure demo.devices.report; the board on channel demo:devices
 *   log.js        channel demo:log
 *   bench.js      channel demo:ladder:RANDOM, this page's own: numbered messages, counted as they come back
 *   crossings.js  channel demo:transports, {"visitor","name","transport"}: every page says on which transport it
 *                 stands, whenever that changes and every half minute; who was silent for longer has left
 *
 * For the console and the tests, `window.footbridge` is the client.
 */
import { bench } from './bench.js';
import { chat } from './chat.js';
import { crossings } from './crossings.js';
import { devices } from './devices.js';
import { byId } from './dom.js';
import { log } from './log.js';
import { seats } from './seats.js';
import { strip } from './strip.js';
import { TRANSPORT_NAMES } from './transports.js';

const NAME_KEY = 'footbridge-demo-name';

const ways = crossings();
const parts = [ways, strip(), bench(ways), chat(ways), seats(), devices(), log()];
let client;

function rememberedName() {
  try {
    const name = localStorage.getItem(NAME_KEY);
    if (name) return name;
  } catch {
    // No storage here: the name lasts as long as the page.
  }
  return `guest-${10 + Math.floor(Math.random() * 90)}`;
}

function remember(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // As above.
  }
}

function showState() {
  const { state, transport, session } = client;
  const status = byId('status');
  status.dataset.state = state;
  status.dataset.transport = transport || '';
  if (state === 'online') status.style.setProperty('--here', `var(--${transport})`);
  else status.style.removeProperty('--here');
  byId('status-text').textContent = {
    connecting: 'finding a way across',
    online: `across by ${TRANSPORT_NAMES[transport]}`,
    offline: 'no way across, trying again',
    closed: 'session ended',
  }[state];
  if (session) byId('session-id').textContent = `${session.slice(0, 6)}…`;
}

function showEnd(error) {
  if (client.state !== 'closed') return;
  byId('closed-text').textContent =
    `The server said “${error.code}”. ${error.message === error.code ? '' : error.message}`;
  byId('closed').hidden = false;
  byId('reopen').focus();
}

function open(name) {
  if (client) client.close();
  byId('closed').hidden = true;
  client = window.Footbridge.connect(new URL('.', location.href).href, { token: `guest:${name}` });
  window.footbridge = client;
  client.on('state', showState).on('transport', showState).on('error', showEnd);
  for (const part of parts) part.attach(client, name);
  showState();
}

const nameInput = byId('name-input');
nameInput.value = rememberedName();
remember(nameInput.value);

byId('name-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = nameInput.value.trim();
  if (!name) return;
  nameInput.value = name;
  nameInput.blur();
  remember(name);
  open(name);
});
byId('reopen').addEventListener('click', () => open(nameInput.value));

open(nameInput.value);
