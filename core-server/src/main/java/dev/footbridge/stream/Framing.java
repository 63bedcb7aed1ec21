package dev.footbridge.stream;

import dev.footbridge.wire.Message;
import java.nio.ByteBuffer;

/** The bytes around a message on one kind of connection. Stateless. */
public interface Framing {
  /** The most that {@link #header} may put. */
  int MAX_HEADER = 96;

  /** A message that has no number in the stream. */
  long NO_NUMBER = 0;

  /** What goes between header and trailer. */
  byte[] body(Message message);

  /**
   * Puts what goes before the body; at most {@link #MAX_HEADER} octets.
   *
   * @param number the message's number in the session, or {@link #NO_NUMBER}
   * @param bodyLength octets of the body
   * @param binary whether the message is an application's binary one
   */
  void header(ByteBuffer out, long number, int bodyLength, boolean binary);

  /** What goes after the body; shared, not to be changed. */
  byte[] trailer();

  /** A whole value without a number, framed. */
  default byte[] control(Message message) {
    byte[] body = body(message);
    ByteBuffer out = ByteBuffer.allocate(MAX_HEADER + body.length + trailer().length);
    header(out, NO_NUMBER, body.length, message.isBinary());
    out.put(body).put(trailer());
    byte[] framed = new byte[out.position()];
    out.flip().get(framed);
    return framed;
  }
}
