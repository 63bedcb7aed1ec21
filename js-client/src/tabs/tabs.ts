/**
 * Several tabs, one connection. One tab leads: it has the session, and the others go through it. Who leads is whoever
 * holds a Web Lock, so that when that tab closes or crashes the next takes over at once: it opens a session of its own,
 * and every tab goes on as after the loss of a session, from its positions, sending again what was not answered.
 */
import { each, merged } from '../core/lists.js';
import { randomKey } from '../core/random.js';
import { root } from '../core/root.js';
import type { Welcome } from '../core/wire.js';
import type { TransportName } from '../core/wire.js';
import { welcomeOf } from '../core/wire.js';
import { guarded } from '../core/guarded.js';
import { failure } from '../core/problem.js';
import type { Session, SessionListener, Share } from '../session/session.js';
import { switchboard } from './switchboard.js';

/** How often a tab that is looked at reminds the leader, which may be in the background where timers are slow. */
const LOOK_MS = 2000;

/** What the leader says: numbered, so that a tab notices when it missed something. */
interface Word {
  era: string;
  number: number;
  /** The only tab that it is for. */
  to?: string;
  kind: 'lead' | 'begun' | 'lost' | 'value' | 'state' | 'resumed' | 'reconnecting' | 'ended';
  value: any;
}

/** What a tab says to the leader. */
interface Wish {
  from: string;
  kind: 'hello' | 'gone' | 'offer' | 'look' | 'changed' | 'force' | 'drop';
  value?: any;
}

/**
 * Lets all tabs of one origin that give this name share one connection. Only for tabs of one user: what one may do, all
 * may. Where the platform has no Web Locks or no BroadcastChannel each tab connects for itself.
 *
 * @param name what the tabs have in common, by default the address of the server
 */
export function tabs(name?: string): Share {
  return (url, create, listener) => {
    const { BroadcastChannel, navigator } = root;
    const locks = navigator && navigator.locks;
    try {
      if (BroadcastChannel && locks) return member('footbridge ' + (name || url), locks, create, listener);
    } catch (forbidden) {
      // as where a page may keep nothing
    }
    return create(listener);
  };
}

