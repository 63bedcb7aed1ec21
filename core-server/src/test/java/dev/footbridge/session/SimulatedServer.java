package dev.footbridge.session;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.Offer;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.io.DamagedException;
import dev.footbridge.io.Lane;
import dev.footbridge.session.Session.Batch;
import dev.footbridge.session.SimulatedConnection.Acknowledged;
import dev.footbridge.session.SimulatedConnection.Numbered;
import dev.footbridge.session.SimulatedConnection.PollAnswer;
import dev.footbridge.session.SimulatedConnection.Refused;
import dev.footbridge.session.SimulatedConnection.Sent;
import dev.footbridge.session.SimulatedConnection.Up;
import dev.footbridge.session.SimulatedConnection.Welcome;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualExecutor;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * One session and around it what transports do for it, in a few lines each; and an application that
 * answers some of what it gets. The session moves from node to node, and sometimes its node dies.
 */
final class SimulatedServer implements Endpoint {
  private static final SessionOptions OPTIONS =
      new SessionOptions(100, 1000, 1000, 10_000, 1000, 300);
  private static final int ECHO_EVERY = 4;

  /**
   * A request as it travels.
   *
   * @param batch what comes up with it; null for none
   */
  record Request(SimulatedConnection.Kind kind, long after, long turn, Batch batch) {}

  /** The down stream of this life as it must be: what was accepted, in order. */
  final List<Message> accepted = new ArrayList<>();

  /** The up stream of this life as it came to the application. */
  final List<Value> delivered = new ArrayList<>();

  /** What was accepted too late for the state of the frozen session. */
  private final List<Message> late = new ArrayList<>();

  /** Every connection that a request came on. */
  final List<SimulatedConnection> connections = new ArrayList<>();

  private final ManualClock clock = new ManualClock();
  private final ManualExecutor threads = new ManualExecutor();
  private final List<Lane> lanes = List.of(new Lane(threads), new Lane(threads));
  private Session session;
  private @Nullable SessionState frozen;
  private boolean holds = true;
  private long base;
  private int made;
  private long highestTurn;
  private boolean refusedForRoom;
  private boolean closed;

  SimulatedServer() {
    session = new Session("m.0123456789012345678901", OpenRequest.hub("address"), node(), lane(0));
    session.opened(this);
  }

  private Sessions node() {
    return new Sessions(
        () -> "m",
        OPTIONS,
        new Sessions.SessionLimits(1, 1),
        (request, peer) -> {
          throw new IllegalStateException("Nobody opens a session here.");
        },
        List.of(),
        clock,
        () -> holds,
        Sessions.Listener.NONE);
  }

  Lane lane(int index) {
    return lanes.get(index);
  }

  boolean isClosed() {
    return closed;
  }

  /** Where the numbers of the session's present life begin. */
  long base() {
    return base;
  }

  boolean isFrozen() {
    return frozen != null;
  }

  boolean holds() {
    return holds;
  }

  // ---- moving ----

  /** Comes to rest on this node. */
  void freeze() {
    if (!closed && frozen == null) {
      frozen = Stage.get(session.freeze());
      threads.run();
    }
  }

  /** Goes on here after all. */
  void thaw() {
    if (!closed && frozen != null) {
      frozen = null;
      accepted.addAll(late);
      late.clear();
      session.thaw();
      threads.run();
    }
  }

  /** Goes on on another node, with what travelled there as octets. */
  void handOver() {
    freeze();
    SessionState state = frozen;
    if (closed || state == null) {
      return;
    }
    frozen = null;
    late.clear();
    session.release(new Bye("draining", true, 0));
    threads.run();
    try {
      session = new Session(SessionState.decode(state.encode()), node(), lane(0));
    } catch (DamagedException e) {
      throw new AssertionError(e);
    }
    assertThat(state.unacknowledged().stream().map(Message::raw))
        .containsExactlyElementsOf(
            accepted
                .subList(accepted.size() - state.unacknowledged().size(), accepted.size())
                .stream()
                .map(Message::raw)
                .toList());
    session.opened(this);
    refusedForRoom = false;
  }

  /** The node dies with all that it held; the session begins a new life on another one. */
  void crash() {
    if (closed) {
      return;
    }
    base += 1L << 32;
    frozen = null;
    late.clear();
    accepted.clear();
    delivered.clear();
    refusedForRoom = false;
    highestTurn = 0;
    for (SimulatedConnection connection : connections) {
      connection.ended = true;
      connection.cut();
    }
    session =
        new Session(
            new SessionState(
                session.id(), "p", "a", "/", base, false, base, base, List.of(), 0, new byte[0]),
            node(),
            lane(0));
    session.opened(this);
  }

  /** The node may not act for its sessions for a while, or may again. */
  void holds(boolean yes) {
    holds = yes;
    if (yes) {
      session.wake();
      threads.run();
    }
  }

  @Override
  public CompletionStage<byte[]> settle() {
    return CompletableFuture.completedStage(new byte[] {'{', '}'});
  }

  @Override
  public void handedOver() {}

  /** Whether an application that was refused for lack of room has not been told of room since. */
  boolean owesRoom() {
    return refusedForRoom;
  }

  // ---- the application ----

  void offer(int size) {
    Message message = message(size);
    Offer outcome = session.offer(message);
    if (outcome == Offer.ACCEPTED) {
      (frozen == null ? accepted : late).add(message);
    } else if (outcome == Offer.OVERFLOWED) {
      refusedForRoom = true;
    }
  }

  /** Each has content of its own, so that one can be told from another. */
  private Message message(int size) {
    byte[] content = new byte[Math.max(Integer.BYTES, size)];
    ByteBuffer.wrap(content).putInt(made++);
    return Message.binary(content);
  }

