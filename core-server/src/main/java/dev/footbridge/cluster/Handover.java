package dev.footbridge.cluster;

import dev.footbridge.session.Bye;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionState;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.SessionStore;
import dev.footbridge.wire.ErrorCode;
import io.netty.util.Timer;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives a node's sessions away when it goes down: each is brought to rest, written whole, released,
 * and only then its client is sent to come back. In paced batches, so that the others do not see a
 * herd; at once when there are no others, since what comes back then is this node's next process.
 *
 * <p>A session that cannot move is left where it is. One that did not come to rest goes on and is
 * tried once more in the end; one that could not be written waits for the store, at rest. See
 * {@link #abandon} for what becomes of those that are left.
 */
final class Handover {
  private static final Logger LOG = LoggerFactory.getLogger(Handover.class);
  private static final long STEP_MILLIS = 50;

  /** The last part of the window is for what did not go at first, and for the last words. */
  private static final int RESERVE = 4;

  /** Written at a time, so that states of many megabytes do not pile up in the connection. */
  private static final int UNDER_WAY = 64;

  private static final long MOST_DELAY_MILLIS = 300;

  /** Between two attempts to write a session. */
  private static final long AGAIN_MILLIS = 300;

  /** As often as fits into the time that there is, and some more: who waits gives up before. */
  private static final int MOST_ATTEMPTS = 1000;

  private final Sessions sessions;
  private final SessionStore store;
  private final SessionKeeper keeper;
  private final Timer timer;
  private final LongSupplier nanoClock;
  private final AtomicInteger moved = new AtomicInteger();
  private final Queue<Session> failed = new ArrayDeque<>();

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
   * Gives all sessions away.
   *
   * @param windowMillis over how long; 0 for at once
   * @return completes when all have gone that could, with how many have
   */
  CompletionStage<Integer> run(long windowMillis) {
    Pace pace =
        new Pace(
            new ArrayDeque<>(sessions.all()),
            nanoClock.getAsLong(),
            TimeUnit.MILLISECONDS.toNanos(windowMillis - windowMillis / RESERVE));
    CompletableFuture<Integer> done = new CompletableFuture<>();
    step(pace, done);
    return done;
  }

  /** What still waits, and how much of it should have gone by now. */
  private final class Pace {
    private final Queue<Session> queue;
    private final int all;
    private final long begunNanos;
    private final long spreadNanos;

    Pace(Queue<Session> queue, long begunNanos, long spreadNanos) {
      this.queue = queue;
      this.all = queue.size();
      this.begunNanos = begunNanos;
      this.spreadNanos = spreadNanos;
    }

    /** By the clock and not by the step, as steps may take longer than they should. */
    Queue<Session> due() {
      long passed = nanoClock.getAsLong() - begunNanos + TimeUnit.MILLISECONDS.toNanos(STEP_MILLIS);
      long gone =
          passed >= spreadNanos ? all : (long) Math.ceil((double) all * passed / spreadNanos);
      Queue<Session> due = new ArrayDeque<>();
      while (all - queue.size() < gone) {
        due.add(queue.remove());
      }
      return due;
    }

    boolean isOver() {
      return queue.isEmpty();
    }
  }

  private void step(Pace pace, CompletableFuture<Integer> done) {
    var unused =
        keeper
            .each(pace.due(), UNDER_WAY, this::giveAway)
            .whenComplete(
                (given, failure) -> {
                  if (pace.isOver()) {
                    onceMore(done);
                  } else {
                    var unusedTimeout =
                        timer.newTimeout(
                            timeout -> step(pace, done), STEP_MILLIS, TimeUnit.MILLISECONDS);
                  }
                });
  }

  private void onceMore(CompletableFuture<Integer> done) {
    Queue<Session> again;
    synchronized (failed) {
      again = new ArrayDeque<>(failed);
      failed.clear();
    }
    var unused =
        keeper
            .each(again, UNDER_WAY, this::giveAway)
            .whenComplete((given, failure) -> done.complete(moved.get()));
  }

  private CompletionStage<?> giveAway(Session session) {
    return sessions
        .freeze(session)
        .thenCompose(state -> written(session, state, MOST_ATTEMPTS))
        .handle(
            (released, failure) -> {
              if (failure != null) {
                stays(session, failure);
              } else if (released) {
                // Only a session that ended meanwhile is not let go of; nobody can have it then.
                keeper.disowned(session.id());
                sessions.handedOver(session, farewell());
                moved.incrementAndGet();
              } else {
                keeper.disowned(session.id());
                sessions.drop(session, farewell());
              }
              return null;
            });
  }

  /**
   * Lets go of what could not be given away, without its messages: whoever gets its next request
   * rebuilds it from its record, as if this node had died. What can be rebuilt nowhere stays.
   *
   * @return how many these are
   */
  int abandon() {
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

  /**
   * Writes until it is known to be written or another's. A failure leaves open whether it was, and
   * if it was another node may have it already: so the session stays at rest.
   */
  private CompletionStage<Boolean> written(Session session, SessionState state, int attempts) {
    return write(session, state)
        .exceptionallyCompose(
            failure -> {
              if (attempts == 0) {
                return CompletableFuture.failedStage(failure);
              }
              CompletableFuture<Void> wait = new CompletableFuture<>();
              var unused =
                  timer.newTimeout(
                      timeout -> wait.complete(null), AGAIN_MILLIS, TimeUnit.MILLISECONDS);
              return wait.thenCompose(waited -> written(session, state, attempts - 1));
            });
  }

  private CompletionStage<Boolean> write(Session session, SessionState state) {
    return store.release(
        session.id(),
        keeper.tenancy(session.id()),
        SessionKeeper.record(session),
        state.encode(),
        keeper.timeToLiveMillis());
  }

  private void stays(Session session, Throwable failure) {
    LOG.debug("{} could not be given away.", session, failure);
    sessions.thaw(session);
    synchronized (failed) {
      failed.add(session);
    }
  }

  private static Bye farewell() {
    return new Bye(
        ErrorCode.DRAINING.code(), true, ThreadLocalRandom.current().nextLong(MOST_DELAY_MILLIS));
  }
}
