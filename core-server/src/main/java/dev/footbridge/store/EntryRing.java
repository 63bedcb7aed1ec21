package dev.footbridge.store;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Consecutive log entries, found by offset in constant time: a ring that grows as needed and drops
 * the oldest. Not thread-safe; guarded by whoever holds it.
 */
public final class EntryRing {
  private static final int FIRST_CAPACITY = 8;

  private @Nullable LogEntry[] entries = new LogEntry[FIRST_CAPACITY];
  private long[] times = new long[FIRST_CAPACITY];
  private int head;
  private int size;
  private long bytes;
  private long next;

  /**
   * @param top the offset before the first entry to come
   */
  public EntryRing(long top) {
    this.next = top + 1;
  }

  /** The offset of the newest entry, kept or not. */
  public long top() {
    return next - 1;
  }

  /** The offset of the oldest entry kept; one more than the top if none is. */
  public long first() {
    return next - size;
  }

  /** How many entries are kept. */
  public int size() {
    return size;
  }

  /** Octets of the entries kept. */
  public long bytes() {
    return bytes;
  }

  /**
   * Adds the entry after the top.
   *
   * @param nanos when, on the monotonic clock
   */
  public void add(LogEntry entry, long nanos) {
    if (entry.offset() != next) {
      throw new IllegalArgumentException(
          "Entry " + entry.offset() + " does not follow " + (next - 1) + ".");
    }
    if (size == entries.length) {
      grow();
    }
    int at = (head + size) & (entries.length - 1);
    entries[at] = entry;
    times[at] = nanos;
    size++;
    next++;
    bytes += entry.message().size();
  }

  /** The entry with the offset, or null if it is not kept. */
  public @Nullable LogEntry get(long offset) {
    long index = offset - first();
    if (index < 0 || index >= size) {
      return null;
    }
    return entries[(head + (int) index) & (entries.length - 1)];
  }

  /** Up to {@code limit} entries from the offset on, oldest first. */
  public List<LogEntry> from(long offset, int limit) {
    List<LogEntry> page = new ArrayList<>(Math.min(limit, size));
    for (long at = Math.max(offset, first()); page.size() < limit; at++) {
      LogEntry entry = get(at);
      if (entry == null) {
        break;
      }
      page.add(entry);
    }
    return page;
  }

  /** When the entry with the offset was added; only if it is kept. */
  public long nanos(long offset) {
    return times[(head + (int) (offset - first())) & (times.length - 1)];
  }

  /** When the oldest entry kept was added; only if there is one. */
  public long firstNanos() {
    return times[head];
  }

  /** Drops the oldest entry; only if there is one. */
  public void removeFirst() {
    LogEntry entry = entries[head];
    entries[head] = null;
    if (entry != null) {
      bytes -= entry.message().size();
    }
    head = (head + 1) & (entries.length - 1);
    size--;
    if (size == 0 && entries.length > FIRST_CAPACITY) {
      entries = new LogEntry[FIRST_CAPACITY];
      times = new long[FIRST_CAPACITY];
      head = 0;
    }
  }

  private void grow() {
    LogEntry[] larger = new LogEntry[entries.length * 2];
    long[] largerTimes = new long[entries.length * 2];
    for (int i = 0; i < size; i++) {
      int at = (head + i) & (entries.length - 1);
      larger[i] = entries[at];
      largerTimes[i] = times[at];
    }
    entries = larger;
    times = largerTimes;
    head = 0;
  }
}
