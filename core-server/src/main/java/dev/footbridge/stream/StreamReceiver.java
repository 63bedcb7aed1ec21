package dev.footbridge.stream;

import dev.footbridge.io.Lane;
import dev.footbridge.io.SinkWriter;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Receiver;
import dev.footbridge.session.Session;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.conduits.StreamSinkConduit;

/**
 * A session's messages on a connection that stays open. Values about the connection ({@code
 * welcome}, {@code ping}, {@code ack}) go before messages that wait, {@code bye} after them, then
 * the connection ends.
 *
 * <p>Owned by the connection's I/O thread, except for the methods of {@link Receiver}, which any
 * thread may call.
 */
public abstract class StreamReceiver implements Receiver, SinkWriter.Source {
  private static final Message PING = Message.json(JsonWriter.object().text("op", "ping").bytes());

  private static final long LINGER_SECONDS = 10;

  private final Lane lane;
  private final Framing framing;
  private final FrameFiller filler;
  private final SinkWriter writer;
  private final LongSupplier nanoClock;
  private final Timer timer;
  private final long pingNanos;
  private final long silenceNanos;
  private @Nullable Session session;
  private @Nullable ArrayDeque<byte[]> controls;
  private byte @Nullable [] lastWords;
  private @Nullable Timeout linger;
  private boolean ended;
  private boolean gone;
  private volatile long sentNanos;

  // Used by whoever checks only.
  private long checkedWritten;
  private long checkedNanos;

  /**
   * @param buffered see {@link SinkWriter}
   * @param pingNanos how long the connection may be silent
   */
  protected StreamReceiver(
      Lane lane,
      boolean buffered,
      Framing framing,
      LongSupplier nanoClock,
      Timer timer,
      long pingNanos) {
    this(lane, buffered, framing, nanoClock, timer, pingNanos, pingNanos);
  }

  /**
   * @param buffered see {@link SinkWriter}
   * @param pingNanos half of how long a peer may give no sign of life, or take nothing
   * @param silenceNanos how long the connection may be silent before it is pinged
   */
  protected StreamReceiver(
      Lane lane,
      boolean buffered,
      Framing framing,
      LongSupplier nanoClock,
      Timer timer,
      long pingNanos,
      long silenceNanos) {
    this.lane = lane;
    this.framing = framing;
    this.filler = new FrameFiller(framing);
    this.writer = new SinkWriter(lane, this, buffered);
    this.nanoClock = nanoClock;
    this.timer = timer;
    this.pingNanos = pingNanos;
    this.silenceNanos = silenceNanos;
    this.sentNanos = nanoClock.getAsLong();
    this.checkedNanos = sentNanos;
  }

  /** What is said on the connection after the {@code bye}; shared, not to be changed. */
  protected abstract byte[] farewell(Bye bye);

  /** The farewell has been written; the connection may end. */
  protected abstract void finished();

  /** Closes the connection at once. Any thread. */
  protected abstract void abort();

  /** Asks the client for a sign of life; a {@code ping} value does so on every connection. */
  protected void ping() {
    control(PING);
  }

  /** When the client last gave a sign of life; only where it can: else the present. */
  protected long heardNanos(long now) {
    return now;
  }

  /** The session that messages come from. */
  protected final @Nullable Session session() {
    return session;
  }

  /** Octets written on this connection. */
  protected final long written() {
    return writer.written();
  }

  /** Gives the connection; what waits is not sent before. */
  protected final void open(StreamSinkChannel sink) {
    writer.open(sink);
  }

  /** The session is attached: says what it says first and whatever waits. */
  protected final void begin(Session attached, Message welcome) {
    session = attached;
    control(welcome);
    flush();
  }

  /** Puts a value about the connection in line; {@link #flush} sends it. */
  protected final void control(Message value) {
    framed(framing.control(value));
  }

  /** Puts bytes in line that are framed already. */
  protected final void framed(byte[] bytes) {
    if (lastWords != null || gone) {
      return;
    }
    if (controls == null) {
      controls = new ArrayDeque<>(2);
    }
    controls.add(bytes);
  }

  /** See {@link SinkWriter#bypass}. */
  protected final void bypass(StreamSinkConduit conduit) {
    writer.bypass(conduit);
  }

