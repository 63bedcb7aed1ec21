package dev.footbridge.websocket;

import dev.footbridge.io.Lane;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Session;
import dev.footbridge.stream.StreamReceiver;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import io.netty.util.Timer;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.xnio.Buffers;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;
import org.xnio.XnioIoThread;
import org.xnio.conduits.PushBackStreamSourceConduit;

/**
 * A session on a WebSocket (RFC 6455), on a connection taken over from the HTTP server. Messages go
 * both ways, each counted by its side; {@code ack} values tell how far.
 *
 * <p>Owned by the connection's I/O thread.
 */
final class WebSocketTransport extends StreamReceiver implements WebSocketReader.Handler {
  private static final int ACK_EVERY = 64;
  private static final int MAX_CONTROLS = 64;
  private static final byte[] NOTHING = {};
  private static final byte[] PROTOCOL_PING = FrameEncoder.frame(Opcode.PING, new byte[0]);
  private static final Message PONG = Message.json(JsonWriter.object().text("op", "pong").bytes());

  private final StreamConnection connection;
  private final WebSocketReader reader;
  private final LongSupplier nanoClock;
  private final boolean answersPings;
  private volatile @Nullable WaitingSocket waiting;
  private volatile long heardNanos;
  private volatile boolean ackDue;
  private int unacknowledged;
  private long acked;

  /**
   * @param speaksFootbridge whether the client chose our subprotocol and so answers {@code ping}
   *     values; others are sent protocol pings as well, which every client answers
   */
  WebSocketTransport(
      Lane lane,
      StreamConnection connection,
      LongSupplier nanoClock,
      Timer timer,
      long pingNanos,
      int maxMessageBytes,
      boolean speaksFootbridge) {
    super(lane, false, WebSocketFraming.INSTANCE, nanoClock, timer, pingNanos);
    open(connection.getSinkChannel());
    this.connection = connection;
    this.nanoClock = nanoClock;
    this.answersPings = speaksFootbridge;
    this.heardNanos = nanoClock.getAsLong();
    this.reader = new WebSocketReader(connection.getSourceChannel(), maxMessageBytes, this);
  }

  /** The session has been attached; begins to carry it. */
  void start(Session session, Message welcome) {
    acked = session.received();
    begin(session, welcome);
    read();
  }

  /** No session can be had; says why and ends. */
  void refuse(ProtocolException reason) {
    framed(FrameEncoder.frame(Opcode.TEXT, reason.bye().raw()));
    endWith(FrameEncoder.close(closeCode(reason.code()), reason.code()));
    read();
  }

  private void read() {
    if (waiting == null) {
      reader.start();
    } else {
      reader.release();
    }
  }

  // ---- without a session ----

  /**
   * There is no session yet: what comes is for whoever waits, until that holds the connection.
   *
   * @param greets whether the client is greeted, so that it knows that not only the handshake comes
   *     through
   */
  void await(WaitingSocket until, boolean greets) {
    waiting = until;
    if (greets) {
      control(PONG);
      flush();
    }
    reader.start();
  }

  /** Handles nothing more, until the session has been attached or refused. */
  void hold() {
    reader.hold();
  }

  XnioIoThread thread() {
    return connection.getIoThread();
  }

  /** Whether the connection has gone or ends. */
  boolean hasEnded() {
    return isOver();
  }

  /** The connection ends with this; on its thread. */
  void bye(Bye last) {
    endNow(last);
  }

  /**
   * Gives the connection away while it is held: what it has brought and was not handled comes
   * first.
   *
   * @param again a value that has been handled and comes once more, before everything else
   * @return null where it has gone, or has not taken all that it was given; it stays here then
   */
  @Nullable StreamConnection handOver(byte @Nullable [] again) {
    flush();
    if (isOver() || !idle() || controlsWaiting() > 0) {
      return null;
    }
    letGo();
    comesFirst(reader.takeRest());
    if (again != null) {
      comesFirst(masked(again));
    }
    return connection;
  }

  /** As a client sends it; it does not leave this process, so any mask will do. */
  private static byte[] masked(byte[] text) {
    ByteBuffer frame =
        ByteBuffer.allocate(FrameEncoder.headerSize(text.length) + Mask.KEY_BYTES + text.length);
    FrameEncoder.putMasked(frame, Opcode.TEXT, text, 0, text.length, 0);
    return frame.array();
  }

  private void comesFirst(byte @Nullable [] octets) {
    if (octets != null) {
      PushBackStreamSourceConduit first =
          new PushBackStreamSourceConduit(connection.getSourceChannel().getConduit());
      first.pushBack(Buffers.pooledWrapper(ByteBuffer.wrap(octets)));
      connection.getSourceChannel().setConduit(first);
    }
  }

  @Override
  public boolean duplex() {
    return true;
  }

  // ---- what comes up ----

