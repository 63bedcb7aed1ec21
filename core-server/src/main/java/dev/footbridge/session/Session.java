package dev.footbridge.session;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.Offer;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.io.Lane;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A pair of ordered message streams, down to the client and up from it, that outlives every
 * connection.
 *
 * <h2>Counting</h2>
 *
 * Message <i>n</i> of a stream is the <i>n</i>-th since the session opened. Both sides count, so
 * the number need not travel with the message and a broadcast is the same bytes for everybody.
 * Three numbers describe the down stream: {@code acked ≤ cursor ≤ sent}. What lies after {@code
 * acked} is held in the {@link Outbox}; what lies after {@code cursor} has not been handed to the
 * attached receiver. A client that comes back says what it has got; that number acknowledges all
 * before it and becomes the cursor. If it lies before {@code acked} the session no longer has what
 * the client misses, and after {@code sent} the client speaks of another session: both are {@code
 * gap}, never silence. The up stream is one number, {@code received}: a batch that begins before it
 * repeats something, and that part is skipped; one that begins after it has lost something, and is
 * refused.
 *
 * <h2>Handing over</h2>
 *
 * At most one {@link Receiver} is attached. A newer one takes the place of the older, and from that
 * moment the older can neither take messages nor bring any: both check, under the session's lock,
 * that they are still the one. Requests can linger in a network and arrive when the client has long
 * gone on; the <i>turn</i>, which a client raises with each change, tells them apart.
 *
 * <h2>Threads</h2>
 *
 * Every field is guarded by this. The endpoint is given nothing with the lock held: values that
 * came up are queued under it and then passed on by one thread at a time, so that they keep their
 * order.
 */
public final class Session implements Peer {
  /** Takes messages off a session. */
  public interface MessageSink {
    /**
     * @param number the message's number in the stream
     * @return false to leave the message and all after it where they are
     */
    boolean accept(long number, Message message);
  }

  /** Where the number of what a client has got or the turn was not given. */
  public static final long UNKNOWN = -1;

  private static final Logger LOG = LoggerFactory.getLogger(Session.class);

  private final String id;
  private final String address;
  private final SessionOptions options;
  private final Sessions owner;
  private final Outbox outbox;
  private Lane lane;
  private @Nullable String publicId;
  private @Nullable Endpoint endpoint;
  private @Nullable Receiver receiver;
  private long cursor;
  private boolean signalled;
  private long received;
  private long turn;
  private long touchedNanos;
  private boolean starved;
  private long starvedNanos;
  private @Nullable ArrayDeque<Value> inbox;
  private boolean delivering;
  private boolean closed;
  private boolean endpointClosed;

  Session(String id, String address, SessionOptions options, Sessions owner, Lane lane, long now) {
    this.id = id;
    this.address = address;
    this.options = options;
    this.owner = owner;
    this.outbox = new Outbox(options.bufferBytes());
    this.lane = lane;
    this.touchedNanos = now;
  }

  /** The secret name; it opens the session. */
  public String id() {
    return id;
  }

  /** The address that opened the session. */
  public String address() {
    return address;
  }

  @Override
  public synchronized String publicId() {
    if (publicId == null) {
      publicId = owner.newPublicId();
    }
    return publicId;
  }

  @Override
  public synchronized boolean isFull() {
    return outbox.bytes() > options.bufferBytes();
  }

  @Override
  public synchronized Lane lane() {
    return lane;
  }

  /** The session gets what it is connected to, once, before anybody else knows it. */
  void opened(Endpoint to) {
    boolean alreadyClosed;
    synchronized (this) {
      endpoint = to;
      alreadyClosed = closed;
    }
    if (alreadyClosed) {
      deliver();
    }
  }

  // ---- down ----

  @Override
  public synchronized Offer offer(Message message) {
    if (closed) {
      return Offer.CLOSED;
    }
    Offer outcome = outbox.offer(message);
    if (outcome == Offer.OVERFLOWED) {
      if (!starved) {
        starved = true;
        starvedNanos = owner.now();
      }
    } else {
      signal();
    }
    return outcome;
  }

