package dev.footbridge.websocket;

/** The opcodes of WebSocket frames (RFC 6455, section 5.2 and 11.8). */
public final class Opcode {

  /** A further fragment of the message in progress. */
  public static final int CONTINUATION = 0x0;

  /** The first or only fragment of a text message, which is UTF-8. */
  public static final int TEXT = 0x1;

  /** The first or only fragment of a binary message. */
  public static final int BINARY = 0x2;

  /** The sender's last frame. */
  public static final int CLOSE = 0x8;

  /** Asks for a pong with the same payload. */
  public static final int PING = 0x9;

  /** Answers a ping, or comes unasked as a sign of life. */
  public static final int PONG = 0xA;

  private Opcode() {}

  /** Whether RFC 6455 gives {@code opcode} a meaning; all others are reserved. */
  public static boolean isKnown(int opcode) {
    return (opcode >= CONTINUATION && opcode <= BINARY) || (opcode >= CLOSE && opcode <= PONG);
  }

  /**
   * Whether {@code opcode} marks a control frame: at most 125 bytes, never fragmented, allowed
   * between the fragments of a message (RFC 6455, section 5.5).
   */
  public static boolean isControl(int opcode) {
    return opcode >= CLOSE && opcode <= 0xF;
  }
}
