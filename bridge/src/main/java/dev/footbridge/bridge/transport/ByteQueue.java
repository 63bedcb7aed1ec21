package dev.footbridge.bridge.transport;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Framed bytes that wait to be written, item by item. Owned by one thread; it has no bound itself.
 */
public final class ByteQueue {
  private final Deque<byte[]> items = new ArrayDeque<>(4);
  private int at;
  private long bytes;

  /** Puts an item at the end. */
  public void add(byte[] item) {
    items.add(item);
    bytes += item.length;
  }

  /** Moves as much into the buffer as it has room for. */
  public void fill(ByteBuffer out) {
    while (out.hasRemaining()) {
      byte[] item = items.peek();
      if (item == null) {
        return;
      }
      int count = Math.min(out.remaining(), item.length - at);
      out.put(item, at, count);
      at += count;
      if (at == item.length) {
        at = 0;
        bytes -= item.length;
        items.poll();
      }
    }
  }

  /** How many octets wait; one that was begun counts whole. */
  public long bytes() {
    return bytes;
  }

  /** Whether nothing waits. */
  public boolean isEmpty() {
    return items.isEmpty();
  }

  /** Drops all that waits. */
  public void clear() {
    items.clear();
    at = 0;
    bytes = 0;
  }
}
