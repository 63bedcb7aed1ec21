package dev.footbridge.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.conduits.StreamSinkConduit;

/**
 * Writes what a {@link Source} has to a connection. While the connection takes no more, nothing is
 * pulled from the source, so whatever queues there leaves together in one write later (batching by
 * readiness, not by timer).
 *
 * <p>An idle writer holds no buffer: bytes are gathered in a direct buffer that all connections of
 * a thread share, and only what a full socket left over is kept.
 *
 * <p>Owned by the connection's I/O thread: every method must be called there.
 */
public final class SinkWriter {
  /** Where the bytes come from. */
  public interface Source {
    /**
     * Puts as many bytes as fit and are there. Called on the I/O thread.
     *
     * @param out has room; is never handed on or kept
     */
    void fill(ByteBuffer out);

    /** The connection failed; nothing more is pulled. Called on the I/O thread, at most once. */
    void failed(IOException reason);
  }

  private static final int SCRATCH_BYTES = 64 * 1024;

  /** How often one connection may fill the buffer before others get their turn. */
  private static final int MAX_ROUNDS = 8;

  private static final byte[] NOTHING = {};

  private static final ThreadLocal<ByteBuffer> SCRATCH =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(SCRATCH_BYTES));

  private @Nullable StreamSinkChannel sink;
  private final Lane lane;
  private final Source source;
  private final boolean buffered;
  private @Nullable StreamSinkConduit below;
  private byte[] last = NOTHING;
  private byte @Nullable [] leftover;
  private int leftoverAt;
  private long written;
  private boolean shutdown;
  private boolean failed;

  /**
   * Makes a writer for a connection that {@link #open} gives later.
   *
   * @param lane the lane of the connection's I/O thread
   * @param buffered whether the connection gathers what it is given until it is flushed, as HTTP/2
   *     does
   */
  public SinkWriter(Lane lane, Source source, boolean buffered) {
    this.buffered = buffered;
    this.lane = lane;
    this.source = source;
  }

  /** Gives the connection, which is written to by nobody else; nothing is written before. */
  public void open(StreamSinkChannel connection) {
    sink = connection;
  }

  /**
   * Writes to what lies below the connection from now on, if the connection would do no more than
   * hand the bytes on: what the HTTP server wraps around each response costs a tenth of a delivery.
   * Reading off and ending the connection stay with it. Only when nothing is left over.
   */
  public void bypass(StreamSinkConduit conduit) {
    if (leftover == null) {
      below = conduit;
    }
  }

  private StreamSinkChannel sink() {
    return Objects.requireNonNull(sink, "not open");
  }

  /** Octets that the connection has taken since the beginning. */
  public long written() {
    return written;
  }

  /** Whether the socket is full and bytes wait for it. */
  public boolean isBlocked() {
    return leftover != null;
  }

  /** Writes all that the source has, as far as the connection takes it. */
  public void flush() {
    if (failed || shutdown || sink == null) {
      return;
    }
    try {
      if (!writeLeftover()) {
        return;
      }
      ByteBuffer scratch = SCRATCH.get();
      for (int round = 0; round < MAX_ROUNDS; round++) {
        scratch.clear();
        source.fill(scratch);
        scratch.flip();
        if (!scratch.hasRemaining()) {
          return;
        }
        boolean mayBeMore = scratch.limit() > SCRATCH_BYTES / 2;
        if (!write(scratch)) {
          keep(scratch);
          return;
        }
        if (!mayBeMore) {
          return;
        }
      }
      lane.execute(this::flush);
    } catch (IOException e) {
      fail(e);
    }
  }

  /** Ends the output after all that was written so far; the source is not asked again. */
  public void shutdown() {
    shutdown(NOTHING);
  }

  /**
   * As {@link #shutdown()}, with last bytes that the connection itself must see, such as the chunk
   * that ends a response.
   */
  public void shutdown(byte[] bytes) {
    if (failed || shutdown) {
      return;
    }
    shutdown = true;
    last = bytes;
    if (leftover == null) {
      finish();
    }
  }

  private boolean writeLeftover() throws IOException {
    byte[] bytes = leftover;
    if (bytes == null) {
      return true;
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes, leftoverAt, bytes.length - leftoverAt);
    if (!write(buffer)) {
      leftoverAt = buffer.position();
      awaitWritable();
      return false;
    }
    leftover = null;
    return true;
  }

  /** True if all of it went out; false leaves the rest, perhaps none of it, for later. */
  private boolean write(ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      int count = below != null ? below.write(buffer) : sink().write(buffer);
      if (count == 0) {
        return false;
      }
      written += count;
    }
    return !buffered || sink().flush();
  }

  private void keep(ByteBuffer rest) {
    byte[] bytes = new byte[rest.remaining()];
    rest.get(bytes);
    leftover = bytes;
    leftoverAt = 0;
    awaitWritable();
  }

  private void awaitWritable() {
    sink().getWriteSetter().set(channel -> writable());
    sink().resumeWrites();
  }

  private void writable() {
    try {
      if (!writeLeftover()) {
        return;
      }
    } catch (IOException e) {
      fail(e);
      return;
    }
    sink().suspendWrites();
    if (shutdown) {
      finish();
    } else {
      flush();
    }
  }

  private void finish() {
    try {
      below = null;
      ByteBuffer end = ByteBuffer.wrap(last);
      last = NOTHING;
      if (end.hasRemaining() && !write(end)) {
        keep(end);
        return;
      }
      sink().shutdownWrites();
      flushShutdown();
    } catch (IOException e) {
      fail(e);
    }
  }

  private void flushShutdown() {
    try {
      if (sink().flush()) {
        sink().suspendWrites();
      } else {
        sink().getWriteSetter().set(channel -> flushShutdown());
        sink().resumeWrites();
      }
    } catch (IOException e) {
      fail(e);
    }
  }

  private void fail(IOException e) {
    if (!failed) {
      failed = true;
      leftover = null;
      source.failed(e);
    }
  }
}
