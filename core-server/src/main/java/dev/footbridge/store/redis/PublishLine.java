package dev.footbridge.store.redis;

import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What this node publishes to one channel, in the order in which it was asked to, as long as any of
 * it is under way.
 *
 * <p>All of it is sent at once. So that none can overtake one that Redis did not do, each names the
 * one before it, and Redis appends it only if that has been appended. Where that is not so, or
 * Redis does not know the script (it was started anew, failed over, or its scripts were flushed),
 * nothing more is sent until all have been answered; then what was not appended is sent again, in
 * its order. What comes behind a publication that failed for good fails with {@code unavailable}:
 * its publisher may send both again, and then in their order.
 *
 * <p>Safe for any thread. Nobody is called with it locked; Redis is sent its commands so, and their
 * answers are taken without.
 */
final class PublishLine {
  /** What may wait in one. */
  private static final int MOST = 100_000;

  private static final String SCRIPT = "channel-publish";
  private static final byte[] NOTHING = {};

  private final RedisPort redis;
  private final List<String> keys;
  private final String mark;
  private final LongSupplier numbers;
  private final Consumer<PublishLine> whenEnded;
  private final ArrayDeque<Sent> all = new ArrayDeque<>();
  private int underWay;

  /** Whether nothing is sent until what is under way has been answered. */
  private boolean holding;

  /** Whether Redis did not know the script. */
  private boolean unknown;

  /** The first that failed since nothing was under way, and the last that was behind it. */
  private long failedFirst = Long.MAX_VALUE;

  private long failedLast = Long.MIN_VALUE;
  private boolean ended;

  /**
   * A publication.
   *
   * @param number no other of this node has it, and those that come later have higher ones
   * @param key the name of its idempotency key, if it has one
   */
  private record Sent(
      long number,
      @Nullable String key,
      List<byte[]> arguments,
      CompletableFuture<Object> answer) {}

  /**
   * @param keys the first that the script takes
   * @param mark the name under which Redis keeps which was the last without a key
   * @param numbers gives out rising numbers that no other publication to the channel has
   * @param whenEnded is told when nothing is under way any more, so that this is of no use
   */
  PublishLine(
      RedisPort redis,
      List<String> keys,
      String mark,
      LongSupplier numbers,
      Consumer<PublishLine> whenEnded) {
    this.redis = redis;
    this.keys = keys;
    this.mark = mark;
    this.numbers = numbers;
    this.whenEnded = whenEnded;
  }

  /**
   * Publishes.
   *
   * @param key the name of the idempotency key, or null
   * @param arguments the first that the script takes
   * @return what the script answers; null if the line has ended, and another must be begun
   */
  @Nullable CompletionStage<Object> publish(@Nullable String key, List<byte[]> arguments) {
    Sent sent;
    CompletionStage<Object> attempt = null;
    boolean refused = false;
    synchronized (this) {
      if (ended) {
        return null;
      }
      if (all.size() >= MOST) {
        return CompletableFuture.failedStage(
            unavailable("Too much is published to this channel; try again in a moment."));
      }
      sent = new Sent(numbers.getAsLong(), key, arguments, new CompletableFuture<>());
      Sent before = all.peekLast();
      all.add(sent);
      if (!holding) {
        attempt = send(sent, before, false);
        refused = isRefused(attempt);
      }
      if (refused) {
        // Its publisher learns so before anything can come behind it.
        all.removeLast();
        underWay--;
        ended = all.isEmpty();
      }
    }
    if (attempt != null && refused) {
      whenEmpty();
      return attempt;
    }
    if (attempt != null) {
      await(sent, attempt);
    }
    return sent.answer();
  }

  /** Whether a command was not even sent: too many wait, or Redis is left alone for a moment. */
  private static boolean isRefused(CompletionStage<Object> attempt) {
    return attempt
        .handle(
            (answer, failure) ->
                failure != null && !(Stages.cause(failure) instanceof UnknownScriptException))
        .toCompletableFuture()
        .getNow(false);
  }

  private void whenEmpty() {
    boolean empty;
    synchronized (this) {
      empty = ended;
    }
    if (empty) {
      whenEnded.accept(this);
    }
  }

  private CompletionStage<Object> send(Sent sent, @Nullable Sent before, boolean whole) {
    List<String> names = new ArrayList<>(keys);
    names.add(sent.key() == null ? mark : sent.key());
    if (before != null) {
      names.add(before.key() == null ? mark : before.key());
    }
    List<byte[]> arguments = new ArrayList<>(sent.arguments());
    arguments.add(sent.key() == null ? Answers.bytes(sent.number()) : NOTHING);
    arguments.add(
        before != null && before.key() == null ? Answers.bytes(before.number()) : NOTHING);
    underWay++;
    return redis.tryRun(SCRIPT, whole, names, arguments);
  }

  private void await(Sent sent, CompletionStage<Object> attempt) {
    Stages.on(
        attempt,
        answer -> {
          if (answer instanceof Long) {
            postponed(false);
          } else {
            answered(sent, answer);
          }
        },
        failure -> {
          if (failure instanceof UnknownScriptException) {
            postponed(true);
          } else {
            failed(sent, failure);
          }
        });
  }

  private void answered(Sent sent, Object answer) {
    synchronized (this) {
      all.remove(sent);
    }
    sent.answer().complete(answer);
    arrived();
  }

  private void postponed(boolean scriptless) {
    synchronized (this) {
      holding = true;
      unknown |= scriptless;
    }
    arrived();
  }

  private void failed(Sent sent, Throwable failure) {
    synchronized (this) {
      holding = true;
    }
    // Whoever is told sends nothing more that depends on it; what came before that is behind it.
    sent.answer().completeExceptionally(failure);
    synchronized (this) {
      failedFirst = Math.min(failedFirst, sent.number());
      failedLast = Math.max(failedLast, all.getLast().number());
      all.remove(sent);
    }
    arrived();
  }

  /** One has come back. When all have, what was not appended is given up or sent again. */
  private void arrived() {
    List<Sent> given = new ArrayList<>();
    List<Sent> again = new ArrayList<>();
    List<CompletionStage<Object>> attempts = new ArrayList<>();
    synchronized (this) {
      if (--underWay > 0) {
        return;
      }
      if (holding) {
        takeBehindFailed(given);
        Sent before = null;
        for (Sent sent : all) {
          again.add(sent);
          attempts.add(send(sent, before, unknown && before == null));
          before = sent;
        }
        holding = false;
        unknown = false;
      }
      ended = all.isEmpty();
    }
    whenEmpty();
    for (Sent sent : given) {
      sent.answer()
          .completeExceptionally(
              unavailable("What was published before could not be stored; send it again first."));
    }
    for (int i = 0; i < again.size(); i++) {
      await(again.get(i), attempts.get(i));
    }
  }

  private void takeBehindFailed(List<Sent> taken) {
    for (Iterator<Sent> each = all.iterator(); each.hasNext(); ) {
      Sent sent = each.next();
      if (sent.number() > failedFirst && sent.number() <= failedLast) {
        each.remove();
        taken.add(sent);
      }
    }
    failedFirst = Long.MAX_VALUE;
    failedLast = Long.MIN_VALUE;
  }

  private static ProtocolException unavailable(String why) {
    return new ProtocolException(ErrorCode.UNAVAILABLE, why);
  }
}
