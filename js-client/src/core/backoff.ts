import { now } from './clock.js';

/** How much of the time for which it has not worked is added to the bound of a wait. */
const SHARE = 0.7;

/**
 * How long to wait before the next attempt: full jitter, that is a random time between nothing and a bound that grows
 * for as long as the attempts fail. Thousands of clients that lost the same server so come back spread out, and none
 * waits much longer than it was away.
 */
export class Backoff {
  private attempts = 0;
  private since = 0;

  /** @param clock milliseconds of a clock */
  constructor(
    private minMs = 300,
    private maxMs = 20000,
    private random: () => number = Math.random,
    private clock: () => number = now,
  ) {}

  /** The wait before the next attempt, in milliseconds. */
  next(): number {
    const time = this.clock();
    if (!this.attempts++) this.since = time;
    return Math.round(
      this.random() * Math.min(this.maxMs, this.minMs + SHARE * Math.max(0, time - this.since)),
    );
  }

  /** How many waits were handed out since the last reset. */
  count(): number {
    return this.attempts;
  }

  /** The last attempt worked: the next wait is short again. */
  reset(): void {
    this.attempts = 0;
  }

  /** The last attempt worked, but not for long: the next wait is as if attempts had failed for so long at most. */
  ease(ms: number): void {
    this.since = Math.max(this.since, this.clock() - ms);
  }
}