  /** How many values about the connection wait. */
  protected final int controlsWaiting() {
    return controls == null ? 0 : controls.size();
  }

  /** Sends what waits, as far as the connection takes it. */
  protected final void flush() {
    writer.flush();
  }

  /** The connection ends with this; on its thread. */
  protected final void endNow(Bye with) {
    byte[] last = framing.control(with.message());
    byte[] farewell = farewell(with);
    byte[] words = new byte[last.length + farewell.length];
    System.arraycopy(last, 0, words, 0, last.length);
    System.arraycopy(farewell, 0, words, last.length, farewell.length);
    endWith(words);
  }

  /** The connection ends with these bytes, which are framed already; on its thread. */
  protected final void endWith(byte[] words) {
    if (lastWords == null && !gone) {
      lastWords = words;
      Session attached = session;
      if (attached != null) {
        attached.detach(this);
      }
      // Nobody looks after it any more: a peer that does not even read this is not waited for.
      linger =
          timer.newTimeout(timeout -> lane.execute(this::lost), LINGER_SECONDS, TimeUnit.SECONDS);
      flush();
    }
  }

  /** The connection has gone, or all has been said on it; on its thread. */
  protected final void lost() {
    if (!gone) {
      gone = true;
      controls = null;
      Timeout held = linger;
      if (held != null) {
        held.cancel();
      }
      Session attached = session;
      if (attached != null) {
        attached.detach(this);
      }
      abort();
    }
  }

  /** The connection is another's from now on; nothing more is done with it. On its thread. */
  protected final void letGo() {
    gone = true;
    controls = null;
  }

  /** Whether the connection has gone or is about to. */
  protected final boolean isOver() {
    return gone || lastWords != null;
  }

  @Override
  public void fill(ByteBuffer out) {
    sentNanos = nanoClock.getAsLong();
    if (gone || !filler.resume(out)) {
      return;
    }
    while (controls != null) {
      byte[] framed = controls.peek();
      if (framed == null) {
        controls = null;
        break;
      }
      if (!filler.beginFramed(out, framed)) {
        return;
      }
      controls.poll();
    }
    byte[] last = lastWords;
    if (last == null) {
      fillMessages(out);
    } else if (!ended && !filler.isPartial() && out.remaining() >= last.length) {
      ended = true;
      filler.beginFramed(out, last);
      // Runs after the bytes have been handed to the connection or kept for it.
      lane.execute(this::finished);
    }
  }

  private void fillMessages(ByteBuffer out) {
    Session attached = session;
    if (attached == null) {
      return;
    }
    attached.take(this, (number, message) -> filler.begin(out, number, message));
  }

  /** Ends the output after all that was written; see {@link SinkWriter#shutdown(byte[])}. */
  protected final void shutdownOutput(byte[] last) {
    writer.shutdown(last);
  }

  @Override
  public void failed(IOException reason) {
    lost();
  }

  /** Time has passed; about once a second, on any thread. */
  protected void tick(long now) {}

  // ---- Receiver: any thread ----

  @Override
  public final Lane lane() {
    return lane;
  }

  @Override
  public boolean duplex() {
    return false;
  }

  @Override
  public final boolean streaming() {
    return true;
  }

  @Override
  public final void ready() {
    lane.execute(writer::flush);
  }

  @Override
  public final void end(Bye with) {
    lane.execute(() -> endNow(with));
  }

  @Override
  public final boolean idle() {
    return !writer.isBlocked() && !filler.isPartial();
  }

  @Override
  public final void check(long now) {
    tick(now);
    long deadAfter = 2 * pingNanos;
    if (writer.written() != checkedWritten || !writer.isBlocked()) {
      checkedWritten = writer.written();
      checkedNanos = now;
    }
    if (now - checkedNanos > deadAfter || now - heardNanos(now) > deadAfter) {
      lane.execute(this::lost);
    } else if (now - sentNanos > silenceNanos || now - heardNanos(now) > pingNanos) {
      sentNanos = now;
      lane.execute(
          () -> {
            if (!isOver()) {
              ping();
              flush();
            }
          });
    }
  }
}
