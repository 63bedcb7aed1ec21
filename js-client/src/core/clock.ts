import { root } from './root.js';

/** The longest wait that browsers know: with more they do not wait at all. */
const LONGEST_MS = 0x7fffffff;

/** Milliseconds of a clock that nobody sets, where there is one: only differences mean anything. */
export function now(): number {
  const { performance } = root;
  return performance && performance.now ? performance.now() : wallClock();
}

/** Milliseconds since 1970, as this machine believes. */
export function wallClock(): number {
  return new Date().getTime();
}

/** Does something later; `after` again puts it off, and replaces what is to be done. */
export interface Timer {
  after(ms: number, action: () => void): void;
  stop(): void;
}

/** Makes a timer. */
export function timer(): Timer {
  let id: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(id);
  return {
    after(ms, action) {
      stop();
      id = setTimeout(action, Math.min(ms, LONGEST_MS));
    },
    stop,
  };
}
