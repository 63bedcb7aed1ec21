/** A theatre: seats are taken by calling the server, and everybody sees it at once. */
import { byId, make } from './dom.js';

const CHANNEL = 'demo:seats';

export function seats() {
  const house = byId('seats');
  const note = byId('seat-note');
  /** The buttons, by the seat's name. */
  const buttons = new Map();
  let client;
  let myName;

  function say(text, kind = '') {
    note.textContent = text;
    note.dataset.kind = kind;
  }

  function show(seat, holder) {
    const button = buttons.get(seat);
    if (!button) return;
    const state = !holder ? 'free' : holder === myName ? 'mine' : 'taken';
    const words = { free: 'free', mine: 'yours', taken: `taken by ${holder}` }[state];
    button.dataset.state = state;
    button.dataset.holder = holder || '';
    button.setAttribute('aria-label', `Seat ${seat}, ${words}`);
    button.setAttribute('aria-pressed', String(state === 'mine'));
    button.title = `${seat}: ${words}`;
  }

  function refuse(button, text) {
    say(text, 'lost');
    button.setAttribute('data-refused', '');
    setTimeout(() => button.removeAttribute('data-refused'), 1800);
  }

  async function choose(seat) {
    const button = buttons.get(seat);
    const mine = button.dataset.state === 'mine';
    if (button.dataset.state === 'taken') {
      return refuse(button, `${seat} is taken by ${button.dataset.holder}.`);
    }
    button.setAttribute('data-wish', '');
    try {
      await client.call(mine ? 'demo.seats.release' : 'demo.seats.take', { seat }, { timeout: 10 });
      show(seat, mine ? null : myName);
      say(mine ? `${seat} is free again.` : `${seat} is yours.`, 'won');
    } catch (error) {
      if (error.code === 'taken') {
        const holder = button.dataset.holder;
        refuse(button, `${holder || 'Somebody'} was faster: ${seat} is taken.`);
      } else if (error.code === 'interrupted') {
        say(`The session was lost while you asked for ${seat}. The plan shows who has it.`, 'lost');
      } else if (error.code !== 'closed') {
        refuse(button, `That did not work: ${error.message}`);
      }
    } finally {
      button.removeAttribute('data-wish');
    }
  }

  function build({ rows, columns, taken }) {
    buttons.clear();
    house.style.setProperty('--columns', columns);
    house.replaceChildren();
    for (const row of rows) {
      house.append(make('span', { className: 'row-name', text: row, ariaHidden: 'true' }));
      for (let column = 1; column <= columns; column++) {
        const seat = `${row}${column}`;
        const button = make('button', { type: 'button', className: 'seat', text: column, data: { seat } });
        button.addEventListener('click', () => choose(seat));
        buttons.set(seat, button);
        house.append(button);
        show(seat, taken[seat]);
      }
    }
  }

  async function load() {
    const plan = await client.call('demo.seats.list', null, { timeout: 10 });
    if (buttons.size === 0) return build(plan);
    for (const seat of buttons.keys()) show(seat, plan.taken[seat]);
  }

  return {
    attach(newClient, name) {
      client = newClient;
      myName = name;
      const channel = client.channel(CHANNEL);
      const failed = (error) => {
        if (error.code !== 'closed') say(`No seats to be had: ${error.message}`, 'lost');
      };
      // The plan is asked for once the changes to it are heard, so that none falls between.
      channel.on('subscribed', () => load().catch(failed));
      channel.on('gap', () => load().catch(failed));
      channel.subscribe(({ data }) => show(data.seat, data.holder)).catch(failed);
    },
  };
}