  @Override
  public Offer answer(Message message) {
    Offer outcome;
    synchronized (this) {
      if (closed) {
        return Offer.CLOSED;
      }
      outcome = outbox.offerFromReserve(message);
      if (outcome == Offer.ACCEPTED) {
        signal();
      }
    }
    if (outcome == Offer.OVERFLOWED) {
      close("overflow");
    }
    return outcome;
  }

  private void signal() {
    if (receiver != null && !signalled) {
      signalled = true;
      receiver.ready();
    }
  }

  /**
   * Hands messages after the cursor to the sink, in order, as long as it accepts them. What is
   * handed over stays in the buffer until it is acknowledged.
   *
   * @return false if the receiver is not the attached one; nothing was handed over then
   */
  public synchronized boolean take(Receiver by, MessageSink sink) {
    if (receiver != by) {
      return false;
    }
    signalled = false;
    while (cursor < outbox.sent()) {
      if (!sink.accept(cursor + 1, outbox.get(cursor + 1))) {
        break;
      }
      cursor++;
    }
    return true;
  }

  // ---- connections ----

  /**
   * Attaches a receiver in place of the one that there is.
   *
   * @param after the last message that the client has got; {@link #UNKNOWN} stands for the last one
   *     it acknowledged
   * @param withTurn the client's turn or {@link #UNKNOWN}
   * @return the session's {@code welcome}; messages after {@code after} can be taken
   * @throws ProtocolException {@code superseded}, {@code gap} or {@code session_gone}; then nothing
   *     has changed
   */
  public Message attach(Receiver by, long after, long withTurn) throws ProtocolException {
    return attach(by, after, withTurn, null);
  }

  /**
   * Attaches a receiver and takes a batch of messages up, both or neither.
   *
   * @param batch what comes up with the request, or null
   */
  public Message attach(Receiver by, long after, long withTurn, @Nullable Batch batch)
      throws ProtocolException {
    Effects effects;
    Message welcome;
    synchronized (this) {
      effects = place(by, after, withTurn, batch);
      welcome = welcome(true, cursor);
    }
    afterwards(effects);
    return welcome;
  }

  /** As {@link #attach}, for a receiver that says no {@code welcome}. */
  public void attachPoll(Receiver by, long after, long withTurn, @Nullable Batch batch)
      throws ProtocolException {
    Effects effects;
    synchronized (this) {
      effects = place(by, after, withTurn, batch);
    }
    afterwards(effects);
  }

  /** What is to be done when the lock has been released. */
  private record Effects(boolean drained, boolean moved) {}

  private Effects place(Receiver by, long after, long withTurn, @Nullable Batch batch)
      throws ProtocolException {
    requireOpen();
    requireTurn(withTurn);
    long from = after == UNKNOWN ? outbox.acked() : after;
    requireHeld(from);
    if (batch != null) {
      requireSendable(batch, withTurn);
    }
    touch(withTurn);
    if (receiver != null && receiver != by) {
      receiver.end(Bye.SUPERSEDED);
    }
    receiver = by;
    cursor = from;
    boolean drained = acknowledge(from);
    if (batch != null) {
      drained |= accept(batch);
    }
    boolean moved = by.streaming() && lane != by.lane();
    if (moved) {
      lane = by.lane();
    }
    signalled = true;
    return new Effects(drained, moved);
  }

  /** The receiver's connection has gone; the session lives on for its time to live. */
  public synchronized void detach(Receiver by) {
    if (receiver == by) {
      receiver = null;
      touchedNanos = owner.now();
    }
  }

  /** Whether a receiver is attached. */
  public synchronized boolean isAttached() {
    return receiver != null;
  }

  // ---- up ----

  /**
   * Messages that came up in one request.
   *
   * @param after how many messages the client had sent before these; {@link #UNKNOWN} if it trusts
   *     that none was lost
   * @param acknowledged the last message that the client has got, or {@link #UNKNOWN}
   */
  public record Batch(long after, long acknowledged, List<Value> values) {}

