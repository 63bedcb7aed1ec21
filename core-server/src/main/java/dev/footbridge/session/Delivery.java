package dev.footbridge.session;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.wire.Value;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Passes what came up on to the endpoint, without the session's lock: one thing at a time and in
 * order, by whichever thread is there. Guarded by the session, except for {@link #run}.
 */
final class Delivery {
  private final Object session;
  private final Consumer<RuntimeException> failed;
  private @Nullable Endpoint endpoint;
  private @Nullable ArrayDeque<Object> inbox;
  private @Nullable Consumer<Endpoint> last;
  private boolean delivering;

  /**
   * @param session its lock
   * @param failed is told, without the lock, of what the endpoint throws
   */
  Delivery(Object session, Consumer<RuntimeException> failed) {
    this.session = session;
    this.failed = failed;
  }

  void begin(Endpoint to) {
    endpoint = to;
  }

  Endpoint endpoint() {
    Endpoint to = endpoint;
    if (to == null) {
      throw new IllegalStateException("The session has not opened yet.");
    }
    return to;
  }

  /** What the endpoint receives next. */
  void add(Value value) {
    queue(value);
  }

  /** What is done with the endpoint next, when it has received all before. */
  void add(Consumer<Endpoint> step) {
    queue(step);
  }

  private void queue(Object next) {
    if (inbox == null) {
      inbox = new ArrayDeque<>(4);
    }
    inbox.add(next);
  }

  /** The last thing that is done; whatever waits before it is dropped. */
  void end(Consumer<Endpoint> step) {
    inbox = null;
    last = step;
  }

  /** Passes everything on, unless another thread is at it. Call without the lock. */
  void run() {
    while (true) {
      Object next;
      Endpoint to;
      synchronized (session) {
        to = endpoint;
        if (delivering || to == null) {
          return;
        }
        next = next();
        if (next == null) {
          return;
        }
        delivering = true;
      }
      try {
        pass(next, to);
      } catch (RuntimeException e) {
        failed.accept(e);
      } finally {
        synchronized (session) {
          delivering = false;
        }
      }
    }
  }

  private @Nullable Object next() {
    Object next = inbox == null ? null : inbox.poll();
    if (next == null) {
      inbox = null;
      next = last;
      last = null;
    }
    return next;
  }

  @SuppressWarnings("unchecked") // Nothing else is queued.
  private static void pass(Object next, Endpoint to) {
    if (next instanceof Value value) {
      to.receive(value);
    } else {
      ((Consumer<Endpoint>) next).accept(to);
    }
  }
}
