package dev.footbridge.support;

import io.netty.util.Timeout;
import io.netty.util.Timer;
import io.netty.util.TimerTask;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** A timer that runs on the thread that lets its clock go on. Safe for any thread. */
public final class ManualTimer implements Timer {
  private final ManualClock clock;
  private final List<Pending> pending = new ArrayList<>();

  /** A timer by the given clock. */
  public ManualTimer(ManualClock clock) {
    this.clock = clock;
  }

  /** Lets the clock go on and runs what is due, in the order of time. */
  public void advance(long amount, TimeUnit unit) {
    clock.advance(unit.toNanos(amount));
    for (Pending due = nextDue(); due != null; due = nextDue()) {
      due.run();
    }
  }

  /** How many tasks wait. */
  public synchronized int waiting() {
    return pending.size();
  }

  private synchronized Pending nextDue() {
    Pending first =
        pending.stream().min(Comparator.comparingLong(task -> task.atNanos)).orElse(null);
    if (first == null || first.atNanos > clock.getAsLong()) {
      return null;
    }
    pending.remove(first);
    return first;
  }

  private synchronized boolean remove(Pending task) {
    return pending.remove(task);
  }

  @Override
  public synchronized Timeout newTimeout(TimerTask task, long delay, TimeUnit unit) {
    Pending made = new Pending(task, clock.getAsLong() + unit.toNanos(delay));
    pending.add(made);
    return made;
  }

  @Override
  public synchronized Set<Timeout> stop() {
    Set<Timeout> left = new HashSet<>(pending);
    pending.clear();
    return left;
  }

  private final class Pending implements Timeout {
    private final TimerTask task;
    private final long atNanos;
    private volatile boolean cancelled;
    private volatile boolean expired;

    Pending(TimerTask task, long atNanos) {
      this.task = task;
      this.atNanos = atNanos;
    }

    void run() {
      expired = true;
      try {
        task.run(this);
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public Timer timer() {
      return ManualTimer.this;
    }

    @Override
    public TimerTask task() {
      return task;
    }

    @Override
    public boolean isExpired() {
      return expired;
    }

    @Override
    public boolean isCancelled() {
      return cancelled;
    }

    @Override
    public boolean cancel() {
      cancelled = remove(this);
      return cancelled;
    }
  }
}
