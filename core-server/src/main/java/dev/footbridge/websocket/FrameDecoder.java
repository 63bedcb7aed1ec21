package dev.footbridge.websocket;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Turns the bytes that a WebSocket peer sends into messages, pings, pongs and the close (RFC 6455,
 * sections 5 to 8). Bytes may come in any pieces, even one at a time.
 *
 * <p><b>Strict.</b> Whatever the RFC forbids fails the connection, as early as the bytes tell: a
 * bad header before its payload, a message over the limit when a header announces it, text that is
 * not UTF-8 at its first bad byte. No extension is known, so reserved bits must be zero.
 *
 * <p><b>Finished once.</b> After the peer's close frame, a {@link WebSocketProtocolException} or
 * {@link #stop()} the decoder is {@linkplain #isDone() done}: it drops all further bytes and calls
 * nobody.
 *
 * <p><b>Frugal.</b> Between messages it holds no buffer. Within one it holds at most the larger of
 * 4 KiB and twice the bytes of the message that have arrived, whatever length the peer announced,
 * plus at most 125 bytes of a control frame. How many messages, pings and pongs come is for the
 * caller to limit.
 *
 * <p>Owned by one I/O thread at a time; not thread-safe.
 */
public final class FrameDecoder {

  /** The side of the connection on which the decoder stands. */
  public enum Role {
    /** Reads what a client sends: every frame must be masked. */
    SERVER,
    /** Reads what a server sends: no frame may be masked. */
    CLIENT
  }

  /**
   * The default limit on the frames of one message. Fragments that carry bytes are bounded by the
   * message limit already; this bounds those that carry none. It is wide enough for the finest
   * fragments of the Autobahn test suite: 4 MiB in pieces of 64 bytes.
   */
  public static final int DEFAULT_MAX_FRAGMENTS = 131_072;

  /** What a message may hold before its bytes have come; far less than a peer may announce. */
  private static final int UNPROVEN_BYTES = 4096;

  private static final byte[] EMPTY = {};

  private enum State {
    OPCODE,
    LENGTH,
    LENGTH_16,
    LENGTH_64,
    MASK,
    PAYLOAD,
    DONE
  }

  private final boolean expectsMask;
  private final int maxMessageBytes;
  private final int maxFragments;

  private State state = State.OPCODE;

  // The frame in progress.
  private boolean finalFrame;
  private byte opcode;
  private byte headerBytesLeft; // of the extended length or the mask, whichever is being read
  private int maskKey; // rotated, so that its first byte is always for the next payload byte
  private long payloadLeft;
  private byte @Nullable [] control;
  private boolean interrupted;

  // The message in progress, which may be interrupted by control frames.
  private byte messageOpcode; // CONTINUATION while there is none
  private int fragments;
  private int messageLength;
  private int utf8;
  private byte @Nullable [] message;

  /** Creates a decoder that allows {@link #DEFAULT_MAX_FRAGMENTS} frames a message. */
  public FrameDecoder(Role role, int maxMessageBytes) {
    this(role, maxMessageBytes, DEFAULT_MAX_FRAGMENTS);
  }

  /**
   * Creates a decoder that stands before the first frame.
   *
   * @param maxMessageBytes the longest message, all its fragments together; 1 to 2147483639. A
   *     longer one fails with {@link CloseCode#MESSAGE_TOO_BIG}
   * @param maxFragments the most frames that one message may come in, empty ones too; at least 1.
   *     More fail with {@link CloseCode#POLICY_VIOLATION}
   * @throws IllegalArgumentException if a limit is out of its range
   */
  public FrameDecoder(Role role, int maxMessageBytes, int maxFragments) {
    if (maxMessageBytes < 1 || maxMessageBytes > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException(
          "maxMessageBytes is " + maxMessageBytes + "; allowed are 1 to 2147483639.");
    }
    if (maxFragments < 1) {
      throw new IllegalArgumentException(
          "maxFragments is " + maxFragments + "; allowed is 1 or more.");
    }
    this.expectsMask = role == Role.SERVER;
    this.maxMessageBytes = maxMessageBytes;
    this.maxFragments = maxFragments;
  }

  /**
   * Decodes all that {@code in} has, and calls {@code handler} for each thing that is complete. Any
   * kind of buffer will do; its content is not modified and its byte order does not matter.
   *
   * <p>On return, unless a handler has {@linkplain #interrupt() interrupted} it, and on {@link
   * WebSocketProtocolException}, nothing remains in {@code in}. If the handler throws, the
   * exception passes through, and {@code in} stands after the frame that was handled; decoding may
   * go on from there.
   *
   * @throws WebSocketProtocolException at most once in the decoder's life: the connection must be
   *     failed with the exception's close code
   */
  public void decode(ByteBuffer in, FrameHandler handler) throws WebSocketProtocolException {
    interrupted = false;
    try {
      while (in.hasRemaining() && !interrupted) {
        switch (state) {
          case OPCODE -> readOpcode(in.get());
          case LENGTH -> readLength(in.get(), handler);
          case LENGTH_16, LENGTH_64 -> readExtendedLength(in.get(), handler);
          case MASK -> readMask(in.get(), handler);
          case PAYLOAD -> readPayload(in, handler);
          case DONE -> in.position(in.limit());
        }
      }
    } catch (WebSocketProtocolException e) {
      stop();
      in.position(in.limit());
      throw e;
    }
  }

  /**
   * Ends decoding for good, and drops what is incomplete. A handler may call this: then nothing
   * more is handed to it, not even from the same buffer.
   */
  public void stop() {
    state = State.DONE;
    control = null;
    message = null;
  }

  /**
   * A handler may call this: decoding returns at once, and stands after the frame that is being
   * handled; it may go on from there.
   */
  public void interrupt() {
    interrupted = true;
  }

  /** Whether decoding has ended: closed by the peer, failed or stopped. */
  public boolean isDone() {
    return state == State.DONE;
  }

  /** Bytes of buffer held at this moment, filled or not. */
  int heldBytes() {
    return (message == null ? 0 : message.length) + (control == null ? 0 : control.length);
  }

  // The header: section 5.2

  private void readOpcode(byte b) throws WebSocketProtocolException {
    finalFrame = b < 0;
    opcode = (byte) (b & 0x0F);
    if ((b & 0x70) != 0) {
      throw violation("A reserved bit is set, but no extension was negotiated.");
    }
    if (!Opcode.isKnown(opcode)) {
      throw violation("The opcode " + opcode + " is reserved.");
    }
    if (Opcode.isControl(opcode)) {
      if (!finalFrame) {
        throw violation("A control frame is fragmented.");
      }
    } else {
      beginFragment();
    }
    state = State.LENGTH;
  }

  /** Section 5.4: one message at a time, begun by its type, carried on by continuations. */
  private void beginFragment() throws WebSocketProtocolException {
    boolean within = messageOpcode != Opcode.CONTINUATION;
    if (opcode == Opcode.CONTINUATION) {
      if (!within) {
        throw violation("A continuation frame has no message to continue.");
      }
    } else {
      if (within) {
        throw violation("A new message begins within a fragmented one.");
      }
      messageOpcode = opcode;
      fragments = 0;
      utf8 = Utf8Validator.ACCEPTED;
    }
    if (++fragments > maxFragments) {
      throw new WebSocketProtocolException(
          CloseCode.POLICY_VIOLATION,
          "A message has more than the allowed " + maxFragments + " fragments.");
    }
  }

  private void readLength(byte b, FrameHandler handler) throws WebSocketProtocolException {
    if (b < 0 != expectsMask) {
      throw violation(
          expectsMask
              ? "A frame from a client is not masked."
              : "A frame from a server is masked.");
    }
    int length = b & 0x7F;
    if (Opcode.isControl(opcode)) {
      if (length > FrameEncoder.MAX_CONTROL_PAYLOAD) {
        throw violation("A control frame is longer than 125 bytes.");
      }
      if (opcode == Opcode.CLOSE && length == 1) {
        throw violation("A close frame has half a status code.");
      }
    }
    payloadLeft = length;
    if (length == 126 || length == 127) {
      payloadLeft = 0;
      state = length == 126 ? State.LENGTH_16 : State.LENGTH_64;
      headerBytesLeft = (byte) (length == 126 ? Short.BYTES : Long.BYTES);
    } else {
      endLength(handler);
    }
  }

  private void readExtendedLength(byte b, FrameHandler handler) throws WebSocketProtocolException {
    payloadLeft = payloadLeft << Byte.SIZE | (b & 0xFF);
    if (--headerBytesLeft > 0) {
      return;
    }
    if (payloadLeft < 0) {
      throw violation("A frame's length is over 63 bits.");
    }
    if (payloadLeft < (state == State.LENGTH_16 ? 126 : 65_536)) {
      throw violation("A frame's length is not in its shortest form.");
    }
    endLength(handler);
  }

  private void endLength(FrameHandler handler) throws WebSocketProtocolException {
    if (!Opcode.isControl(opcode) && payloadLeft > maxMessageBytes - messageLength) {
      throw new WebSocketProtocolException(
          CloseCode.MESSAGE_TOO_BIG,
          "A message is longer than the allowed " + maxMessageBytes + " bytes.");
    }
    if (expectsMask) {
      state = State.MASK;
      headerBytesLeft = Mask.KEY_BYTES;
    } else {
      beginPayload(handler);
    }
  }

  private void readMask(byte b, FrameHandler handler) throws WebSocketProtocolException {
    maskKey = maskKey << Byte.SIZE | (b & 0xFF); // four of these leave nothing of the last key
    if (--headerBytesLeft == 0) {
      beginPayload(handler);
    }
  }

  // The payload: sections 5.3 to 5.6 and 8.1

  private void beginPayload(FrameHandler handler) throws WebSocketProtocolException {
    if (payloadLeft > 0) {
      state = State.PAYLOAD;
    } else {
      endFrame(handler);
    }
  }

  private void readPayload(ByteBuffer in, FrameHandler handler) throws WebSocketProtocolException {
    int length = (int) Math.min(in.remaining(), payloadLeft);
    if (Opcode.isControl(opcode)) {
      readControlPayload(in, length);
    } else {
      readMessagePayload(in, length);
    }
    payloadLeft -= length;
    if (payloadLeft == 0) {
      endFrame(handler);
    }
  }

  private void readControlPayload(ByteBuffer in, int length) {
    byte[] target = control;
    if (target == null) {
      target = new byte[(int) payloadLeft];
      control = target;
    }
    readUnmasked(in, target, target.length - (int) payloadLeft, length);
  }

  private void readMessagePayload(ByteBuffer in, int length) throws WebSocketProtocolException {
    byte[] target = roomFor(length);
    readUnmasked(in, target, messageLength, length);
    if (messageOpcode == Opcode.TEXT) {
      utf8 = Utf8Validator.advance(utf8, target, messageLength, length);
      if (utf8 == Utf8Validator.REJECTED) {
        throw new WebSocketProtocolException(
            CloseCode.INVALID_PAYLOAD, "A text message is not valid UTF-8.");
      }
    }
    messageLength += length;
  }

  private void readUnmasked(ByteBuffer in, byte[] target, int at, int length) {
    in.get(target, at, length);
    if (expectsMask) {
      Mask.apply(target, at, length, maskKey);
      maskKey = Mask.advance(maskKey, length);
    }
  }

  /**
   * The message array with room for {@code length} more bytes. It grows by doubling what has
   * arrived, and in the last frame never beyond the message's exact size: a message of one frame
   * that arrives in one piece, or is short, is allocated once and handed over without a copy.
   */
  private byte[] roomFor(int length) {
    int needed = messageLength + length;
    byte[] old = message;
    if (old != null && needed <= old.length) {
      return old;
    }
    long announced = messageLength + payloadLeft;
    long capacity = Math.max(needed, Math.min(announced, UNPROVEN_BYTES));
    if (old != null) {
      capacity = Math.max(capacity, 2L * old.length);
    }
    capacity = Math.min(capacity, finalFrame ? announced : maxMessageBytes);
    byte[] grown = old == null ? new byte[(int) capacity] : Arrays.copyOf(old, (int) capacity);
    message = grown;
    return grown;
  }

  // The end of a frame. The state is that of the next frame before the handler is called, so that
  // the
  // handler may stop the decoder, or throw.

  private void endFrame(FrameHandler handler) throws WebSocketProtocolException {
    state = State.OPCODE;
    if (Opcode.isControl(opcode)) {
      endControlFrame(handler);
    } else if (finalFrame) {
      endMessage(handler);
    }
  }

  private void endMessage(FrameHandler handler) throws WebSocketProtocolException {
    if (utf8 != Utf8Validator.ACCEPTED) {
      throw new WebSocketProtocolException(
          CloseCode.INVALID_PAYLOAD, "A text message ends within a UTF-8 character.");
    }
    byte[] whole = message == null ? EMPTY : message;
    if (whole.length > messageLength) {
      whole = Arrays.copyOf(whole, messageLength);
    }
    boolean text = messageOpcode == Opcode.TEXT;
    message = null;
    messageLength = 0;
    messageOpcode = Opcode.CONTINUATION;
    if (text) {
      handler.onText(whole);
    } else {
      handler.onBinary(whole);
    }
  }

  private void endControlFrame(FrameHandler handler) throws WebSocketProtocolException {
    byte[] payload = control == null ? EMPTY : control;
    control = null;
    switch (opcode) {
      case Opcode.PING -> handler.onPing(payload);
      case Opcode.PONG -> handler.onPong(payload);
      default -> endConnection(payload, handler);
    }
  }

  /** Section 5.5.1. */
  private void endConnection(byte[] payload, FrameHandler handler)
      throws WebSocketProtocolException {
    int code = CloseCode.NO_STATUS;
    byte[] reason = EMPTY;
    if (payload.length > 0) {
      code = (payload[0] & 0xFF) << Byte.SIZE | (payload[1] & 0xFF);
      reason = Arrays.copyOfRange(payload, 2, payload.length);
      if (!CloseCode.isValidOnWire(code)) {
        throw violation("A close frame has the status code " + code + ", which is not allowed.");
      }
      if (!Utf8Validator.isValid(reason, 0, reason.length)) {
        throw new WebSocketProtocolException(
            CloseCode.INVALID_PAYLOAD, "The reason of a close frame is not valid UTF-8.");
      }
    }
    stop();
    handler.onClose(code, reason);
  }

  private static WebSocketProtocolException violation(String message) {
    return new WebSocketProtocolException(CloseCode.PROTOCOL_ERROR, message);
  }
}
