package dev.footbridge.channelapi;

import dev.footbridge.hub.Hub;
import dev.footbridge.io.Stages;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Publishes a session's messages, and keeps their order where the store could not take one of them.
 *
 * <p>Usually they are under way at the same time. But when one has failed and is sent again under
 * its key, those behind it must not have been taken meanwhile. So from a failure on, the session's
 * messages to that channel are refused in the same way until the one that failed comes again; then
 * each waits for the one before it, and fails with it, until nothing waits any more.
 *
 * <p>Only messages with a key are meant to be sent again, so only those are held back, and for some
 * seconds at most. Safe for any thread.
 */
final class PublishOrder {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int MOST_CHANNELS = 1000;

  private final Hub hub;

  /** The channels in which something has failed; guarded by this, and so is what they hold. */
  private @Nullable Map<String, Trouble> troubles;

  private static final class Trouble {
    /** The key of the first message that was not taken. */
    String awaited;

    /** The message that was sent last since that one has come again; null before. */
    @Nullable CompletionStage<Position> last;

    /** How many have been sent since, and are not published yet. */
    int underWay;

    Trouble(String awaited) {
      this.awaited = awaited;
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
    synchronized (this) {
      Trouble trouble = troubles == null ? null : troubles.get(publication.channel());
      if (trouble == null) {
        return freely(publication, key);
      }
      if (trouble.last == null && !trouble.awaited.equals(key)) {
        return CompletableFuture.failedStage(
            new ProtocolException(
                ErrorCode.UNAVAILABLE,
                "What was published before could not be stored; send it again first."));
      }
      trouble.underWay++;
      trouble.last =
          trouble.last == null
              ? inTurn(publication, key, trouble)
              : trouble.last.thenCompose(before -> inTurn(publication, key, trouble));
      return trouble.last;
    }
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
  private CompletionStage<Position> inTurn(Publication publication, String key, Trouble trouble) {
    return hub.publish(publication)
        .whenComplete((position, failure) -> ended(publication, key, trouble, failure != null));
  }

  private synchronized void begin(String channel, String key) {
    if (troubles == null) {
      troubles = new HashMap<>();
    }
    if (troubles.size() < MOST_CHANNELS && !troubles.containsKey(channel)) {
      Trouble trouble = new Trouble(key);
      troubles.put(channel, trouble);
      giveUpLater(channel, trouble);
    }
  }

  private synchronized void ended(
      Publication publication, String key, Trouble trouble, boolean failed) {
    trouble.underWay--;
    if (failed) {
      // Those that wait for it fail with it.
      trouble.awaited = key;
      trouble.last = null;
      trouble.underWay = 0;
      giveUpLater(publication.channel(), trouble);
    } else if (trouble.underWay == 0) {
      forget(publication.channel(), trouble);
    }
  }

  private void giveUpLater(String channel, Trouble trouble) {
    String key = trouble.awaited;
    var unused =
        hub.after(
            PATIENCE_NANOS,
            () -> {
              synchronized (this) {
                if (trouble.last == null && trouble.awaited.equals(key)) {
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