  /**
   * Takes a batch that came in a request of its own.
   *
   * @return how many messages the session has received
   * @throws ProtocolException {@code superseded}, {@code gap}, {@code malformed} or {@code
   *     session_gone}; then nothing has changed
   */
  public long send(Batch batch, long withTurn) throws ProtocolException {
    boolean drained;
    long now;
    synchronized (this) {
      requireOpen();
      requireTurn(withTurn);
      requireSendable(batch, withTurn);
      touch(withTurn);
      if (receiver != null && receiver.duplex()) {
        receiver.end(Bye.SUPERSEDED);
        receiver = null;
      }
      drained = accept(batch);
      now = received;
    }
    afterwards(new Effects(drained, false));
    return now;
  }

  /**
   * Takes one value that came on an attached receiver.
   *
   * @return false if the receiver is no longer the attached one; the value does not count then
   * @throws ProtocolException {@code malformed}; the value does not count
   */
  public boolean receive(Receiver by, Value value) throws ProtocolException {
    synchronized (this) {
      if (receiver != by || closed) {
        return false;
      }
      endpoint().check(value);
      enqueue(value);
    }
    deliver();
    return true;
  }

  /**
   * The client acknowledges on an attached receiver; an older acknowledgement is ignored.
   *
   * @throws ProtocolException {@code gap} where so many were never sent
   */
  public void acknowledge(Receiver by, long number) throws ProtocolException {
    boolean drained;
    synchronized (this) {
      if (receiver != by) {
        return;
      }
      requireSent(number);
      drained = acknowledge(number);
    }
    afterwards(new Effects(drained, false));
  }

  /** How many messages have come up. */
  public synchronized long received() {
    return received;
  }

  private void requireOpen() throws ProtocolException {
    if (closed) {
      throw gone();
    }
  }

  static ProtocolException gone() {
    return new ProtocolException(
        ErrorCode.SESSION_GONE, "There is no such session, or no longer; open a new one.");
  }

  private void requireTurn(long withTurn) throws ProtocolException {
    if (withTurn != UNKNOWN && withTurn < turn) {
      throw superseded();
    }
  }

  private static ProtocolException superseded() {
    return new ProtocolException(
        ErrorCode.SUPERSEDED, "The session has gone on over another connection.");
  }

  /** The client wants what comes after the number: that must be there still, or not sent yet. */
  private void requireHeld(long after) throws ProtocolException {
    if (after < outbox.acked() || after > outbox.sent()) {
      throw downGap();
    }
  }

  private void requireSent(long acknowledged) throws ProtocolException {
    if (acknowledged > outbox.sent()) {
      throw downGap();
    }
  }

  private ProtocolException downGap() {
    return new ProtocolException(
            ErrorCode.GAP,
            "The session can go on after message "
                + outbox.acked()
                + " at the earliest and "
                + outbox.sent()
                + " at the latest.")
        .with("direction", JsonWriter.quote("down"))
        .with("first", outbox.acked())
        .with("last", outbox.sent());
  }

  private void requireSendable(Batch batch, long withTurn) throws ProtocolException {
    if (receiver != null && receiver.duplex() && withTurn <= turn) {
      throw superseded();
    }
    if (batch.after() > received) {
      throw new ProtocolException(
              ErrorCode.GAP, "Message " + (received + 1) + " is missing before these.")
          .with("direction", JsonWriter.quote("up"))
          .with("received", received);
    }
    if (batch.acknowledged() != UNKNOWN) {
      requireSent(batch.acknowledged());
    }
    for (Value value : batch.values()) {
      if (value.counts()) {
        endpoint().check(value);
      }
    }
  }

  private void touch(long withTurn) {
    turn = Math.max(turn, withTurn);
    touchedNanos = owner.now();
  }

  /** True if the endpoint is to be told of room. */
  private boolean accept(Batch batch) {
    long repeated = batch.after() == UNKNOWN ? 0 : received - batch.after();
    for (Value value : batch.values()) {
      if (value.counts() && repeated-- <= 0) {
        enqueue(value);
      }
    }
    return batch.acknowledged() != UNKNOWN && acknowledge(batch.acknowledged());
  }

  private void enqueue(Value value) {
    received++;
    if (inbox == null) {
      inbox = new ArrayDeque<>(4);
    }
    inbox.add(value);
  }

