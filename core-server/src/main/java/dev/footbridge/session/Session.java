package dev.footbridge.session;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.Offer;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
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
 * <h2>Receivers</h2>
 *
 * At most one {@link Receiver} is attached. A newer one takes the place of the older, and from that
 * moment the older can neither take messages nor bring any: both check, under the session's lock,
 * that they are still the one. Requests can linger in a network and arrive when the client has long
 * gone on; the <i>turn</i>, which a client raises with each change, tells them apart.
 *
 * <h2>Moving</h2>
 *
 * A session can go on on another node. <i>Frozen</i>, it takes nothing more up, its endpoint comes
 * to rest, and all that it is becomes a {@link SessionState}: from then on the attached receiver
 * still gets what belongs to that state and nothing beyond. What comes up meanwhile on a WebSocket
 * waits and does not count. Either the state is handed over, and the session lets go here without
 * having ended; or that fails, and it thaws as if nothing had been. Where the node died instead,
 * the messages are lost, and the session is <i>rebuilt</i>: a new life under the same id, whose
 * numbers, of both streams, begin at a <i>base</i> that lies above all that an earlier life can
 * have reached. So a number always tells of which life it is. A client that names an earlier one is
 * told where the session stands and that it did not resume, and nothing else of its request counts,
 * until it has acknowledged something of the new life.
 *
 * <p>A node may act for its sessions only while its {@link Tenure} holds; otherwise another may
 * have them. That is asked under the lock before messages are handed to a receiver and before
 * anything that came counts.
 *
 * <h2>Threads</h2>
 *
 * Every field is guarded by this. The endpoint is given nothing with the lock held: values that
 * came up are queued under it and then passed on by one thread at a time, so that they keep their
 * order ({@link Delivery}).
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

  private enum Phase {
    OPEN,
    /** Its endpoint comes to rest. */
    FREEZING,
    /** Its state has been given out. */
    FROZEN,
    /** It has ended, or lives on elsewhere. */
    CLOSED
  }

  private final String id;
  private final String address;
  private final String endpointPath;
  private final SessionOptions options;
  private final Sessions owner;
  private final Streams streams;
  private final Outbox outbox;
  private final Delivery delivery;
  private final Window window = new Window();
  private Lane lane;
  private @Nullable String publicId;
  private @Nullable Receiver receiver;
  private boolean signalled;
  private long turn;
  private long touchedNanos;
  private @Nullable WaitingRoom waiting;

  /** Kept while the client may not have been told that it has the session. */
  private @Nullable Opening opening;

  private Phase phase = Phase.OPEN;

  /** Whether a closed session lives on elsewhere. */
  private boolean movedAway;

  private @Nullable CompletableFuture<SessionState> frozen;

  /** The last message that belongs to the state that was given out. */
  private long lastOfState;

  /** A new session. */
  Session(String id, OpenRequest request, Sessions owner, Lane lane) {
    this(id, request.address(), request.endpoint(), owner, lane, new Streams(bound(owner)));
  }

  /** One that was elsewhere. */
  Session(SessionState state, Sessions owner, Lane lane) {
    this(
        state.id(),
        state.address(),
        state.endpoint(),
        owner,
        lane,
        new Streams(bound(owner), state));
    publicId = state.publicId();
    turn = state.turn();
  }

  private Session(
      String id, String address, String endpointPath, Sessions owner, Lane lane, Streams streams) {
    this.id = id;
    this.address = address;
    this.endpointPath = endpointPath;
    this.options = owner.options();
    this.owner = owner;
    this.streams = streams;
    this.outbox = streams.outbox();
    this.delivery = new Delivery(this, this::failed);
    this.lane = lane;
    this.touchedNanos = owner.now();
  }

  private static int bound(Sessions owner) {
    return owner.options().bufferBytes();
  }

  /** The secret name; it opens the session. */
  public String id() {
    return id;
  }

  /** The address that opened the session. */
  public String address() {
    return address;
  }

  /** The path of the endpoint. */
  public String endpointPath() {
    return endpointPath;
  }

  /** What the endpoint needs to go on elsewhere; null where it cannot move. */
  public byte @Nullable [] endpointState() {
    Endpoint endpoint;
    synchronized (this) {
      endpoint = delivery.endpoint();
    }
    return endpoint.state();
  }

  /** Where the numbers of the session's present life begin; 0 in its first. */
  public synchronized long base() {
    return streams.base();
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

  @Override
  public void changed() {
    owner.changed(this);
  }

  /** The session gets what it is connected to, once, before anybody else knows it. */
  void opened(Endpoint to) {
    synchronized (this) {
      delivery.begin(to);
    }
    delivery.run();
  }

  // ---- down ----

  @Override
  public synchronized Offer offer(Message message) {
    if (phase == Phase.CLOSED) {
      return Offer.CLOSED;
    }
    Offer outcome = outbox.offer(message);
    if (outcome == Offer.OVERFLOWED) {
      window.refused(owner.now());
    } else {
      signal();
    }
    return outcome;
  }

  @Override
  public Offer answer(Message message) {
    Offer outcome;
    synchronized (this) {
      if (phase == Phase.CLOSED) {
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
   * handed over stays in the buffer until it is acknowledged. Hands over nothing while the node may
   * not act for the session; the receiver is told again when it may.
   *
   * @return false if the receiver is not the attached one; nothing was handed over then
   */
  public synchronized boolean take(Receiver by, MessageSink sink) {
    if (receiver != by) {
      return false;
    }
    signalled = false;
    if (owner.holds()) {
      streams.handOver(phase == Phase.FROZEN ? lastOfState : outbox.sent(), sink);
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
   * @return the session's {@code welcome}; messages after {@code after} can be taken. Where it says
   *     that the session did not resume, it says where the streams begin instead
   * @throws ProtocolException {@code superseded}, {@code gap}, {@code session_gone}, {@code
   *     draining} or {@code unavailable}; then nothing has changed
   */
  public Message attach(Receiver by, long after, long withTurn) throws ProtocolException {
    return attach(by, after, withTurn, null);
  }

  /**
   * Attaches a receiver and takes a batch of messages up, both or neither. Where the session was
   * rebuilt and the client does not know, the batch is of an earlier life and has no effect.
   *
   * @param batch what comes up with the request, or null
   */
  public Message attach(Receiver by, long after, long withTurn, @Nullable Batch batch)
      throws ProtocolException {
    Effects effects;
    Message welcome;
    synchronized (this) {
      effects = place(by, after, withTurn, batch);
      welcome = welcome(effects.resumed(), streams.cursor());
    }
    afterwards(effects);
    return welcome;
  }

  /**
   * As {@link #attach}, for a receiver that says no {@code welcome} unless the session was rebuilt.
   *
   * @return that {@code welcome}, or null
   */
  public @Nullable Message attachPoll(Receiver by, long after, long withTurn, @Nullable Batch batch)
      throws ProtocolException {
    Effects effects;
    Message welcome;
    synchronized (this) {
      effects = place(by, after, withTurn, batch);
      welcome = effects.resumed() ? null : welcome(false, streams.cursor());
    }
    afterwards(effects);
    return welcome;
  }

  /** What has come of it, and what is to be done when the lock has been released. */
  private record Effects(boolean resumed, boolean drained, boolean moved) {
    static Effects drained(boolean drained) {
      return new Effects(true, drained, false);
    }
  }

  private Effects place(Receiver by, long after, long withTurn, @Nullable Batch batch)
      throws ProtocolException {
    requireWork();
    requireTurn(withTurn);
    boolean unaware = streams.isUnaware(after);
    long from = unaware || after == UNKNOWN ? outbox.acked() : after;
    Batch counted = unaware ? null : batch;
    streams.requireHeld(from);
    if (counted != null) {
      requireSendable(counted, withTurn);
    }
    touch(withTurn);
    answered();
    return begin(by, from, counted, !unaware);
  }

  private Effects begin(Receiver by, long from, @Nullable Batch counted, boolean resumed) {
    if (receiver != null && receiver != by) {
      receiver.end(Bye.SUPERSEDED);
    }
    receiver = by;
    waiting = null;
    streams.begin(from);
    boolean drained = acknowledge(from);
    if (counted != null) {
      drained |= accept(counted);
    }
    boolean moved = by.streaming() && lane != by.lane();
    if (moved) {
      lane = by.lane();
    }
    signalled = true;
    return new Effects(resumed, drained, moved);
  }

  /** The receiver's connection has gone; the session lives on for its time to live. */
  public synchronized void detach(Receiver by) {
    if (receiver == by) {
      dismiss();
    }
  }

  private void dismiss() {
    receiver = null;
    waiting = null;
    touchedNanos = owner.now();
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
   * @throws ProtocolException {@code superseded}, {@code gap}, {@code rebuilt}, {@code malformed},
   *     {@code session_gone}, {@code draining} or {@code unavailable}; then nothing has changed
   */
  public long send(Batch batch, long withTurn) throws ProtocolException {
    boolean drained;
    long now;
    synchronized (this) {
      requireWork();
      requireTurn(withTurn);
      requireSendable(batch, withTurn);
      touch(withTurn);
      answered();
      if (receiver != null && receiver.duplex()) {
        receiver.end(Bye.SUPERSEDED);
        dismiss();
      }
      drained = accept(batch);
      now = streams.received();
    }
    afterwards(Effects.drained(drained));
    return now;
  }

  /**
   * Takes one value that came on an attached receiver. It counts at once, or, while the session is
   * frozen or the node may not act for it, later or never; {@link #receivedFrom} tells.
   *
   * @return false if the receiver is no longer the attached one; the value does not count then
   * @throws ProtocolException {@code malformed}; the value does not count
   */
  public boolean receive(Receiver by, Value value) throws ProtocolException {
    synchronized (this) {
      if (receiver != by) {
        return false;
      }
      delivery.endpoint().check(value);
      if (!works()) {
        return hold(by, value);
      }
      letIn();
      enqueue(value);
    }
    delivery.run();
    return true;
  }

  private boolean hold(Receiver by, Value value) {
    if (waiting == null) {
      waiting = new WaitingRoom(options.bufferBytes());
    }
    if (!waiting.add(value)) {
      by.end(Bye.UNAVAILABLE);
      dismiss();
      return false;
    }
    return true;
  }

  /** What waited counts now. */
  private void letIn() {
    if (waiting != null) {
      waiting.values().forEach(this::enqueue);
      waiting = null;
    }
  }

  /**
   * The client acknowledges on an attached receiver; an older acknowledgement is ignored, except
   * that also one of nothing shows that the client knows its session.
   *
   * @throws ProtocolException {@code gap} where so many were never sent
   */
  public void acknowledge(Receiver by, long number) throws ProtocolException {
    boolean drained;
    synchronized (this) {
      if (receiver != by) {
        return;
      }
      streams.requireSent(number);
      answered();
      drained = acknowledge(number);
    }
    afterwards(Effects.drained(drained));
  }

  /** How many messages have come up. */
  public synchronized long received() {
    return streams.received();
  }

  /**
   * How many messages have come up, to be acknowledged on an attached receiver.
   *
   * @return {@link #UNKNOWN} if it is no longer the attached one or the node may not say so
   */
  public synchronized long receivedFrom(Receiver by) {
    return receiver == by && owner.holds() ? streams.received() : UNKNOWN;
  }

  /** Whether the session does what it is asked to. */
  private boolean works() {
    return phase == Phase.OPEN && owner.holds();
  }

  private void requireWork() throws ProtocolException {
    if (phase == Phase.CLOSED) {
      // Found a moment ago and gone since: where it went to, it is.
      throw movedAway ? Sessions.draining() : gone();
    }
    if (phase != Phase.OPEN) {
      throw new ProtocolException(
          ErrorCode.DRAINING, "The session moves to another server; try again in a moment.");
    }
    if (!owner.holds()) {
      throw Sessions.unavailable();
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

  private void requireSendable(Batch batch, long withTurn) throws ProtocolException {
    if (receiver != null && receiver.duplex() && withTurn <= turn) {
      throw superseded();
    }
    requireFits(batch);
  }

  private void requireFits(Batch batch) throws ProtocolException {
    streams.requireFits(batch);
    for (Value value : batch.values()) {
      if (value.counts()) {
        delivery.endpoint().check(value);
      }
    }
  }

  private void touch(long withTurn) {
    turn = Math.max(turn, withTurn);
    touchedNanos = owner.now();
  }

  /** True if the endpoint is to be told of room. */
  private boolean accept(Batch batch) {
    long repeated = streams.repeated(batch);
    for (Value value : batch.values()) {
      if (value.counts() && repeated-- <= 0) {
        enqueue(value);
      }
    }
    return batch.acknowledged() != UNKNOWN && acknowledge(batch.acknowledged());
  }

  private void enqueue(Value value) {
    streams.count();
    delivery.add(value);
  }

  /** True if the endpoint is to be told of room. */
  private boolean acknowledge(long number) {
    return streams.acknowledge(number) && window.acknowledged(outbox.hasRoom(), owner.now());
  }

  private void afterwards(Effects effects) {
    if (effects.moved() || effects.drained()) {
      Endpoint endpoint;
      synchronized (this) {
        endpoint = delivery.endpoint();
      }
      if (effects.moved()) {
        endpoint.moved(lane());
      }
      if (effects.drained()) {
        endpoint.drained();
      }
    }
    delivery.run();
  }

  private void failed(RuntimeException e) {
    LOG.error("An endpoint failed; its session ends.", e);
    close(ErrorCode.INTERNAL.code());
  }

  // ---- life ----

  /** The {@code welcome} of a new session that no connection has been attached to. */
  public Message firstWelcome() {
    synchronized (this) {
      return opening();
    }
  }

  /** The first {@code welcome} on the connection that opened the session. */
  public Message attachFirst(Receiver by) throws ProtocolException {
    return attachFirst(by, List.of()).welcome();
  }

  /**
   * How a session begins.
   *
   * @param welcome the {@code welcome} of its opening, with the number of messages that have come
   *     up by now
   * @param attached whether the receiver is attached; not where one that asked again was quicker
   */
  public record Beginning(Message welcome, boolean attached) {}

  /**
   * Attaches the receiver of the connection that opened the session, and takes up what came with
   * the opening, both or neither.
   *
   * @param messages the session's first messages
   */
  public Beginning attachFirst(Receiver by, List<Value> messages) throws ProtocolException {
    Batch batch = new Batch(0, UNKNOWN, messages);
    Effects effects;
    Beginning beginning;
    synchronized (this) {
      requireWork();
      requireFits(batch);
      touch(UNKNOWN);
      boolean attaches = receiver == null;
      effects = attaches ? begin(by, streams.base(), batch, true) : Effects.drained(accept(batch));
      beginning = new Beginning(opening(), attaches);
    }
    afterwards(effects);
    return beginning;
  }

  /**
   * The client opens the session once more, as it may not have been told that it has: begins again
   * with its first message down. Of those up it takes what it has not got.
   *
   * @param messages the session's messages from the first on
   * @return its first {@code welcome}, with the number of messages by now; null where the client
   *     has evidently been told, and nothing has changed
   * @throws ProtocolException as {@link #attach}
   */
  public @Nullable Message attachAgain(Receiver by, List<Value> messages) throws ProtocolException {
    Batch batch = new Batch(0, UNKNOWN, messages);
    Effects effects;
    Message welcome;
    synchronized (this) {
      requireWork();
      if (!canBeginAgain()) {
        return null;
      }
      requireFits(batch);
      touch(UNKNOWN);
      effects = begin(by, streams.base(), batch, true);
      welcome = opening();
    }
    afterwards(effects);
    return welcome;
  }

  /** As {@link #attachAgain}, without a connection. */
  public synchronized @Nullable Message welcomeAgain() throws ProtocolException {
    requireWork();
    if (!canBeginAgain()) {
      return null;
    }
    touch(UNKNOWN);
    return opening();
  }

  private boolean canBeginAgain() {
    return opening != null && opening.description() != null;
  }

  /** The client may ask for the opening again, until it has evidently been told of it. */
  synchronized void keep(Opening asked) {
    if (phase == Phase.CLOSED) {
      asked.forget();
      return;
    }
    JsonWriter description = JsonWriter.object();
    delivery.endpoint().describe(description);
    opening = asked;
    asked.describe(description.bytes());
  }

  private void answered() {
    if (opening != null) {
      opening.spend();
      opening = null;
    }
  }

  /** The welcome of the opening: as things were then, but for what has come up. */
  private Message opening() {
    byte[] then = opening == null ? null : opening.description();
    return then == null
        ? welcome(false, streams.base())
        : welcome(false, streams.base(), json -> json.members(then));
  }

  private Message welcome(boolean resumed, long after) {
    return welcome(resumed, after, delivery.endpoint()::describe);
  }

  private Message welcome(boolean resumed, long after, Consumer<JsonWriter> describe) {
    return Welcome.of(owner, id, resumed, streams.received(), after, describe);
  }

  /** Whether a request may be that of the client that opened the session. */
  CompletionStage<Boolean> isOpenedBy(OpenRequest request, boolean sameToken) {
    Endpoint endpoint;
    synchronized (this) {
      endpoint = delivery.endpoint();
    }
    return owner.isOpenedBy(endpoint, request, sameToken);
  }

  /**
   * The client ends the session for good.
   *
   * @throws ProtocolException {@code unavailable} where the node may not do that now
   */
  public void closeByClient() throws ProtocolException {
    if (!owner.holds()) {
      throw Sessions.unavailable();
    }
    synchronized (this) {
      answered();
    }
    close("closed");
  }

  /** Ends the session for good. Any thread; again does nothing. */
  @Override
  public void close(String code) {
    close(Bye.ended(code));
  }

  /** Ends the session for good with the given last word. Any thread; again does nothing. */
  void close(Bye bye) {
    synchronized (this) {
      if (phase == Phase.CLOSED) {
        return;
      }
      end(bye, Endpoint::closed);
    }
    closed();
  }

  private void end(Bye bye, Consumer<Endpoint> last) {
    phase = Phase.CLOSED;
    delivery.end(last);
    waiting = null;
    if (opening != null) {
      opening.forget();
      opening = null;
    }
    if (receiver != null) {
      receiver.end(bye);
      receiver = null;
    }
  }

  /** After {@link #end}, when the lock has been released. */
  private void closed() {
    owner.remove(this);
    letGo();
  }

  private void letGo() {
    CompletableFuture<SessionState> freezing;
    synchronized (this) {
      freezing = frozen;
      frozen = null;
    }
    if (freezing != null) {
      freezing.completeExceptionally(gone());
    }
    lane().execute(delivery::run);
  }

  /** Whether the session has ended, or lives on elsewhere. */
  public synchronized boolean isClosed() {
    return phase == Phase.CLOSED;
  }

  /** Time has passed: ends a session that nobody came back to, looks after one that is attached. */
  void check(long now) {
    synchronized (this) {
      Receiver attached = receiver;
      if (phase == Phase.CLOSED) {
        return;
      }
      if (attached != null) {
        check(attached, now);
        return;
      }
      // Decided and done under one lock, so that nobody attaches to what is about to end.
      if (!works() || now - touchedNanos <= options.ttlNanos()) {
        return;
      }
      end(Bye.ended("expired"), Endpoint::closed);
    }
    closed();
  }

  private void check(Receiver attached, long now) {
    if (works()
        && attached.streaming()
        && streams.cursor() == outbox.sent()
        && attached.idle()
        && window.isOver(now, options.windowNanos())) {
      receiver = null;
      waiting = null;
      touchedNanos = now;
      attached.end(Bye.WINDOW);
    } else {
      attached.check(now);
    }
  }

  // ---- moving ----

  /** See {@link Sessions#freeze}. */
  CompletionStage<SessionState> freeze() {
    CompletableFuture<SessionState> freezing = new CompletableFuture<>();
    synchronized (this) {
      if (phase == Phase.CLOSED) {
        return CompletableFuture.failedStage(gone());
      }
      if (phase != Phase.OPEN) {
        return CompletableFuture.failedStage(
            new IllegalStateException("The session moves already."));
      }
      phase = Phase.FREEZING;
      frozen = freezing;
      // After all that has counted.
      delivery.add(endpoint -> settle(endpoint, freezing));
    }
    delivery.run();
    return freezing;
  }

  private void settle(Endpoint endpoint, CompletableFuture<SessionState> freezing) {
    Stages.on(
        endpoint.settle(),
        state -> settled(state, freezing),
        failure -> {
          // Else it has ended or thawed meanwhile, and may even be freezing again.
          if (freezing.completeExceptionally(failure)) {
            thaw();
          }
        });
  }

  private void settled(byte[] endpointState, CompletableFuture<SessionState> freezing) {
    SessionState state;
    synchronized (this) {
      if (phase != Phase.FREEZING || frozen != freezing) {
        // It has ended or thawed meanwhile, and who waits has been told.
        return;
      }
      phase = Phase.FROZEN;
      frozen = null;
      lastOfState = outbox.sent();
      state =
          new SessionState(
              id,
              publicId(),
              address,
              endpointPath,
              streams.base(),
              streams.told(),
              streams.received(),
              outbox.acked(),
              outbox.all(),
              turn,
              endpointState);
    }
    freezing.complete(state);
  }

  /** See {@link Sessions#thaw}. */
  void thaw() {
    CompletableFuture<SessionState> freezing;
    synchronized (this) {
      if (phase != Phase.FREEZING && phase != Phase.FROZEN) {
        return;
      }
      phase = Phase.OPEN;
      freezing = frozen;
      frozen = null;
      touchedNanos = owner.now();
      delivery.add(Endpoint::resumeWork);
    }
    if (freezing != null) {
      freezing.completeExceptionally(
          new IllegalStateException("The session was thawed before it was frozen."));
    }
    wake();
  }

  /** See {@link Sessions#wake}. */
  void wake() {
    synchronized (this) {
      if (works()) {
        letIn();
      }
      if (streams.cursor() < outbox.sent()) {
        signal();
      }
    }
    delivery.run();
  }

  /** See {@link Sessions#drop}; false where it had ended already. */
  boolean release(Bye bye) {
    synchronized (this) {
      if (phase == Phase.CLOSED) {
        return false;
      }
      movedAway = true;
      end(bye, Endpoint::handedOver);
    }
    owner.forget(this);
    letGo();
    return true;
  }

  /** Shows no secret. */
  @Override
  public String toString() {
    return "Session[" + publicId() + "]";
  }
}
