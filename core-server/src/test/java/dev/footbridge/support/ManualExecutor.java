package dev.footbridge.support;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;

/** An I/O thread that is not one: what it is given waits until {@link #run}. Not thread-safe. */
public final class ManualExecutor implements Executor {
  private final Queue<Runnable> tasks = new ArrayDeque<>();

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
  }

  /** Runs all that waits, and what that brings. */
  public void run() {
    for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
      task.run();
    }
  }

  /** How many tasks wait. */
  public int waiting() {
    return tasks.size();
  }
}