  @Override
  public void onText(byte[] utf8) {
    if (isOver()) {
      return;
    }
    WaitingSocket without = waiting();
    if (without != null) {
      without.onText(utf8);
      return;
    }
    try {
      Value value = Value.parse(utf8);
      if (value.counts()) {
        receive(value);
      } else {
        control(((Value.Command) value));
      }
    } catch (ProtocolException malformed) {
      endSession(ErrorCode.MALFORMED.code());
    }
  }

  @Override
  public void onBinary(byte[] data) {
    if (isOver()) {
      return;
    }
    WaitingSocket without = waiting();
    if (without != null) {
      without.onBinary();
      return;
    }
    try {
      receive(new Value.Binary(data));
    } catch (ProtocolException malformed) {
      endSession(ErrorCode.MALFORMED.code());
    }
  }

  private void receive(Value value) throws ProtocolException {
    Session session = session();
    if (session != null && session.receive(this, value)) {
      unacknowledged++;
      ackDue = true;
    }
  }

  private void control(Value.Command command) throws ProtocolException {
    Session session = session();
    switch (command.op()) {
      case "ack" -> {
        long number = command.fields().integer("received", -1, 0, Long.MAX_VALUE);
        if (session != null && number >= 0) {
          session.acknowledge(this, number);
        }
      }
      case "ping" -> pong();
      default -> {
        // A pong has done its work by arriving; welcome and bye mean nothing from a client.
      }
    }
  }

  /** Answers a {@code ping}, unless too many answers wait already. */
  void pong() {
    if (controlsWaiting() < MAX_CONTROLS) {
      control(PONG);
    }
  }

  private @Nullable WaitingSocket waiting() {
    return session() == null ? waiting : null;
  }

  private void endSession(String code) {
    Session session = session();
    if (session != null) {
      session.close(code);
    } else {
      endNow(Bye.ended(code));
    }
  }

  @Override
  public void onPing(byte[] data) {
    // A peer that floods pings and reads nothing gets no more than these (RFC 6455, 5.5.3).
    if (controlsWaiting() < MAX_CONTROLS) {
      framed(FrameEncoder.frame(Opcode.PONG, data));
    }
  }

  @Override
  public void onPong(byte[] data) {
    // Having been heard is all that matters.
  }

  @Override
  public void onClose(int code, byte[] reasonUtf8) {
    endWith(FrameEncoder.close(code == CloseCode.NO_STATUS ? CloseCode.NORMAL : code, ""));
  }

  @Override
  public void violated(WebSocketProtocolException violation) {
    if (violation.closeCode() == CloseCode.MESSAGE_TOO_BIG) {
      // The client would send the same message again for ever.
      endSession(ErrorCode.TOO_LARGE.code());
      return;
    }
    String reason = violation.getMessage();
    endWith(FrameEncoder.close(violation.closeCode(), reason == null ? "" : reason));
  }

  @Override
  public void pause() {
    heardNanos = nanoClock.getAsLong();
    if (unacknowledged >= ACK_EVERY) {
      acknowledge();
    }
    if (controlsWaiting() > 0) {
      flush();
    }
  }

  @Override
  public void ended() {
    lost();
  }

  /** Tells what has counted; what waits in the session stays due. */
  private void acknowledge() {
    Session session = session();
    long received = session == null ? Session.UNKNOWN : session.receivedFrom(this);
    if (received > acked) {
      unacknowledged -= (int) (received - acked);
      ackDue = unacknowledged > 0;
      acked = received;
      control(
          Message.json(JsonWriter.object().text("op", "ack").number("received", acked).bytes()));
    }
  }

  // ---- life ----

  @Override
  protected void tick(long now) {
    if (ackDue) {
      lane()
          .execute(
              () -> {
                if (ackDue) {
                  acknowledge();
                  flush();
                }
              });
    }
  }

  @Override
  protected long heardNanos(long now) {
    return heardNanos;
  }

  @Override
  protected void ping() {
    super.ping();
    if (!answersPings) {
      framed(PROTOCOL_PING);
    }
  }

  @Override
  protected byte[] farewell(Bye bye) {
    return FrameEncoder.close(closeCode(bye.code()), bye.code());
  }

  private static int closeCode(String code) {
    return switch (code) {
      case "closed", "superseded", "expired" -> CloseCode.NORMAL;
      case "draining", "rotate" -> CloseCode.SERVICE_RESTART;
      case "too_large" -> CloseCode.MESSAGE_TOO_BIG;
      case "unavailable", "rate_limited" -> CloseCode.TRY_AGAIN_LATER;
      case "internal" -> CloseCode.INTERNAL_ERROR;
      default -> CloseCode.POLICY_VIOLATION;
    };
  }

  @Override
  protected void finished() {
    reader.discard();
    shutdownOutput(NOTHING);
  }

  @Override
  protected void abort() {
    WaitingSocket without = waiting;
    if (without != null) {
      without.ended();
    }
    IoUtils.safeClose(connection);
  }
}
