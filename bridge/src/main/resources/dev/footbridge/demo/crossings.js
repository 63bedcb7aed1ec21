/** The ways across: where this browser stands, where others stand, and what goes over. */
import { byId, lessMotion, make } from './dom.js';
import { TRANSPORT_NAMES, TRANSPORTS } from './transports.js';

const CHANNEL = 'demo:transports';
const REPEAT_MS = 30000;
const GONE_MS = 75000;
const MOST_PACKETS = 24;
const MOST_NAMES = 3;
const TOUR_STEP_MS = 2600;
const MY_ID = Math.random().toString(36).slice(2, 10);

export function crossings() {
  const rungs = new Map(TRANSPORTS.map((name) => [name, document.querySelector(`.rung[data-rung=${name}]`)]));
  const auto = document.querySelector('[data-rung=auto]');
  const tourButton = byId('tour');
  /** Other visitors: name, transport and when they were heard of, by their id. */
  const others = new Map();
  /** The names of all who are present, once that is known. */
  let present;
  let client;
  let myName = '';
  let forced = null;
  let packets = 0;
  let tour;

  function stand(transport) {
    for (const [name, rung] of rungs) {
      rung.toggleAttribute('data-here', name === transport);
      if (name === transport) rung.removeAttribute('data-trying');
    }
    showWalkers();
  }

  function force(name) {
    try {
      client.debug.force(name);
    } catch (error) {
      byId('bench-note').textContent = `${TRANSPORT_NAMES[name]} cannot be used in this browser.`;
      rungs.get(name).disabled = true;
      return false;
    }
    forced = name;
    for (const [own, rung] of rungs) {
      rung.setAttribute('aria-pressed', String(own === name));
      rung.toggleAttribute('data-trying', own === name && client.transport !== name);
    }
    auto.setAttribute('aria-pressed', String(name === null));
    return true;
  }

  function stopTour() {
    clearTimeout(tour);
    tour = undefined;
    tourButton.setAttribute('aria-pressed', 'false');
    tourButton.textContent = 'Walk all the ways';
  }

  function startTour() {
    const steps = [...TRANSPORTS, null];
    const next = () => {
      if (steps.length === 0) return stopTour();
      force(steps.shift());
      tour = setTimeout(next, TOUR_STEP_MS);
    };
    tourButton.setAttribute('aria-pressed', 'true');
    tourButton.textContent = 'Stop walking';
    next();
  }

  function showWalkers() {
    const byTransport = new Map(TRANSPORTS.map((name) => [name, []]));
    for (const [id, other] of others) {
      if (Date.now() - other.heard > GONE_MS) others.delete(id);
      else if (!present || present.has(other.name)) byTransport.get(other.transport)?.push(other.name);
    }
    for (const [name, rung] of rungs) {
      const names = byTransport.get(name);
      const shown = names.slice(0, MOST_NAMES).map((text) => make('span', { className: 'walker', text }));
      if (names.length > MOST_NAMES) {
        shown.push(make('span', { className: 'walker', text: `+${names.length - MOST_NAMES}` }));
      }
      if (rung.hasAttribute('data-here'))
        shown.unshift(make('span', { className: 'walker me', text: myName || 'you' }));
      rung.querySelector('.rung-walkers').replaceChildren(...shown);
    }
  }

  function announce() {
    if (client.state !== 'online') return;
    const data = { visitor: MY_ID, name: myName, transport: client.transport };
    client
      .channel(CHANNEL)
      .publish(data)
      .catch(() => undefined);
  }

  for (const [name, rung] of rungs) {
    rung.addEventListener('click', () => {
      stopTour();
      force(name);
    });
  }
  auto.addEventListener('click', () => {
    stopTour();
    force(null);
  });
  tourButton.addEventListener('click', () => {
    if (tour === undefined) return startTour();
    stopTour();
    force(null);
  });
  byId('drop').addEventListener('click', () => client.debug.drop());
  setInterval(announce, REPEAT_MS);
  setInterval(showWalkers, REPEAT_MS / 3);

  return {
    /** Shows a message go over: 'up' to the server or 'down' from it. */
    packet(direction) {
      const deck = rungs.get(client.transport)?.querySelector('.rung-deck');
      if (!deck || document.hidden || lessMotion.matches || packets >= MOST_PACKETS) return;
      const dot = make('span', { className: `packet ${direction}` });
      const path = [{ left: '0%' }, { left: '100%' }];
      deck.append(dot);
      packets++;
      const run = dot.animate(direction === 'up' ? path : path.reverse(), {
        duration: 700,
        easing: 'ease-in-out',
      });
      run.finished.finally(() => {
        dot.remove();
        packets--;
      });
    },

    /** Who is present at all: one who left stands nowhere. */
    onlyPresent(names) {
      present = names;
      showWalkers();
    },

    attach(newClient, name) {
      client = newClient;
      myName = name;
      client.on('transport', (transport) => {
        stand(transport);
        announce();
      });
      if (forced) force(forced);
      client
        .channel(CHANNEL)
        .subscribe(
          ({ data, time }) => {
            if (!data || data.visitor === MY_ID || !rungs.has(data.transport)) return;
            others.set(data.visitor, { name: String(data.name), transport: data.transport, heard: time });
            showWalkers();
          },
          { last: 50 },
        )
        .catch(() => undefined);
    },
  };
}
