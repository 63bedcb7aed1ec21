package dev.footbridge.session;

import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Opens sessions, also for clients that ask for the same again because the answer may have been
 * lost. An opening that has a key is remembered until its client has evidently been told, for a
 * minute at most and no longer than a session lives; whoever shows the key meanwhile, and is the
 * same user, gets the same session. From then on the key is spent: a request that shows it was on
 * its way for long, and its client has gone on, so it is refused for a minute. There are only so
 * many of either: the oldest is forgotten first.
 *
 * <p>{@link #check} must be called about once a second. Safe for any thread.
 */
public final class Openings {
  private static final long MOST_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final long MOST_BYTES = 64 << 20;

  private final Sessions sessions;
  private final int most;
  private final long keptNanos;
  private final LongSupplier nanoClock;
  private final LinkedHashMap<String, Opening> byKey = new LinkedHashMap<>();

  /** The keys that are spent, and since when; the oldest first. */
  private final LinkedHashMap<String, Long> spent = new LinkedHashMap<>();

  private long bytes;

  /**
   * A session that was asked for.
   *
   * @param again whether it was there already, and its client may not know
   */
  public record Opened(Session session, boolean again) {}

  /**
   * @param most how many openings are remembered
   * @param nanoClock the monotonic clock
   */
  public Openings(Sessions sessions, int most, LongSupplier nanoClock) {
    this.sessions = sessions;
    this.most = most;
    this.keptNanos = Math.min(MOST_NANOS, sessions.options().ttlNanos());
    this.nanoClock = nanoClock;
  }

  /**
   * Opens a session, or finds the one that has been opened for the same client.
   *
   * @param lane the lane of whoever asks
   * @return as {@link Sessions#open}; fails with {@code superseded} where the key is spent
   */
  public CompletionStage<Opened> open(OpeningWish wish, Lane lane) {
    String key = wish.key();
    if (key == null) {
      return sessions.open(wish.request(), lane).thenApply(session -> new Opened(session, false));
    }
    Opening known;
    Opening mine = new Opening(this, wish, key, nanoClock.getAsLong());
    synchronized (this) {
      if (spent.containsKey(key)) {
        return CompletableFuture.failedStage(
            new ProtocolException(
                ErrorCode.SUPERSEDED, "The session of this key has been opened and used."));
      }
      known = byKey.putIfAbsent(key, mine);
      if (known == null) {
        bytes += mine.weight;
        shrink();
      }
    }
    return known == null ? begin(mine, wish, key, lane) : join(known, wish, lane);
  }

  private CompletionStage<Opened> begin(Opening mine, OpeningWish wish, String key, Lane lane) {
    sessions.opening(key, wish.again());
    CompletableFuture<Opened> opened = new CompletableFuture<>();
    Stages.on(
        sessions
            .open(wish.request(), lane)
            .thenApply(
                session -> {
                  session.keep(mine);
                  return session;
                }),
        session -> {
          opened.complete(new Opened(session, false));
          mine.session().complete(session);
        },
        failure -> {
          forget(mine);
          opened.completeExceptionally(failure);
          mine.session().completeExceptionally(failure);
        });
    return opened;
  }

  private CompletionStage<Opened> join(Opening known, OpeningWish wish, Lane lane) {
    return known
        .session()
        .handle(
            (session, failure) -> {
              if (failure != null) {
                // It is no opening any more, and perhaps this one succeeds.
                return open(wish, lane);
              }
              return isSame(known, session, wish)
                  .thenCompose(
                      same ->
                          same
                              ? CompletableFuture.completedStage(new Opened(session, true))
                              : open(wish.unnamed(), lane));
            })
        .thenCompose(opened -> opened);
  }

  private static CompletionStage<Boolean> isSame(Opening known, Session session, OpeningWish wish) {
    return known.isFor(wish.request().endpoint())
        ? session.isOpenedBy(wish.request(), known.hasToken(wish.request().token()))
        : CompletableFuture.completedStage(false);
  }

  /** Whether an opening of the key is remembered here, or that it is spent. */
  public synchronized boolean knows(String key) {
    return byKey.containsKey(key) || spent.containsKey(key);
  }

  /** How many openings are remembered. */
  public synchronized int count() {
    return byKey.size();
  }

  /** Time has passed. */
  public void check() {
    long now = nanoClock.getAsLong();
    synchronized (this) {
      Iterator<Long> spentFirst = spent.values().iterator();
      while (spentFirst.hasNext() && now - spentFirst.next() > MOST_NANOS) {
        spentFirst.remove();
      }
      Iterator<Opening> oldest = byKey.values().iterator();
      while (oldest.hasNext()) {
        Opening opening = oldest.next();
        if (now - opening.sinceNanos() <= keptNanos) {
          return;
        }
        drop(oldest, opening);
      }
    }
  }

  /** Forgets the oldest until the rest is within the bounds. */
  private void shrink() {
    Iterator<Opening> oldest = byKey.values().iterator();
    while ((byKey.size() > most || bytes > MOST_BYTES) && oldest.hasNext()) {
      drop(oldest, oldest.next());
    }
  }

  private void drop(Iterator<Opening> at, Opening opening) {
    bytes -= opening.weight;
    at.remove();
    opening.dropped();
  }

  synchronized void grown(Opening opening, int by) {
    if (byKey.get(opening.key()) == opening) {
      opening.weight += by;
      bytes += by;
      shrink();
    } else {
      opening.dropped();
    }
  }

  synchronized void forget(Opening opening) {
    if (byKey.remove(opening.key(), opening)) {
      bytes -= opening.weight;
    }
    opening.dropped();
  }

  /** Its client has been told, and does not ask for it again. */
  synchronized void spend(Opening opening) {
    Opening known = byKey.get(opening.key());
    if (known != null && known != opening) {
      return;
    }
    forget(opening);
    spent.remove(opening.key());
    spent.put(opening.key(), nanoClock.getAsLong());
    if (spent.size() > most) {
      spent.remove(spent.keySet().iterator().next());
    }
  }

  /** What is remembered, without any secret. */
  @Override
  public String toString() {
    return "Openings[" + count() + "]";
  }
}