  private void answer() {
    Message message = message(4);
    if (session.answer(message) == Offer.ACCEPTED) {
      accepted.add(message);
    }
  }

  @Override
  public void check(Value value) {}

  @Override
  public void receive(Value value) {
    delivered.add(value);
    if (delivered.size() % ECHO_EVERY == 0) {
      answer();
    }
  }

  @Override
  public void drained() {
    refusedForRoom = false;
  }

  @Override
  public void moved(Lane lane) {
    assertThat(session.lane()).isSameAs(lane);
  }

  @Override
  public void closed() {
    assertThat(closed).as("closed before").isFalse();
    closed = true;
  }

  @Override
  public void describe(JsonWriter welcome) {}

  // ---- time ----

  void letPass(long nanos) {
    clock.advance(nanos);
    session.check(clock.getAsLong());
    threads.run();
  }

  void close() {
    session.close("kicked");
    threads.run();
  }

  // ---- transports ----

  void handle(Request request, SimulatedConnection connection) {
    boolean stale = request.turn() != Session.UNKNOWN && request.turn() < highestTurn;
    State before = stale ? seen() : null;
    connections.add(connection);
    try {
      if (request.kind() == SimulatedConnection.Kind.SEND) {
        connection.say(new Sent(session.send(request.batch(), request.turn())));
      } else {
        connection.told = true;
        attach(connection, request);
      }
      highestTurn = Math.max(highestTurn, request.turn());
      assertThat(stale).as("a stale request was taken: %s", request).isFalse();
      assertThat(holds && frozen == null).as("taken by a node that may not").isTrue();
    } catch (ProtocolException e) {
      connection.ended = true;
      connection.say(new Refused(e.code()));
    }
    threads.run();
    if (stale) {
      assertThat(seen()).as("state after a stale request").isEqualTo(before);
    }
  }

  private void attach(SimulatedConnection connection, Request request) throws ProtocolException {
    if (connection.streaming()) {
      connection.say(
          welcome(session.attach(connection, request.after(), request.turn(), request.batch())));
    } else {
      Message rebuilt =
          session.attachPoll(connection, request.after(), request.turn(), request.batch());
      if (rebuilt == null) {
        pump(connection, Integer.MAX_VALUE);
      } else {
        endPoll(connection, List.of(), welcome(rebuilt));
      }
    }
  }

  private static Welcome welcome(Message message) throws ProtocolException {
    JsonObject fields = Json.object(message.raw());
    return new Welcome(
        fields.flag("resumed"),
        fields.integer("received", -1, 0, Long.MAX_VALUE),
        fields.integer("after", -1, 0, Long.MAX_VALUE));
  }

  /** The connection has room for so many messages. */
  void pump(SimulatedConnection connection, int most) {
    List<Numbered> taken = new ArrayList<>();
    connection.told = false;
    connection.blocked = false;
    boolean attached =
        session.take(
            connection,
            (number, message) -> {
              if (taken.size() == most) {
                connection.blocked = true;
                return false;
              }
              taken.add(new Numbered(number, message));
              return true;
            });
    if (!holds) {
      assertThat(taken).as("handed over by a node that may not").isEmpty();
    }
    if (!attached || connection.ended) {
      assertThat(attached).as("attached after its end").isFalse();
      assertThat(taken).isEmpty();
    } else if (connection.streaming()) {
      taken.forEach(connection::say);
    } else if (!taken.isEmpty()) {
      endPoll(connection, taken, null);
    }
  }

  /** A poll has been held for as long as it may. */
  void answerEmpty(SimulatedConnection connection) {
    if (connection.isPoll() && !connection.ended) {
      endPoll(connection, List.of(), null);
    }
  }

  private void endPoll(
      SimulatedConnection connection, List<Numbered> taken, @Nullable Welcome rebuilt) {
    connection.say(new PollAnswer(taken, session.received(), rebuilt));
    connection.ended = true;
    session.detach(connection);
  }

  /** Reads one thing that the client said on a WebSocket. */
  void read(SimulatedConnection connection) {
    Up next = connection.up.poll();
    if (next == null) {
      return;
    }
    try {
      if (next.value() == null) {
        session.acknowledge(connection, next.acknowledged());
      } else if (session.receive(connection, next.value())) {
        assertThat(connection.ended).as("counted after its end").isFalse();
      }
    } catch (ProtocolException e) {
      throw new AssertionError("The client did nothing wrong.", e);
    }
    threads.run();
  }

  void acknowledge(SimulatedConnection connection) {
    long received = session.receivedFrom(connection);
    if (connection.duplex() && received != Session.UNKNOWN) {
      connection.say(new Acknowledged(received));
    }
  }

  /** The server sees that the client has gone. */
  void notice(SimulatedConnection connection) {
    session.detach(connection);
    connection.up.clear();
  }

  // ---- what can be seen from outside ----

  private record State(
      long received,
      boolean attached,
      String held,
      int delivered,
      long superseded,
      boolean closed) {}

  private State seen() {
    return new State(
        session.received(),
        session.isAttached(),
        held(),
        delivered.size(),
        connections.stream().filter(connection -> connection.superseded).count(),
        closed);
  }

  /** Which messages are held, as the refusal of an impossible request says. */
  private String held() {
    try {
      session.attach(
          new SimulatedConnection(SimulatedConnection.Kind.POLL, lane(0)),
          Long.MAX_VALUE,
          Session.UNKNOWN);
      throw new AssertionError("So many were never sent.");
    } catch (ProtocolException e) {
      return e.code() + new String(e.describe(JsonWriter.object()).bytes(), US_ASCII);
    }
  }
}
