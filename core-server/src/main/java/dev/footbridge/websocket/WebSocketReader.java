package dev.footbridge.websocket;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.xnio.channels.StreamSourceChannel;

/**
 * Reads frames off a connection and hands them to a {@link Handler}. Between messages it holds no
 * buffer: bytes pass through one that all connections of a thread share.
 *
 * <p>Owned by the connection's I/O thread.
 */
public final class WebSocketReader {
  /** Is told what comes. All calls are made on the I/O thread. */
  public interface Handler extends FrameHandler {
    /** The peer broke the protocol; nothing more is decoded. */
    void violated(WebSocketProtocolException violation);

    /** The bytes that were there have been handled. */
    void pause();

    /** The peer sends no more; nothing follows. */
    void ended();
  }

  private static final int SCRATCH_BYTES = 64 * 1024;
  private static final ThreadLocal<ByteBuffer> SCRATCH =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(SCRATCH_BYTES));

  private final StreamSourceChannel source;
  private final FrameDecoder decoder;
  private final Handler handler;
  private byte @Nullable [] rest;
  private boolean held;
  private boolean finished;

  /**
   * @param maxMessageBytes the largest message that is accepted
   */
  public WebSocketReader(StreamSourceChannel source, int maxMessageBytes, Handler handler) {
    this.source = source;
    this.decoder = new FrameDecoder(FrameDecoder.Role.SERVER, maxMessageBytes);
    this.handler = handler;
  }

  /** Begins to read. */
  public void start() {
    source.getReadSetter().set(channel -> readable());
    source.resumeReads();
    readable();
  }

  /** Handles and reads nothing more, not even what has come already, until {@link #release}. */
  void hold() {
    held = true;
    decoder.interrupt();
    source.suspendReads();
  }

  /** Goes on where {@link #hold} has left off; else does nothing. */
  void release() {
    if (!held) {
      return;
    }
    held = false;
    byte[] waiting = takeRest();
    if (waiting != null) {
      handle(ByteBuffer.wrap(waiting));
    }
    if (!held && !finished) {
      source.resumeReads();
    }
  }

  /** While held: what has come and was not handled, or null; whoever takes it handles it. */
  byte @Nullable [] takeRest() {
    byte[] waiting = rest;
    rest = null;
    return waiting;
  }

  /** Handles nothing more of what comes; it is read and dropped until the peer ends. */
  public void discard() {
    decoder.stop();
  }

  private void readable() {
    if (finished || held) {
      return;
    }
    ByteBuffer scratch = SCRATCH.get();
    scratch.clear();
    int count;
    try {
      count = source.read(scratch);
    } catch (IOException e) {
      finish();
      return;
    }
    if (count < 0) {
      finish();
      return;
    }
    if (count == 0) {
      return;
    }
    scratch.flip();
    handle(scratch);
  }

  private void handle(ByteBuffer in) {
    while (in.hasRemaining() && !held && !decoder.isDone()) {
      try {
        decoder.decode(in, handler);
      } catch (WebSocketProtocolException violation) {
        handler.violated(violation);
      }
    }
    if (held && in.hasRemaining()) {
      byte[] kept = new byte[in.remaining()];
      in.get(kept);
      rest = kept;
    }
    handler.pause();
  }

  private void finish() {
    finished = true;
    source.suspendReads();
    handler.ended();
  }
}
