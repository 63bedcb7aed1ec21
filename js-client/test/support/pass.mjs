import { mock } from 'node:test';

/** Lets time pass in small steps, so that what begins meanwhile ends in its time too. */
export function pass(ms) {
  const step = Math.max(5, ms / 2000);
  for (let left = ms; left > 0; left -= step) mock.timers.tick(Math.min(left, step));
}
