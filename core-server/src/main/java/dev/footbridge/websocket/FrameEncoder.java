package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Writes WebSocket frames (RFC 6455, section 5.2). Every frame is final: a message is never
 * fragmented on the way out.
 *
 * <p>Servers send unmasked frames, whose bytes may therefore be shared by any number of receivers;
 * clients mask each one anew ({@link #putMasked}).
 *
 * <p>Stateless; any thread may call. All numbers are written most significant byte first, whatever
 * the order of the buffer.
 */
public final class FrameEncoder {

  /** The longest payload of a control frame, in bytes (RFC 6455, section 5.5). */
  public static final int MAX_CONTROL_PAYLOAD = 125;

  /** The longest reason in a close frame, in bytes: a control payload less the status code. */
  public static final int MAX_CLOSE_REASON = MAX_CONTROL_PAYLOAD - 2;

  private static final int FIN = 0x80;
  private static final int MASKED = 0x80;
  private static final int LENGTH_16 = 126;
  private static final int LENGTH_64 = 127;
  private static final byte[] EMPTY = {};

  private FrameEncoder() {}

  /**
   * Bytes of an unmasked header for a payload of that many bytes: 2, 4 or 10. A masked one takes 4
   * more.
   *
   * @throws IllegalArgumentException if {@code payloadLength} is negative
   */
  public static int headerSize(long payloadLength) {
    if (payloadLength < 0) {
      throw new IllegalArgumentException("A payload of " + payloadLength + " bytes cannot be.");
    }
    if (payloadLength < LENGTH_16) {
      return 2;
    }
    return payloadLength <= 0xFFFF ? 4 : 10;
  }

  /**
   * Puts the header of a final, unmasked frame, as a server sends it; the payload follows as it is.
   *
   * @throws IllegalArgumentException if the opcode is not a data or control opcode, the length is
   *     negative, or it is above 125 for a control frame
   * @throws BufferOverflowException if the header does not fit; then nothing is written
   */
  public static void putHeader(ByteBuffer out, int opcode, long payloadLength) {
    checkFrame(opcode, payloadLength);
    checkRoom(out, headerSize(payloadLength));
    writeHeader(out, opcode, payloadLength, 0);
  }

  /**
   * Puts a final, masked frame, as a client sends it. The payload array is not modified, so it may
   * be one that others share.
   *
   * @param maskKey fresh from a strong random source for each frame (RFC 6455, section 5.3); its
   *     most significant byte goes first
   * @throws IllegalArgumentException as for {@link #putHeader}
   * @throws IndexOutOfBoundsException if the range is not within {@code payload}
   * @throws BufferOverflowException if the frame does not fit; then nothing is written
   */
  public static void putMasked(
      ByteBuffer out, int opcode, byte[] payload, int off, int len, int maskKey) {
    Objects.checkFromIndexSize(off, len, payload.length);
    checkFrame(opcode, len);
    checkRoom(out, (long) headerSize(len) + Mask.KEY_BYTES + len);
    writeHeader(out, opcode, len, MASKED);
    putBigEndian(out, maskKey, Integer.BYTES);
    Mask.put(out, payload, off, len, maskKey);
  }

  /**
   * A whole final, unmasked frame in an array of its own.
   *
   * @throws IllegalArgumentException as for {@link #putHeader}
   */
  public static byte[] frame(int opcode, byte[] payload) {
    checkFrame(opcode, payload.length);
    byte[] frame = new byte[Math.addExact(headerSize(payload.length), payload.length)];
    ByteBuffer out = ByteBuffer.wrap(frame);
    writeHeader(out, opcode, payload.length, 0);
    out.put(payload);
    return frame;
  }

  /**
   * A whole unmasked close frame; its payload is {@link #closePayload}.
   *
   * @throws IllegalArgumentException as for {@link #closePayload}
   */
  public static byte[] close(int code, String reason) {
    return frame(Opcode.CLOSE, closePayload(code, reason));
  }

  /**
   * The payload of a close frame (RFC 6455, section 5.5.1): the status code and the reason. A
   * reason longer than 123 bytes in UTF-8 is cut after the last whole character that fits. {@link
   * CloseCode#NO_STATUS} gives an empty payload, and the reason is left out.
   *
   * @throws IllegalArgumentException if the code is neither {@link CloseCode#NO_STATUS} nor
   *     {@linkplain CloseCode#isValidOnWire valid on the wire}
   */
  public static byte[] closePayload(int code, String reason) {
    if (code == CloseCode.NO_STATUS) {
      return EMPTY;
    }
    if (!CloseCode.isValidOnWire(code)) {
      throw new IllegalArgumentException(
          "A close frame cannot carry the code "
              + code
              + "; allowed are 1000 to 1003, 1007 to 1014 and 3000 to 4999.");
    }
    byte[] utf8 = reason.getBytes(UTF_8);
    int length = cut(utf8, MAX_CLOSE_REASON);
    return ByteBuffer.allocate(2 + length).putShort((short) code).put(utf8, 0, length).array();
  }

  /** The length to which valid UTF-8 must be cut to be at most {@code max} bytes and stay valid. */
  private static int cut(byte[] utf8, int max) {
    if (utf8.length <= max) {
      return utf8.length;
    }
    int length = max;
    while ((utf8[length] & 0xC0) == 0x80) {
      length--;
    }
    return length;
  }

  private static void writeHeader(ByteBuffer out, int opcode, long payloadLength, int masked) {
    out.put((byte) (FIN | opcode));
    if (payloadLength < LENGTH_16) {
      out.put((byte) (masked | (int) payloadLength));
    } else if (payloadLength <= 0xFFFF) {
      out.put((byte) (masked | LENGTH_16));
      putBigEndian(out, payloadLength, Short.BYTES);
    } else {
      out.put((byte) (masked | LENGTH_64));
      putBigEndian(out, payloadLength, Long.BYTES);
    }
  }

  private static void putBigEndian(ByteBuffer out, long value, int bytes) {
    for (int shift = (bytes - 1) * Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
      out.put((byte) (value >>> shift));
    }
  }

  private static void checkFrame(int opcode, long payloadLength) {
    if (!Opcode.isKnown(opcode) || opcode == Opcode.CONTINUATION) {
      throw new IllegalArgumentException(
          "A whole message cannot have the opcode " + opcode + "; allowed are 1, 2, 8, 9 and 10.");
    }
    if (Opcode.isControl(opcode) && payloadLength > MAX_CONTROL_PAYLOAD) {
      throw new IllegalArgumentException(
          "A control frame holds at most "
              + MAX_CONTROL_PAYLOAD
              + " bytes, not "
              + payloadLength
              + ".");
    }
  }

  private static void checkRoom(ByteBuffer out, long bytes) {
    if (out.remaining() < bytes) {
      throw new BufferOverflowException();
    }
  }
}
