package dev.footbridge.store.redis;

import dev.footbridge.io.Stages;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.api.async.RedisPubSubAsyncCommands;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this node wants to hear: each topic is subscribed to once, however many listen. Listeners
 * are called on the connection's thread, in order.
 */
final class Topics extends RedisPubSubAdapter<String, byte[]> {
  private static final Logger LOG = LoggerFactory.getLogger(Topics.class);
  private static final int BATCH = 200;

  private final Supplier<RedisPubSubAsyncCommands<String, byte[]>> redis;
  private final Executor failures;
  private final Map<String, Topic> byName = new ConcurrentHashMap<>();

  /** One topic; its listeners are changed within {@code byName.compute} only. */
  private static final class Topic {
    final List<Consumer<byte[]>> listeners = new CopyOnWriteArrayList<>();
    final CompletableFuture<Void> subscribed = new CompletableFuture<>();
  }

  /**
   * @param failures where what fails is told
   */
  Topics(Supplier<RedisPubSubAsyncCommands<String, byte[]>> redis, Executor failures) {
    this.redis = redis;
    this.failures = failures;
  }

  CompletionStage<Runnable> hear(String name, Consumer<byte[]> listener) {
    // One of its own for each call, so that a listener that is given twice is taken away once.
    Consumer<byte[]> own = message -> listener.accept(message);
    Topic topic =
        byName.compute(
            name,
            (key, known) -> {
              Topic with = known == null ? new Topic() : known;
              with.listeners.add(own);
              if (known == null) {
                Stages.failingOn(failures, redis.get().subscribe(name))
                    .whenComplete(
                        (done, failure) -> {
                          // The answer is the confirmation; the listener's own call may come
                          // before this topic is in the table.
                          if (failure == null) {
                            with.subscribed.complete(null);
                          } else {
                            with.subscribed.completeExceptionally(failure);
                          }
                        });
              }
              return with;
            });
    return topic
        .subscribed
        .<Runnable>thenApply(done -> () -> leave(name, topic, own))
        .whenComplete(
            (deaf, failure) -> {
              if (failure != null) {
                leave(name, topic, own);
              }
            });
  }

  private void leave(String name, Topic topic, Consumer<byte[]> listener) {
    byName.computeIfPresent(
        name,
        (key, known) -> {
          if (known != topic || !known.listeners.remove(listener)) {
            return known;
          }
          if (!known.listeners.isEmpty()) {
            return known;
          }
          Stages.failingOn(failures, redis.get().unsubscribe(name))
              .whenComplete(
                  (done, failure) -> {
                    if (failure != null) {
                      // What is heard of it from now on has no listener.
                      LOG.debug("A topic could not be left.", failure);
                    }
                  });
          return null;
        });
  }

  /** Something that was left while the connection was lost has come back with it. */
  private void leaveUnheard(String name) {
    byName.compute(
        name,
        (key, known) -> {
          // It may just be coming.
          if (known == null) {
            var unused = redis.get().unsubscribe(name);
          }
          return known;
        });
  }

  /** Subscribes to everything once more; completes when it has all been confirmed. */
  CompletionStage<?> hearAgain() {
    List<String> names = new ArrayList<>(byName.keySet());
    CompletionStage<?> last = CompletableFuture.completedStage(null);
    for (int from = 0; from < names.size(); from += BATCH) {
      String[] batch =
          names.subList(from, Math.min(from + BATCH, names.size())).toArray(new String[0]);
      last = last.thenCompose(done -> Stages.failingOn(failures, redis.get().subscribe(batch)));
    }
    return last;
  }

  @Override
  public void message(String name, byte[] message) {
    Topic topic = byName.get(name);
    if (topic == null) {
      leaveUnheard(name);
    } else {
      for (Consumer<byte[]> listener : topic.listeners) {
        try {
          listener.accept(message);
        } catch (RuntimeException e) {
          LOG.error("What was published on {} could not be dealt with.", name, e);
        }
      }
    }
  }
}
