package dev.footbridge.stream;

import dev.footbridge.wire.Message;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Puts framed messages into buffers that may be smaller than they are, and goes on where it
 * stopped. Holds only the message that is half out. Owned by its connection's I/O thread.
 */
public final class FrameFiller {
  private final Framing framing;
  private byte @Nullable [] body;
  private int at;
  private boolean trailerDue;

  /** Puts messages of one kind of connection. */
  public FrameFiller(Framing framing) {
    this.framing = framing;
  }

  /** Whether a message is half out. */
  public boolean isPartial() {
    return body != null;
  }

  /**
   * Begins a message, and finishes it if there is room.
   *
   * @return false if there is not room to begin or another message is half out
   */
  public boolean begin(ByteBuffer out, long number, Message message) {
    if (body != null || out.remaining() < Framing.MAX_HEADER) {
      return false;
    }
    byte[] bytes = framing.body(message);
    framing.header(out, number, bytes.length, message.isBinary());
    body = bytes;
    at = 0;
    trailerDue = true;
    resume(out);
    return true;
  }

  /** Begins bytes that are framed already; as {@link #begin}. */
  public boolean beginFramed(ByteBuffer out, byte[] framed) {
    if (body != null || !out.hasRemaining()) {
      return false;
    }
    body = framed;
    at = 0;
    trailerDue = false;
    resume(out);
    return true;
  }

  /** Goes on with the message that is half out; true if none is any more. */
  public boolean resume(ByteBuffer out) {
    byte[] bytes = body;
    if (bytes == null) {
      return true;
    }
    int count = Math.min(out.remaining(), bytes.length - at);
    out.put(bytes, at, count);
    at += count;
    if (at < bytes.length) {
      return false;
    }
    if (trailerDue) {
      trailerDue = false;
      body = framing.trailer();
      at = 0;
      return resume(out);
    }
    body = null;
    return true;
  }
}
