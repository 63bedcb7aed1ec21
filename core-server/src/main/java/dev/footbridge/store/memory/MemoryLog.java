package dev.footbridge.store.memory;

import dev.footbridge.io.BinaryReader;
import dev.footbridge.io.BinaryWriter;
import dev.footbridge.io.DamagedException;
import dev.footbridge.store.ChannelStore.Follower;
import dev.footbridge.store.ChannelStore.Following;
import dev.footbridge.store.EntryRing;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.wire.Message;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One channel's log. Guarded by itself. Once {@link #sweep} has said that nobody needs it, every
 * method answers null and the caller takes a new one.
 */
final class MemoryLog {
  static final long KEY_LIFE_NANOS = TimeUnit.MINUTES.toNanos(5);
  private static final int KEY_OVERHEAD = 200;
  static final int MAX_KEYS = 10_000;

  /** A log that was only followed and never written is kept this long. */
  static final long UNUSED_LIFE_NANOS = TimeUnit.MINUTES.toNanos(1);

  private record Key(@Nullable String user, String key) {
    /** About what it takes in the heap, with its place in the table. */
    int bytes() {
      return KEY_OVERHEAD + 2 * key.length();
    }
  }

  private record Keyed(Position position, long nanos) {}

  private final Retention retention;
  private final AtomicLong total;
  private final String epoch;
  private final BooleanSupplier sealed;
  private final EntryRing ring;
  private final Map<Key, Keyed> keys = new LinkedHashMap<>();
  private List<Follower> followers = List.of();
  private long usedNanos;
  private boolean removed;

  /**
   * @param sealed whether nothing may be appended any more
   */
  MemoryLog(String epoch, Retention retention, AtomicLong total, BooleanSupplier sealed) {
    this(epoch, retention, total, sealed, 0);
  }

  private MemoryLog(
      String epoch, Retention retention, AtomicLong total, BooleanSupplier sealed, long top) {
    this.epoch = epoch;
    this.retention = retention;
    this.total = total;
    this.sealed = sealed;
    this.ring = new EntryRing(top);
  }

  /** All of it, with the age of each part at the given time. */
  synchronized byte[] export(String name, long now) {
    BinaryWriter out = new BinaryWriter().text(name).text(epoch).number(ring.first() - 1);
    out.number(ring.size());
    for (long offset = ring.first(); offset <= ring.top(); offset++) {
      LogEntry entry = ring.get(offset);
      if (entry != null) {
        out.number(Math.max(0, now - ring.nanos(offset))).bytes(entry.message().raw());
      }
    }
    out.number(keys.size());
    keys.forEach(
        (key, keyed) ->
            out.number(Math.max(0, now - keyed.nanos()))
                .optionalText(key.user())
                .text(key.key())
                .number(keyed.position().offset()));
    return out.toBytes();
  }

  /**
   * The log that {@link #export} wrote, without its name.
   *
   * @param then what the time of the export is on the present clock
   */
  static MemoryLog restore(
      BinaryReader in,
      Retention retention,
      AtomicLong total,
      BooleanSupplier sealed,
      long now,
      long then)
      throws DamagedException {
    String epoch = in.text();
    MemoryLog log = new MemoryLog(epoch, retention, total, sealed, in.number(Long.MAX_VALUE / 2));
    for (int left = in.count(); left > 0; left--) {
      long nanos = then - in.number(Long.MAX_VALUE);
      log.ring.add(new LogEntry(log.ring.top() + 1, Message.json(in.bytes())), nanos);
    }
    for (int left = in.count(); left > 0; left--) {
      long nanos = then - in.number(Long.MAX_VALUE);
      Key key = new Key(in.optionalText(), in.text());
      log.keys.put(key, new Keyed(new Position(epoch, in.number(log.ring.top())), nanos));
      total.addAndGet(key.bytes());
    }
    total.addAndGet(log.ring.bytes());
    log.usedNanos = now;
    return log;
  }

