package dev.footbridge.store.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.support.RedisDeployment;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.ProtocolException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Two nodes on one Redis: one publishes 1, 2, 3 … on a channel, each again with its key until it is
 * acknowledged; the other follows the channel.
 */
final class Traffic implements AutoCloseable {
  private static final Retention PLENTY =
      new Retention(10_000, 1L << 30, Duration.ofHours(1).toNanos());
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final String channel;
  private final RedisConnections publishing;
  private final RedisConnections following;
  private final RedisChannelStore publisher;
  private final RedisChannelStore follower;
  private final Position begin;
  private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor();
  private final Thread pump;
  private boolean flowing = true;
  private volatile boolean closed;
  private final AtomicLong acknowledged = new AtomicLong();

  /** What the follower was told, in order: entries, and positions where it was reset. */
  private final List<Object> told = new CopyOnWriteArrayList<>();

  Traffic(RedisDeployment redis, String channel) throws ProtocolException {
    this.channel = channel;
    publishing = RedisExtension.connect(redis);
    following = RedisExtension.connect(redis);
    publisher = store(publishing);
    follower = store(following);
    begin =
        Stage.get(
                follower.follow(
                    channel,
                    new ChannelStore.Follower() {
                      @Override
                      public void appended(LogEntry entry) {
                        told.add(entry);
                      }

                      @Override
                      public void reset(Position top) {
                        told.add(top);
                      }
                    }))
            .top();
    var unused =
        executor.scheduleWithFixedDelay(
            () -> {
              publisher.check();
              follower.check();
            },
            1,
            1,
            TimeUnit.SECONDS);
    pump = new Thread(this::pump);
    pump.start();
  }

  private static RedisChannelStore store(RedisConnections redis) {
    return new RedisChannelStore(
        redis, "traffic", name -> PLENTY, RedisKind.timer(), System::nanoTime);
  }

  RedisConnections following() {
    return following;
  }

  // ---- publishing ----

  private void pump() {
    try {
      while (!closed) {
        publishNext();
        Thread.sleep(2);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void publishNext() {
    if (!flowing) {
      return;
    }
    String next = Long.toString(acknowledged.get() + 1);
    try {
      publisher
          .publish(new Publication(channel, next.getBytes(UTF_8), null, next))
          .toCompletableFuture()
          .join();
      acknowledged.incrementAndGet();
    } catch (CompletionException unavailable) {
      // It is tried again.
    }
  }

  /** Publishes no more, and waits until the follower has everything. */
  void rest() {
    synchronized (this) {
      // Nothing is on its way now.
      flowing = false;
    }
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(lastNumber()).isEqualTo(acknowledged.get()));
  }

  synchronized void goOn() {
    flowing = true;
  }

  /** Waits until so many more have been acknowledged. */
  void more(int count) {
    long enough = acknowledged.get() + count;
    await().atMost(PATIENCE).until(() -> acknowledged.get() >= enough);
  }

  // ---- what was told ----

  private long lastNumber() {
    return told.isEmpty() || !(told.get(told.size() - 1) instanceof LogEntry entry)
        ? -1
        : number(entry);
  }

  private static long number(LogEntry entry) {
    try {
      return Long.parseLong(new String(Json.object(entry.message().json()).raw("data"), UTF_8));
    } catch (ProtocolException e) {
      throw new AssertionError(e);
    }
  }

  private List<LogEntry> entriesAfter(@Nullable Position reset) {
    int from = reset == null ? 0 : told.lastIndexOf(reset) + 1;
    return told.subList(from, told.size()).stream().map(LogEntry.class::cast).toList();
  }

  List<Position> resets() {
    return told.stream().filter(Position.class::isInstance).map(Position.class::cast).toList();
  }

  /** Everything came, from the first on, once, in order. */
  void assertWhole() {
    rest();
    assertThat(resets()).as("resets of what began at %s", begin).isEmpty();
    assertThat(begin.offset()).isZero();
    List<LogEntry> entries = entriesAfter(null);
    List<Long> all = LongStream.rangeClosed(1, entries.size()).boxed().toList();
    assertThat(entries).extracting(LogEntry::offset).isEqualTo(all);
    assertThat(entries).extracting(Traffic::number).isEqualTo(all);
  }

  /** The follower was told that something is missing, by another epoch, and all that came after. */
  void assertGap() {
    await().atMost(PATIENCE).until(() -> !resets().isEmpty());
    more(30);
    rest();
    assertThat(resets()).extracting(Position::epoch).doesNotContain(begin.epoch());
    Position last = resets().get(resets().size() - 1);
    List<LogEntry> entries = entriesAfter(last);
    assertThat(entries)
        .extracting(LogEntry::offset)
        .isEqualTo(
            LongStream.rangeClosed(last.offset() + 1, last.offset() + entries.size())
                .boxed()
                .toList());
    long first = number(entries.get(0));
    assertThat(entries)
        .extracting(Traffic::number)
        .isEqualTo(LongStream.range(first, first + entries.size()).boxed().toList());
  }

  @Override
  public void close() {
    closed = true;
    pump.interrupt();
    executor.shutdownNow();
    publishing.close();
    following.close();
  }
}
