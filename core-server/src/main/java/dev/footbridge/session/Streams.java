package dev.footbridge.session;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;

/**
 * The numbers of a session's two streams: how far each has got, which numbers a client may name,
 * and which of them come from an earlier life of the session. Guarded by its session.
 */
final class Streams {
  private final Outbox outbox;
  private final long base;
  private long cursor;
  private long received;
  private boolean told;

  /** Those of a new session. */
  Streams(int bufferBytes) {
    outbox = new Outbox(bufferBytes, 0);
    base = 0;
  }

  /** Those of a session that was elsewhere. */
  Streams(int bufferBytes, SessionState state) {
    outbox = new Outbox(bufferBytes, state.acked());
    state.unacknowledged().forEach(outbox::restore);
    base = state.base();
    cursor = state.acked();
    received = state.received();
    told = state.told();
  }

  Outbox outbox() {
    return outbox;
  }

  /** Where the numbers of this life begin. */
  long base() {
    return base;
  }

  /** The last message that was handed to the attached receiver, or that need not be. */
  long cursor() {
    return cursor;
  }

  /** How many messages have come up, counted from the first life on. */
  long received() {
    return received;
  }

  /** Whether anybody has been told where this life begins. */
  boolean told() {
    return told;
  }

  /** One more message has come up. */
  void count() {
    received++;
  }

  /**
   * Whether a client that attaches like this does not know yet that the session was rebuilt. Only
   * when it has acknowledged something of this life is that certain: an {@code EventSource} says
   * its last id again until it has got a message.
   */
  boolean isUnaware(long after) {
    return base > 0 && outbox.acked() == base && after < base;
  }

  /** The client wants what comes after the number: that must be there still, or not sent yet. */
  void requireHeld(long after) throws ProtocolException {
    if (after < outbox.acked() || after > outbox.sent()) {
      throw downGap();
    }
  }

  /** The client has got this message: it must have been sent. */
  void requireSent(long acknowledged) throws ProtocolException {
    if (acknowledged > outbox.sent()) {
      throw downGap();
    }
  }

  /** The batch must begin no later than where the up stream is, and in this life. */
  void requireFits(Session.Batch batch) throws ProtocolException {
    if (isOfEarlierLife(batch)) {
      throw new ProtocolException(
          ErrorCode.REBUILT,
          "The session had to be rebuilt and counts anew; come back for its messages, and the"
              + " welcome says from where.");
    }
    if (batch.after() > received) {
      throw new ProtocolException(
              ErrorCode.GAP, "Message " + (received + 1) + " is missing before these.")
          .with("direction", JsonWriter.quote("up"))
          .with("received", received);
    }
    if (batch.acknowledged() != Session.UNKNOWN) {
      requireSent(batch.acknowledged());
    }
  }

  private boolean isOfEarlierLife(Session.Batch batch) {
    if (base == 0) {
      return false;
    }
    boolean began = batch.after() == Session.UNKNOWN ? !told : batch.after() < base;
    return began || (batch.acknowledged() != Session.UNKNOWN && batch.acknowledged() < base);
  }

  /** How many of a batch's messages the session has had already. */
  long repeated(Session.Batch batch) {
    return batch.after() == Session.UNKNOWN ? 0 : received - batch.after();
  }

  private ProtocolException downGap() {
    return new ProtocolException(
            ErrorCode.GAP,
            "The session can go on after message "
                + outbox.acked()
                + " at the earliest and "
                + outbox.sent()
                + " at the latest.")
        .with("direction", JsonWriter.quote("down"))
        .with("first", outbox.acked())
        .with("last", outbox.sent());
  }

  /** A receiver begins after the number. */
  void begin(long after) {
    cursor = after;
    told = true;
  }

  /** True if that is news. */
  boolean acknowledge(long number) {
    if (number <= outbox.acked()) {
      return false;
    }
    outbox.acknowledge(number);
    // What the client has got need not be handed to it, even if this connection did not bring it.
    cursor = Math.max(cursor, number);
    return true;
  }

  /** Hands over what lies after the cursor, up to the given number, as long as it is accepted. */
  void handOver(long upTo, Session.MessageSink sink) {
    while (cursor < upTo && sink.accept(cursor + 1, outbox.get(cursor + 1))) {
      cursor++;
    }
  }
}
