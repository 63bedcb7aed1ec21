/** Notices a connection on which nothing is heard any more. */
export interface Watchdog {
  /** Something was heard. */
  heard(): void;
  stop(): void;
}

/**
 * Calls `quiet` after every silence of `pingMs`, and `dead` once it lasted twice as long.
 *
 * @param pingMs asked anew each time, since a welcome may change it
 */
export function watchdog(pingMs: () => number, quiet: () => void, dead: () => void): Watchdog {
  let timer: ReturnType<typeof setTimeout>;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = setTimeout(dead, pingMs());
      quiet();
    }, pingMs());
  };
  heard();
  return { heard, stop: () => clearTimeout(timer) };
}
