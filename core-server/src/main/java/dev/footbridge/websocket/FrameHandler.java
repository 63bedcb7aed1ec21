package dev.footbridge.websocket;

/**
 * Receives what a {@link FrameDecoder} finds, in the order in which it arrived.
 *
 * <p>All methods are called on the thread that called {@link FrameDecoder#decode}, from within that
 * call. Each array belongs to the handler from then on: the decoder keeps no reference to it and
 * never writes to it again. A handler may call {@link FrameDecoder#stop()}, but not {@code decode}.
 */
public interface FrameHandler {

  /** A whole text message, its fragments joined. {@code utf8} is valid UTF-8. */
  void onText(byte[] utf8);

  /** A whole binary message, its fragments joined. */
  void onBinary(byte[] data);

  /** A ping of 0 to 125 bytes, to be answered by a pong with the same bytes. */
  void onPing(byte[] data);

  /** A pong of 0 to 125 bytes. */
  void onPong(byte[] data);

  /**
   * The peer's close frame; nothing follows it.
   *
   * @param code the status code, valid on the wire, or {@link CloseCode#NO_STATUS} if the frame was
   *     empty
   * @param reasonUtf8 the reason: 0 to 123 bytes of valid UTF-8
   */
  void onClose(int code, byte[] reasonUtf8);
}
