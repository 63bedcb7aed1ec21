/** How much longer the bound of a wait is than that of the one before. */
const GROWTH = 1.5;

/**
 * How long to wait before the next attempt: full jitter, that is a random time between nothing and a bound that
 * grows with each attempt. Thousands of clients that lost the same server so come back spread out. It grows by half
 * and does not double, since the wait after a failure should not be much longer than the failure was.
 */
export class Backoff {
  private attempts = 0;

  constructor(
    private minMs = 300,
    private maxMs = 20000,
    private random: () => number = Math.random,
  ) {}

  /** The wait before the next attempt, in milliseconds. */
  next(): number {
    const bound = Math.min(this.maxMs, this.minMs * Math.pow(GROWTH, Math.min(this.attempts++, 30)));
    return Math.round(this.random() * bound);
  }

  /** How many waits were handed out since the last reset. */
  count(): number {
    return this.attempts;
  }

  /** The last attempt worked: the next wait is short again. */
  reset(): void {
    this.attempts = 0;
  }

  /** The last attempt worked, but not for long: the next wait is that after so many attempts at most. */
  ease(attempts: number): void {
    this.attempts = Math.min(this.attempts, attempts);
  }
}
