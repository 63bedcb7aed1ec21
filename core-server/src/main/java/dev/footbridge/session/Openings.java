package dev.footbridge.session;

import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
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
 * same user, gets the same session. There are only so many of them: the oldest is forgotten first.
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
   * @return as {@link Sessions#open}
   */
  public CompletionStage<Opened> open(OpeningWish wish, Lane lane) {
    String key = wish.key();
    if (key == null) {
      return sessions.open(wish.request(), lane).thenApply(session -> new Opened(session, false));
    }
    Opening known;
    Opening mine = new Opening(this, wish, key, nanoClock.getAsLong());
    synchronized (this) {
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

  /** Whether an opening of the key is remembered here. */
  public synchronized boolean knows(String key) {
    return byKey.containsKey(key);
  }

  /** How many openings are remembered. */
  public synchronized int count() {
    return byKey.size();
  }

  /** Time has passed. */
  public void check() {
    long now = nanoClock.getAsLong();
    synchronized (this) {
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

  /** What is remembered, without any secret. */
  @Override
  public String toString() {
    return "Openings[" + count() + "]";
  }
}
