package dev.footbridge.bridge.transport;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How often short pollers are asked to come: the usual interval, and longer the more empty polls
 * there are. Safe for any thread; {@link #check} is called about once a second.
 */
public final class PollAdvice {
  private static final int MOST_TIMES = 10;

  private final int intervalSeconds;
  private final int budget;
  private final AtomicInteger empty = new AtomicInteger();
  private volatile int times = 1;

  /**
   * @param intervalSeconds the usual interval
   * @param budget empty polls a second above which it grows
   */
  public PollAdvice(int intervalSeconds, int budget) {
    this.intervalSeconds = intervalSeconds;
    this.budget = budget;
  }

  /** A poll was empty; the advice in seconds. */
  public int empty() {
    empty.incrementAndGet();
    return intervalSeconds * times;
  }

  /** A second has passed. */
  public void check() {
    int count = empty.getAndSet(0);
    if (count > budget) {
      times = Math.min(MOST_TIMES, times * 2);
    } else if (count <= budget / 2) {
      times = Math.max(1, times / 2);
    }
  }
}
