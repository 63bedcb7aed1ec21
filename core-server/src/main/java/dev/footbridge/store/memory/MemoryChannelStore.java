package dev.footbridge.store.memory;

import dev.footbridge.io.BinaryReader;
import dev.footbridge.io.BinaryWriter;
import dev.footbridge.io.DamagedException;
import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.time.InstantSource;
import java.util.List;
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

  /** The epoch of logs that begin now; another one whenever one that was written to has gone. */
  private volatile String epoch = Position.newEpoch();

  private final Function<String, Retention> retention;
  private final int maxChannels;
  private final long maxBytes;
  private final LongSupplier nanoClock;
  private final InstantSource clock;
  private final AtomicLong bytes = new AtomicLong();
  private final ConcurrentHashMap<String, MemoryLog> logs = new ConcurrentHashMap<>();
  private volatile boolean sealed;

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
      if (position == null && sealed) {
        return CompletableFuture.failedStage(
            new ProtocolException(
                ErrorCode.DRAINING, "This server is going down; try again in a moment."));
      }
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
    MemoryLog log = logs.get(channel);
    Page page = log == null ? null : log.read(since, limit, nanoClock.getAsLong());
    if (page == null) {
      // Asking for what is not there makes nothing, so that it cannot be used to fill the store.
      Position nothing = new Position(epoch, 0);
      page = new Page(nothing, since == null || since.equals(nothing), List.of());
    }
    return CompletableFuture.completedStage(page);
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
            if (log.wasWritten()) {
              // A log of the same name that comes later is another one, and says so.
              epoch = Position.newEpoch();
            }
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
    return logs.computeIfAbsent(channel, name -> newLog(name));
  }

  private MemoryLog newLog(String name) {
    return new MemoryLog(epoch, retention.apply(name), bytes, () -> sealed);
  }

  // ---- a snapshot ----

  /** Takes no more publications, for good: what {@link #exportLogs} gives is all that there is. */
  public void seal() {
    sealed = true;
  }

  /** The epoch of logs that begin later; see {@link #restoreEpoch}. */
  public byte[] exportEpoch() {
    return new BinaryWriter().text(epoch).toBytes();
  }

  /** The logs of a sealed store, each made when it is its turn; see {@link #restoreLog}. */
  public Iterable<byte[]> exportLogs() {
    long now = nanoClock.getAsLong();
    return () ->
        logs.entrySet().stream()
            .map(entry -> entry.getValue().export(entry.getKey(), now))
            .iterator();
  }

  /**
   * Takes over the epoch of a store that was before.
   *
   * @throws DamagedException where it is none
   */
  public void restoreEpoch(byte[] octets) throws DamagedException {
    BinaryReader in = new BinaryReader(octets);
    epoch = in.text();
    in.end();
  }

  /**
   * Takes over a log of a store that was before, as if it had been here meanwhile.
   *
   * @param downNanos how long it was nowhere
   * @throws DamagedException where it is none
   */
  public void restoreLog(byte[] octets, long downNanos) throws DamagedException {
    BinaryReader in = new BinaryReader(octets);
    String name = in.text();
    long now = nanoClock.getAsLong();
    MemoryLog log =
        MemoryLog.restore(in, retention.apply(name), bytes, () -> sealed, now, now - downNanos);
    in.end();
    if (logs.putIfAbsent(name, log) != null) {
      throw new DamagedException("it has a channel twice");
    }
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
