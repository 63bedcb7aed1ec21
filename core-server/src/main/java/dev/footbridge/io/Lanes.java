package dev.footbridge.io;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/** The lanes of a node: one for each I/O thread. Safe for any thread. */
public final class Lanes {
  private final Map<Executor, Lane> byThread = new ConcurrentHashMap<>();
  private final List<Lane> all;
  private final AtomicInteger next = new AtomicInteger();

  /**
   * @param threads the I/O threads; at least one
   */
  public Lanes(List<? extends Executor> threads) {
    if (threads.isEmpty()) {
      throw new IllegalArgumentException("A node needs at least one I/O thread.");
    }
    this.all = threads.stream().map(this::of).toList();
  }

  /** The lane of the given thread. */
  public Lane of(Executor thread) {
    return byThread.computeIfAbsent(thread, Lane::new);
  }

  /** A lane for work that belongs to no connection; in turn. */
  public Lane any() {
    return all.get(Math.floorMod(next.getAndIncrement(), all.size()));
  }
}
