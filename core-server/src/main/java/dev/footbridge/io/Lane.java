package dev.footbridge.io;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queue of work of one I/O thread. Tasks run in the order they were given, one at a time, all
 * on that thread. However many are given while the thread is busy, it is woken once: that is what
 * lets a broadcast first reach every subscriber's buffer and then leave in one write each.
 *
 * <p>Safe for any thread. A task that throws is logged and does not stop the others.
 */
public final class Lane implements Executor {
  private static final Logger LOG = LoggerFactory.getLogger(Lane.class);

  /** After this many tasks the thread looks at its sockets again before it goes on. */
  private static final int MAX_TASKS_A_RUN = 16_384;

  private final Executor thread;
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean scheduled = new AtomicBoolean();
  private final Runnable run = this::run;

  /**
   * @param thread runs what it is given one after the other on one thread, as an XNIO I/O thread
   *     does
   */
  public Lane(Executor thread) {
    this.thread = thread;
  }

  @Override
  public void execute(Runnable task) {
    tasks.add(task);
    schedule();
  }

  private void schedule() {
    if (!scheduled.get() && scheduled.compareAndSet(false, true)) {
      thread.execute(run);
    }
  }

  private void run() {
    for (int i = 0; i < MAX_TASKS_A_RUN; i++) {
      Runnable task = tasks.poll();
      if (task == null) {
        break;
      }
      try {
        task.run();
      } catch (RuntimeException | Error e) {
        // An error too: a lane that stops would leave its connections hanging for ever.
        LOG.error("A task on an I/O thread failed.", e);
      }
    }
    scheduled.set(false);
    if (!tasks.isEmpty()) {
      schedule();
    }
  }
}