function member(
  group: string,
  locks: LockManager,
  create: (listener: SessionListener) => Session,
  listener: SessionListener,
): Session {
  const me = randomKey();
  const bus: BroadcastChannel = new root.BroadcastChannel(group);
  /** Nobody shares with us: locks are there and may not be used. */
  let alone = false;
  const looking = setInterval(() => looks && wish('look', true), LOOK_MS);
  let looks = true;
  let forced: TransportName | null = null;
  /** The leader that is listened to, and the number of its last word. */
  let era = '';
  let heard = 0;
  let begun = false;
  let leader: { take(wish: Wish): void; real: Session } | undefined;
  const release: Array<() => void> = [];

  const wish = (kind: Wish['kind'], value?: unknown) => {
    if (session.state === 'closed') return;
    if (leader) leader.take({ from: me, kind, value });
    else bus.postMessage({ from: me, kind, value });
  };
  const lose = (code: string) => {
    if (!begun) return;
    begun = false;
    session.welcome = undefined;
    setState('connecting');
    listener.lost({ code }, []);
  };
  const setState = (state: Session['state']) => {
    if (session.state === state) return;
    session.state = state;
    listener.state(state);
  };

  /** The leader says something; what a tab missed before, it makes good by beginning anew. */
  const hear = ({ era: now, number, to, kind, value }: Word) => {
    const missed = now !== era || number !== heard + 1;
    era = now;
    heard = number;
    if (session.state === 'closed') return;
    const ours = !to || to === me;
    const begins = ours && kind === 'begun' && value && welcomeOf(value.welcome);
    if (missed) lose('leader');
    if (missed && !begins) wish('hello', looks);
    if (!ours) return;
    if (begins) {
      begun = true;
      session.welcome = value.welcome;
      listener.begun(value.welcome, 0);
      stand(value);
    } else if (kind === 'ended') {
      finish();
      listener.ended(value);
    } else if (kind === 'state') {
      if (begun || value.state !== 'online') stand(value);
    } else if (kind === 'reconnecting') {
      listener.reconnecting(value.attempt, value.delay, value.problem);
    } else if (!begun) {
      return; // what the leader says to all is not for one that has not begun
    } else if (kind === 'lost') {
      lose(value);
    } else if (kind === 'value') {
      session.stats.received++;
      listener.message(value);
    } else if (kind === 'resumed') {
      session.stats.resumes++;
      listener.resumed();
    }
  };
  const stand = ({ state, transport }: Pick<Session, 'state' | 'transport'>) => {
    const changed = transport && transport !== session.transport;
    if (changed && session.transport) session.stats.changes++;
    session.transport = transport;
    setState(state);
    if (changed) listener.transport(transport);
  };

  const finish = () => {
    if (session.state === 'closed') return;
    setState('closed');
    clearInterval(looking);
    each(release, (go) => go());
    bus.close();
  };

  const session: Session = {
    state: 'connecting',
    transport: null,
    welcome: undefined,
    stats: { sent: 0, received: 0, resumes: 0, changes: 0 },
    open() {
      const hold = (lock: string, then: () => void) =>
        locks.request(lock, () => {
          if (session.state !== 'closed') guarded(then);
          return new Promise<void>((resolve) => {
            if (session.state === 'closed') resolve();
            else release.push(resolve);
          });
        });
      bus.onmessage = ({ data }) => {
        // Another version of this library may say what this one does not know.
        if (!data || typeof data !== 'object') return;
        if (data.era) hear(data);
        else if (leader && data.from) leader.take(data);
      };
      // That this one is free tells the leader that the tab has gone, however it went.
      const forbidden = () => {
        if (!alone && !leader) {
          alone = true;
          lead();
        }
      };
      hold(group + me, () => wish('hello', looks)).then(undefined, forbidden);
      hold(group, lead).then(undefined, forbidden);
    },
    offer(message) {
      if (session.state === 'closed') throw failure('closed', 'the client is closed');
      session.stats.sent++;
      wish('offer', message);
    },
    force(rung) {
      forced = rung;
      wish('force', rung);
    },
    drop: () => wish('drop'),
    wake: (changed) => (changed ? wish('changed') : wish('look', looks)),
    watched(now) {
      looks = now;
      wish('look', looks);
    },
    close() {
      if (leader) leader.real.close();
      session.leave();
    },
    leave() {
      const address = leader && leader.real.leave();
      if (!leader) wish('gone');
      finish();
      return address;
    },
  };

  /** From now on this tab leads. */
  function lead(): void {
    if (session.state === 'closed') return;
    const own = randomKey();
    const watching: { [tab: string]: boolean } = {};
    let number = 0;
    const say = (kind: Word['kind'], value?: unknown, to?: string) => {
      const word: Word = { era: own, number: ++number, to, kind, value };
      if (!alone) bus.postMessage(word);
      hear(word);
    };
    const board = switchboard(
      (text) => real.offer(text),
      (value, tab) => say('value', value, tab),
    );
    const where = () => ({ welcome: known, state: real.state, transport: real.transport });
    let known: Welcome | undefined;
    const real = create({
      opening: () => ({ subscribe: [], messages: [] }),
      begun(welcome) {
        known = merged(welcome, { subscribed: {}, messages: undefined }) as unknown as Welcome;
        say('begun', where());
      },
      lost({ code }) {
        known = undefined;
        board.lost();
        say('lost', code);
      },
      message: (value) => board.message(value),
      resumed: () => say('resumed'),
      state: () => real.state === 'closed' || say('state', where()),
      transport: () => say('state', where()),
      reconnecting: (attempt, delay, problem) => say('reconnecting', { attempt, delay, problem }),
      ended: (problem) => say('ended', problem),
    });
    const gone = (tab: string) => {
      delete watching[tab];
      board.gone(tab);
      look();
    };
    const look = () => {
      let any = false;
      for (const tab in watching) any = any || watching[tab]!;
      real.watched(any);
    };
    leader = {
      real,
      take({ from, kind, value }) {
        if (real.state === 'closed') return;
        if (kind === 'hello') {
          board.gone(from);
          if (!(from in watching) && from !== me) locks.request(group + from, () => gone(from));
          watching[from] = !!value;
          look();
          if (known) say('begun', where(), from);
        } else if (kind === 'offer') {
          if (known && from in watching) guarded(() => board.take(from, value));
        } else if (kind === 'look') {
          if (from in watching) watching[from] = !!value;
          look();
        } else if (kind === 'changed') real.wake(true);
        else if (kind === 'gone') gone(from);
        else if (kind === 'force') guarded(() => real.force(value));
        else if (kind === 'drop') real.drop();
      },
    };
    if (forced) guarded(() => real.force(forced));
    say('lead'); // which is the first word of its era, so that all tabs come, this one too
    real.open();
  }

  return session;
}
