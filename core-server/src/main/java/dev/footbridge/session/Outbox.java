package dev.footbridge.session;

import dev.footbridge.endpoint.Offer;
import dev.footbridge.wire.Message;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The messages of the down stream that the client has not acknowledged, in a ring, by number. Holds
 * nothing while it is empty. Guarded by its session.
 */
final class Outbox {
  private static final int FIRST_CAPACITY = 8;
  private static final @Nullable Message[] NONE = new Message[0];

  private final int bound;
  private @Nullable Message[] ring = NONE;
  private int head;
  private long acked;
  private long sent;
  private long bytes;

  /**
   * @param bound octets that may wait; one message always may
   * @param acked the number of the last message before those to come
   */
  Outbox(int bound, long acked) {
    this.bound = bound;
    this.acked = acked;
    this.sent = acked;
  }

  /** The number of the last message that was acknowledged. */
  long acked() {
    return acked;
  }

  /** The number of the last message in the stream. */
  long sent() {
    return sent;
  }

  long bytes() {
    return bytes;
  }

  /** Whether enough was acknowledged, after it was full, to go on. */
  boolean hasRoom() {
    return bytes <= bound - bound / 4;
  }

  Offer offer(Message message) {
    return add(message, bound);
  }

  /** As {@link #offer}, with a reserve as large again. */
  Offer offerFromReserve(Message message) {
    return add(message, 2L * bound);
  }

  /** A message that was accepted elsewhere; that it fits is not asked again. */
  void restore(Message message) {
    add(message, Long.MAX_VALUE);
  }

  /** The messages after the acknowledged. */
  List<Message> all() {
    List<Message> all = new ArrayList<>(size());
    for (long number = acked + 1; number <= sent; number++) {
      all.add(get(number));
    }
    return all;
  }

  private Offer add(Message message, long most) {
    if (sent > acked && bytes + message.size() > most) {
      return Offer.OVERFLOWED;
    }
    int size = size();
    if (size == ring.length) {
      grow();
    }
    ring[(head + size) & (ring.length - 1)] = message;
    sent++;
    bytes += message.size();
    return Offer.ACCEPTED;
  }

  /** The message with the number; it must be after the acknowledged and not after the sent. */
  Message get(long number) {
    Message message = ring[(head + (int) (number - acked - 1)) & (ring.length - 1)];
    if (message == null) {
      throw new IllegalStateException("Message " + number + " is not held.");
    }
    return message;
  }

  /** Forgets messages up to the number, which must not be after the sent. */
  void acknowledge(long number) {
    while (acked < number) {
      Message message = ring[head];
      ring[head] = null;
      head = (head + 1) & (ring.length - 1);
      acked++;
      if (message != null) {
        bytes -= message.size();
      }
    }
    if (acked == sent) {
      head = 0;
      if (ring.length > FIRST_CAPACITY) {
        ring = NONE;
      }
    }
  }

  private int size() {
    return (int) (sent - acked);
  }

  private void grow() {
    int size = size();
    Message[] larger = new Message[Math.max(FIRST_CAPACITY, ring.length * 2)];
    for (int i = 0; i < size; i++) {
      larger[i] = ring[(head + i) & (ring.length - 1)];
    }
    ring = larger;
    head = 0;
  }
}
