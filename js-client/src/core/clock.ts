/** Milliseconds of the clock. */
export function now(): number {
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
      id = setTimeout(action, ms);
    },
    stop,
  };
}
