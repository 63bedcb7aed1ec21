package dev.footbridge.channelapi;

import dev.footbridge.hub.Hub;
import dev.footbridge.io.Stages;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Publishes a session's messages, and keeps their order where the store could not take one of them.
 *
 * <p>Usually they are under way at the same time. But when one has failed and is sent again under
 * its key, those behind it must not have been taken meanwhile. So from a failure on, the session's
 * messages to that channel are refused in the same way until one that failed comes again; then each
 * waits for the one before it, and fails with it, until nothing waits any more.
 *
 * <p>Only messages with a key are meant to be sent again, so only those are held back, and for some
 * seconds at most. Safe for any thread.
 */
final class PublishOrder {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int MOST_CHANNELS = 1000;
  private static final int MOST_AWAITED = 10_000;

  private final Hub hub;

  /** The channels in which something has failed; guarded by this, and so is what they hold. */
  private @Nullable Map<String, Trouble> troubles;

  private static final class Trouble {
    /** The keys of messages that were not taken, of which any may be the first to come again. */
    final Set<String> awaited = new HashSet<>();

    /** The message that was sent last since that one has come again; null before. */
    @Nullable CompletionStage<Position> last;

    /** How many have been sent since, and are not published yet. */
    int underWay;

    /** How often it has failed. */
    int failures;

    void await(String key) {
      if (awaited.size() < MOST_AWAITED) {
        awaited.add(key);
      }
    }
  }

  PublishOrder(Hub hub) {
    this.hub = hub;
  }

  /**
   * Publishes, as {@link Hub#publish}; {@code unavailable} also where another has to come first.
   */
  CompletionStage<Position> publish(Publication publication) {
    String key = publication.key();
    if (key == null) {
      return hub.publish(publication);
    }
    Trouble trouble;
    CompletionStage<Position> before;
    CompletableFuture<Position> mine = new CompletableFuture<>();
    synchronized (this) {
      trouble = troubles == null ? null : troubles.get(publication.channel());
      before = trouble == null ? null : trouble.last;
      if (trouble != null) {
        if (before == null && !trouble.awaited.contains(key)) {
          return CompletableFuture.failedStage(
              new ProtocolException(
                  ErrorCode.UNAVAILABLE,
                  "What was published before could not be stored; send it again first."));
        }
        trouble.underWay++;
        trouble.last = mine;
      }
    }
    if (trouble == null) {
      return freely(publication, key);
    }
    Trouble present = trouble;
    if (before == null) {
      inTurn(publication, key, present, mine);
    } else {
      Stages.on(
          before, position -> inTurn(publication, key, present, mine), mine::completeExceptionally);
    }
    return mine;
  }

  private CompletionStage<Position> freely(Publication publication, String key) {
    return hub.publish(publication)
        .whenComplete(
            (position, failure) -> {
              if (failure != null && isPassing(Stages.cause(failure))) {
                begin(publication.channel(), key);
              }
            });
  }

  /** What waits for this one is told of its end only when that has been noted. */
  private void inTurn(
      Publication publication, String key, Trouble trouble, CompletableFuture<Position> mine) {
    Stages.on(
        hub.publish(publication),
        position -> {
          ended(publication, key, trouble, false);
          mine.complete(position);
        },
        failure -> {
          ended(publication, key, trouble, true);
          mine.completeExceptionally(failure);
        });
  }

  private synchronized void begin(String channel, String key) {
    if (troubles == null) {
      troubles = new HashMap<>();
    }
    Trouble trouble = troubles.get(channel);
    if (trouble == null && troubles.size() < MOST_CHANNELS) {
      trouble = new Trouble();
      troubles.put(channel, trouble);
      giveUpLater(channel, trouble);
    }
    if (trouble != null) {
      trouble.await(key);
    }
  }

  private synchronized void ended(
      Publication publication, String key, Trouble trouble, boolean failed) {
    trouble.underWay--;
    if (failed) {
      // Those that wait for it fail with it.
      trouble.await(key);
      trouble.last = null;
      trouble.underWay = 0;
      giveUpLater(publication.channel(), trouble);
    } else if (trouble.underWay == 0) {
      forget(publication.channel(), trouble);
    }
  }

  private void giveUpLater(String channel, Trouble trouble) {
    int failures = ++trouble.failures;
    var unused =
        hub.after(
            PATIENCE_NANOS,
            () -> {
              synchronized (this) {
                if (trouble.last == null && trouble.failures == failures) {
                  forget(channel, trouble);
                }
              }
            });
  }

  private void forget(String channel, Trouble trouble) {
    if (troubles != null && troubles.remove(channel, trouble) && troubles.isEmpty()) {
      troubles = null;
    }
  }

  private static boolean isPassing(Throwable failure) {
    return failure instanceof ProtocolException problem
        && problem.code().equals(ErrorCode.UNAVAILABLE.code());
  }
}
