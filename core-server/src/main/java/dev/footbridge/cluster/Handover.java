package dev.footbridge.cluster;

import dev.footbridge.io.Stages;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionState;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.SessionStore;
import dev.footbridge.wire.ErrorCode;
import io.netty.util.Timer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives a node's sessions away when it goes down: each is brought to rest, written whole, released,
 * and only then its client is sent to come back. At a pace, so that the others do not see a herd;
 * at once when there are no others, since what comes back then is this node's next process.
 *
 * <p>A session that cannot move is left where it is. One that did not come to rest goes on and is
 * tried once more in the end; one that could not be written waits for the store, at rest, since a
 * failure leaves open whether another node has it already. None of them holds up the rest. See
 * {@link #abandon} for what becomes of those that are left.
 */
final class Handover {
  private static final Logger LOG = LoggerFactory.getLogger(Handover.class);
  private static final long STEP_MILLIS = 50;

  /** The last part of the window is for what did not go at first, and for the last words. */
  private static final int RESERVE = 4;

  /** Written at a time, so that states of many megabytes do not pile up in the connection. */
  private static final int MOST_WRITING = 64;

  private static final long MOST_DELAY_MILLIS = 300;

  /** Between two attempts to write a session. */
  private static final long AGAIN_MILLIS = 300;

  private final Sessions sessions;
  private final SessionStore store;
  private final SessionKeeper keeper;
  private final Timer timer;
  private final LongSupplier nanoClock;
  private final CompletableFuture<Integer> done = new CompletableFuture<>();

  // Guarded by this.
  private final Queue<Session> notBegun = new ArrayDeque<>();
  private final Queue<AtRest> toWrite = new ArrayDeque<>();
  private final List<Session> failed = new ArrayList<>();
  private int all;
  private long begunNanos;
  private long spreadNanos;
  private int underWay;
  private int writing;
  private int moved;
  private boolean pumping;
  private boolean lastTry;
  private boolean abandoned;

  private record AtRest(Session session, SessionState state) {}

  Handover(
      Sessions sessions,
      SessionStore store,
      SessionKeeper keeper,
      Timer timer,
      LongSupplier nanoClock) {
    this.sessions = sessions;
    this.store = store;
    this.keeper = keeper;
    this.timer = timer;
    this.nanoClock = nanoClock;
  }

  /**
   * Gives all sessions away. Once.
   *
   * @param windowMillis over how long; 0 for at once
   * @return completes when all have gone that could, with how many have
   */
  CompletionStage<Integer> run(long windowMillis) {
    synchronized (this) {
      notBegun.addAll(sessions.all());
      all = notBegun.size();
      begunNanos = nanoClock.getAsLong();
      spreadNanos = TimeUnit.MILLISECONDS.toNanos(windowMillis - windowMillis / RESERVE);
    }
    step();
    return done;
  }

  private void step() {
    due().forEach(this::bringToRest);
    if (!isOver()) {
      later(STEP_MILLIS, this::step);
    }
  }

  private void later(long millis, Runnable action) {
    var unused = timer.newTimeout(timeout -> action.run(), millis, TimeUnit.MILLISECONDS);
  }

  /** Those whose turn it is: by the clock and not by the step, as steps may come late. */
  private synchronized List<Session> due() {
    List<Session> due = new ArrayList<>();
    if (abandoned) {
      return due;
    }
    long passed = nanoClock.getAsLong() - begunNanos + TimeUnit.MILLISECONDS.toNanos(STEP_MILLIS);
    long begun =
        passed >= spreadNanos ? all : (long) Math.ceil((double) all * passed / spreadNanos);
    while (all - notBegun.size() < begun) {
      due.add(notBegun.remove());
    }
    if (notBegun.isEmpty() && !lastTry && (underWay == 0 || passed >= spreadNanos)) {
      lastTry = due.isEmpty();
      due.addAll(lastTry ? failed : List.of());
      failed.clear();
    }
    underWay += due.size();
    return due;
  }

  private boolean isOver() {
    int count;
    synchronized (this) {
      if (!abandoned && !(notBegun.isEmpty() && underWay == 0 && lastTry)) {
        return false;
      }
      count = moved;
    }
    done.complete(count);
    return true;
  }

  private void bringToRest(Session session) {
    Stages.on(
        sessions.freeze(session),
        state -> {
          synchronized (this) {
            toWrite.add(new AtRest(session, state));
          }
          pump();
        },
        failure -> stays(session, failure));
  }

  private void stays(Session session, Throwable failure) {
    LOG.debug("{} could not be given away.", session, failure);
    sessions.thaw(session);
    synchronized (this) {
      underWay--;
      if (!lastTry) {
        failed.add(session);
      }
    }
  }

  /** Begins to write as many as may be written at a time; one thread does, also for others. */
  private void pump() {
    for (AtRest next = next(false); next != null; next = next(true)) {
      write(next);
    }
  }

  private synchronized @Nullable AtRest next(boolean own) {
    if (pumping && !own) {
      return null;
    }
    pumping = !abandoned && writing < MOST_WRITING && !toWrite.isEmpty();
    if (!pumping) {
      return null;
    }
    writing++;
    return toWrite.remove();
  }

  private void write(AtRest whole) {
    Session session = whole.session();
    Stages.on(
        store.release(
            session.id(),
            keeper.tenancy(session.id()),
            SessionKeeper.record(session),
            whole.state().encode(),
            keeper.timeToLiveMillis()),
        released -> {
          letGo(session, released);
          synchronized (this) {
            writing--;
            underWay--;
            moved += released ? 1 : 0;
          }
          pump();
        },
        failure -> {
          LOG.debug("{} could not be written.", session, failure);
          synchronized (this) {
            writing--;
          }
          later(
              AGAIN_MILLIS,
              () -> {
                synchronized (this) {
                  toWrite.add(whole);
                }
                pump();
              });
          pump();
        });
  }

  private void letGo(Session session, boolean released) {
    keeper.disowned(session.id());
    if (released) {
      // Only a session that ended meanwhile is not let go of; nobody can have it then.
      sessions.handedOver(session, farewell());
    } else {
      sessions.drop(session, farewell());
    }
  }

  /**
   * Lets go of what could not be given away, without its messages: whoever gets its next request
   * rebuilds it from its record, as if this node had died. What can be rebuilt nowhere stays.
   *
   * @return how many these are
   */
  int abandon() {
    synchronized (this) {
      abandoned = true;
    }
    int count = 0;
    for (Session session : sessions.all()) {
      if (session.endpointState() != null) {
        keeper.disowned(session.id());
        sessions.drop(session, farewell());
        count++;
      }
    }
    return count;
  }

  private static Bye farewell() {
    return new Bye(
        ErrorCode.DRAINING.code(), true, ThreadLocalRandom.current().nextLong(MOST_DELAY_MILLIS));
  }
}
