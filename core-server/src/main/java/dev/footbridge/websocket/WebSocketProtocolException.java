package dev.footbridge.websocket;

/**
 * The peer broke the protocol or a limit, and the connection must be failed (RFC 6455, section
 * 7.1.7) with {@link #closeCode()}.
 *
 * <p>The message is one sentence of at most 123 bytes, so that it can travel as the reason in the
 * close frame. The exception has no stack trace: it tells of the peer, not of this program, and a
 * hostile peer must not be able to make it expensive.
 */
public final class WebSocketProtocolException extends Exception {

  private static final long serialVersionUID = 1L;

  private final int closeCode;

  WebSocketProtocolException(int closeCode, String message) {
    super(message, null, false, false);
    this.closeCode = closeCode;
  }

  /** The status code to close with; one of {@link CloseCode} that is valid on the wire. */
  public int closeCode() {
    return closeCode;
  }
}