  /** True if the endpoint is to be told of room. */
  private boolean acknowledge(long number) {
    if (number <= outbox.acked()) {
      return false;
    }
    outbox.acknowledge(number);
    // What the client has got need not be handed to it, even if this connection did not bring it.
    cursor = Math.max(cursor, number);
    if (!starved) {
      return false;
    }
    starvedNanos = owner.now();
    if (outbox.hasRoom()) {
      starved = false;
      return true;
    }
    return false;
  }

  private void afterwards(Effects effects) {
    if (effects.moved()) {
      endpoint().moved(lane());
    }
    if (effects.drained()) {
      endpoint().drained();
    }
    deliver();
  }

  /** Passes what came up on to the endpoint, unless another thread is at it. */
  private void deliver() {
    while (true) {
      Value value;
      Endpoint to;
      synchronized (this) {
        to = endpoint;
        if (delivering || to == null) {
          return;
        }
        value = closed || inbox == null ? null : inbox.poll();
        if (value == null) {
          inbox = null;
          if (!closed || endpointClosed) {
            return;
          }
          endpointClosed = true;
        }
        delivering = true;
      }
      try {
        if (value == null) {
          to.closed();
        } else {
          to.receive(value);
        }
      } catch (RuntimeException e) {
        LOG.error("An endpoint failed; its session ends.", e);
        close(ErrorCode.INTERNAL.code());
      } finally {
        synchronized (this) {
          delivering = false;
        }
      }
    }
  }

  private Endpoint endpoint() {
    Endpoint to = endpoint;
    if (to == null) {
      throw new IllegalStateException("The session has not opened yet.");
    }
    return to;
  }

  // ---- life ----

  /** The {@code welcome} of a new session that no connection has been attached to. */
  public Message firstWelcome() {
    synchronized (this) {
      return welcome(false, 0);
    }
  }

  /** The first {@code welcome} on the connection that opened the session. */
  public Message attachFirst(Receiver by) throws ProtocolException {
    attach(by, 0, UNKNOWN);
    return firstWelcome();
  }

  private Message welcome(boolean resumed, long after) {
    JsonWriter json =
        JsonWriter.object()
            .text("op", "welcome")
            .text("session", id)
            .flag("resumed", resumed)
            .number("received", received)
            .number("after", after)
            .number("ttl", owner.seconds(options.ttlNanos()))
            .number("ping", owner.seconds(options.pingNanos()));
    endpoint().describe(json);
    json.beginArray("transports");
    owner.transports().forEach(name -> json.element(JsonWriter.quote(name)));
    json.end()
        .beginObject("limits")
        .number("message", options.messageBytes())
        .number("batch", options.batchBytes())
        .number("buffer", options.bufferBytes())
        .end();
    return Message.json(json.bytes());
  }

  /** Ends the session for good. Any thread; again does nothing. */
  @Override
  public void close(String code) {
    close(Bye.ended(code));
  }

  /** Ends the session for good with the given last word. Any thread; again does nothing. */
  void close(Bye bye) {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      if (receiver != null) {
        receiver.end(bye);
        receiver = null;
      }
    }
    owner.remove(this);
    lane().execute(this::deliver);
  }

  /** Whether the session has ended. */
  public synchronized boolean isClosed() {
    return closed;
  }

  /** Time has passed: ends a session that nobody came back to, looks after one that is attached. */
  void check(long now) {
    boolean expired = false;
    synchronized (this) {
      Receiver attached = receiver;
      if (closed) {
        return;
      }
      if (attached == null) {
        expired = now - touchedNanos > options.ttlNanos();
      } else if (starved
          && attached.streaming()
          && cursor == outbox.sent()
          && attached.idle()
          && now - starvedNanos > options.windowNanos()) {
        receiver = null;
        touchedNanos = now;
        attached.end(Bye.WINDOW);
      } else {
        attached.check(now);
      }
    }
    if (expired) {
      close("expired");
    }
  }

  /** Shows no secret. */
  @Override
  public String toString() {
    return "Session[" + publicId() + "]";
  }
}
