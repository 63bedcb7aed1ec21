import { mock } from 'node:test';

/** Collects the messages of what is thrown by actions of timers, which would be uncaught errors, until mocks are restored. */
export function collectFaults() {
  const faults = [];
  const later = globalThis.setTimeout;
  mock.method(globalThis, 'setTimeout', (action, ms) =>
    later(() => {
      try {
        action();
      } catch (error) {
        faults.push(error.message);
      }
    }, ms),
  );
  return faults;
}
