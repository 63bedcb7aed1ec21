package dev.footbridge.store.memory;

import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Channel logs in the heap. Bounded three times over: each log by its {@link Retention}, the number
 * of logs, and the octets of all of them together; when the last is exceeded every log loses its
 * older half, so that those who reach back far get a {@code gap} and nobody is cut off.
 *
 * <p>{@link #sweep()} must be called about once a second: it drops what is too old.
 */
public final class MemoryChannelStore implements ChannelStore {
  private final Function<String, Retention> retention;
  private final int maxChannels;
  private final long maxBytes;
  private final LongSupplier nanoClock;
  private final InstantSource clock;
  private final AtomicLong bytes = new AtomicLong();
  private final ConcurrentHashMap<String, MemoryLog> logs = new ConcurrentHashMap<>();

  /**
   * @param retention what each channel keeps, by its name
   * @param maxChannels how many logs there may be
   * @param maxBytes octets of all logs together
   * @param nanoClock the monotonic clock
   * @param clock tells the time that messages carry
   */
  public MemoryChannelStore(
      Function<String, Retention> retention,
      int maxChannels,
      long maxBytes,
      LongSupplier nanoClock,
      InstantSource clock) {
    this.retention = retention;
    this.maxChannels = maxChannels;
    this.maxBytes = maxBytes;
    this.nanoClock = nanoClock;
    this.clock = clock;
  }

  @Override
  public CompletionStage<Position> publish(Publication publication) {
    while (true) {
      MemoryLog log = log(publication.channel());
      if (log == null) {
        return full();
      }
      Position position = log.append(publication, nanoClock.getAsLong(), clock.millis());
      if (position != null) {
        if (bytes.get() > maxBytes) {
          halve();
        }
        return CompletableFuture.completedStage(position);
      }
    }
  }

  @Override
  public CompletionStage<Page> read(String channel, @Nullable Position since, int limit) {
    while (true) {
      MemoryLog log = log(channel);
      if (log == null) {
        return full();
      }
      Page page = log.read(since, limit, nanoClock.getAsLong());
      if (page != null) {
        return CompletableFuture.completedStage(page);
      }
    }
  }

  @Override
  public CompletionStage<Following> follow(String channel, Follower follower) {
    while (true) {
      MemoryLog log = log(channel);
      if (log == null) {
        return full();
      }
      Following following = log.follow(follower, nanoClock.getAsLong());
      if (following != null) {
        return CompletableFuture.completedStage(following);
      }
    }
  }

  /** Drops what is too old, and logs that nobody needs any more. */
  public void sweep() {
    long now = nanoClock.getAsLong();
    logs.forEach(
        (name, log) -> {
          if (log.sweep(now)) {
            logs.remove(name, log);
          }
        });
  }

  /** Octets that all logs hold at present. */
  public long bytes() {
    return bytes.get();
  }

  private @Nullable MemoryLog log(String channel) {
    MemoryLog log = logs.get(channel);
    if (log != null) {
      return log;
    }
    if (logs.size() >= maxChannels) {
      return null;
    }
    return logs.computeIfAbsent(channel, name -> new MemoryLog(retention.apply(name), bytes));
  }

  private synchronized void halve() {
    if (bytes.get() > maxBytes) {
      logs.values().forEach(MemoryLog::halve);
    }
  }

  private <T> CompletionStage<T> full() {
    return CompletableFuture.failedStage(
        new ProtocolException(
            ErrorCode.UNAVAILABLE, "There are " + maxChannels + " channels, no more may be made."));
  }
}
