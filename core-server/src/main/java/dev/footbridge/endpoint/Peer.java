package dev.footbridge.endpoint;

import dev.footbridge.io.Lane;
import dev.footbridge.wire.Message;

/**
 * The client's end of a session, as its endpoint sees it. Every method is safe for any thread and
 * none blocks.
 */
public interface Peer {
  /**
   * Offers a message that can wait or be fetched again: refused with {@link Offer#OVERFLOWED} when
   * the session's buffer is full, after which {@link Endpoint#drained()} tells of room.
   */
  Offer offer(Message message);

  /**
   * Sends a message that must not be refused, an answer to what the client asked. It may use a
   * reserve as large again as the buffer; a client that asks on without taking its answers exhausts
   * that too, and its session ends with {@code overflow}.
   */
  Offer answer(Message message);

  /** Whether the buffer is full, so that large answers had better wait. */
  boolean isFull();

  /** The lane on which the session's messages leave at present. */
  Lane lane();

  /** A name for this session that may be shown to others; it opens nothing. */
  String publicId();

  /**
   * Ends the session.
   *
   * @param code the {@code bye}'s code
   */
  void close(String code);

  /** {@link Endpoint#state()} has become another; who keeps it elsewhere will ask for it. */
  default void changed() {}
}
