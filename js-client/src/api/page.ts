/** What a page is told that matters to a connection: that somebody looks, that the network changed, that it ends. */
import { wallClock } from '../core/clock.js';
import { each } from '../core/lists.js';
import { root } from '../core/root.js';
import type { Session } from '../session/session.js';

/** A timer that is so late has slept, and the machine with it. */
const TICK_MS = 5000;
const ASLEEP_MS = 30000;

/** Lets the session know of it, where there is a page or a worker. Returns a function that ends that. */
export function attend(session: Session): () => void {
  const { document, navigator = {} } = root;
  const stops: Array<() => void> = [];
  const listen = (target: any, type: string, action: (event: any) => void) => {
    if (!target || !target.addEventListener) return;
    target.addEventListener(type, action);
    stops.push(() => target.removeEventListener(type, action));
  };
  const changed = () => session.wake(true);

  listen(root, 'online', changed);
  listen(navigator.connection, 'change', changed);
  if (document) {
    const look = () => session.watched(document.visibilityState !== 'hidden');
    let ticked = wallClock();
    const clock = setInterval(() => {
      if (wallClock() - ticked > ASLEEP_MS && document.visibilityState !== 'hidden') changed();
      ticked = wallClock();
    }, TICK_MS);
    stops.push(() => clearInterval(clock));
    listen(document, 'visibilitychange', look);
    // A page that comes back out of the browser's cache slept without its timers.
    listen(root, 'pageshow', (event) => event.persisted && changed());
    listen(root, 'pagehide', (event) => {
      // Only a beacon still gets out of a page that goes away.
      const address = !event.persisted && navigator.sendBeacon && session.leave();
      if (address) navigator.sendBeacon(address);
    });
    if (document.visibilityState === 'hidden') look();
  }
  return () => each(stops, (stop) => stop());
}