  synchronized @Nullable Position append(Publication publication, long now, long timeMillis) {
    if (removed || sealed.getAsBoolean()) {
      return null;
    }
    usedNanos = now;
    Key key = key(publication);
    if (key != null) {
      Keyed earlier = keys.get(key);
      if (earlier != null && now - earlier.nanos() < KEY_LIFE_NANOS) {
        return earlier.position();
      }
    }
    long offset = ring.top() + 1;
    LogEntry entry = new LogEntry(offset, publication.encode(offset, timeMillis));
    Position position = new Position(epoch, offset);
    if (key != null) {
      if (keys.remove(key) != null) {
        total.addAndGet(-key.bytes());
      }
      keys.put(key, new Keyed(position, now));
      total.addAndGet(key.bytes());
      forgetKeys(now);
    }
    long before = ring.bytes();
    ring.add(entry, now);
    trim(now);
    total.addAndGet(ring.bytes() - before);
    for (Follower follower : followers) {
      follower.appended(entry);
    }
    return position;
  }

  synchronized @Nullable Page read(@Nullable Position since, int limit, long now) {
    if (removed) {
      return null;
    }
    usedNanos = now;
    trimAndCount(now);
    Position top = top();
    if (since == null) {
      return new Page(
          top, true, ring.from(Math.max(ring.first(), top.offset() + 1 - limit), limit));
    }
    boolean reached =
        since.epoch().equals(epoch)
            && since.offset() <= top.offset()
            && since.offset() + 1 >= ring.first();
    return new Page(top, reached, reached ? ring.from(since.offset() + 1, limit) : List.of());
  }

  synchronized @Nullable Following follow(Follower follower, long now) {
    if (removed) {
      return null;
    }
    usedNanos = now;
    List<Follower> more = new ArrayList<>(followers);
    more.add(follower);
    followers = List.copyOf(more);
    Position top = top();
    return new Following() {
      @Override
      public Position top() {
        return top;
      }

      @Override
      public void stop() {
        unfollow(follower);
      }
    };
  }

  private synchronized void unfollow(Follower follower) {
    List<Follower> fewer = new ArrayList<>(followers);
    fewer.remove(follower);
    followers = List.copyOf(fewer);
  }

  /** True if nobody needs the log any more; it is then at its end. */
  synchronized boolean sweep(long now) {
    trimAndCount(now);
    forgetKeys(now);
    removed =
        followers.isEmpty()
            && ring.size() == 0
            && keys.isEmpty()
            && now - usedNanos > (ring.top() == 0 ? UNUSED_LIFE_NANOS : retention.ageNanos());
    return removed;
  }

  /** Whether anything was ever appended. */
  synchronized boolean wasWritten() {
    return ring.top() > 0;
  }

  synchronized void halve() {
    for (int i = (keys.size() + 1) / 2; i > 0; i--) {
      forgetOldestKey();
    }
    long before = ring.bytes();
    for (int i = (ring.size() + 1) / 2; i > 0; i--) {
      ring.removeFirst();
    }
    total.addAndGet(ring.bytes() - before);
  }

  private Position top() {
    return new Position(epoch, ring.top());
  }

  private void trimAndCount(long now) {
    long before = ring.bytes();
    trim(now);
    total.addAndGet(ring.bytes() - before);
  }

  private void trim(long now) {
    while (ring.size() > 0
        && (ring.size() > retention.count()
            || ring.bytes() > retention.bytes()
            || now - ring.firstNanos() > retention.ageNanos())) {
      ring.removeFirst();
    }
  }

  private void forgetKeys(long now) {
    while (!keys.isEmpty()) {
      Keyed oldest = keys.values().iterator().next();
      if (keys.size() <= MAX_KEYS && now - oldest.nanos() < KEY_LIFE_NANOS) {
        return;
      }
      forgetOldestKey();
    }
  }

  private void forgetOldestKey() {
    Iterator<Key> oldest = keys.keySet().iterator();
    total.addAndGet(-oldest.next().bytes());
    oldest.remove();
  }

  private static @Nullable Key key(Publication publication) {
    String key = publication.key();
    return key == null ? null : new Key(publication.user(), key);
  }
}
