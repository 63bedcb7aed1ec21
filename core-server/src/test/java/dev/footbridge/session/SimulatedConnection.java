package dev.footbridge.session;

import dev.footbridge.io.Lane;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.Value;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;

/**
 * A connection between the simulated client and the session: what each side has said and the other
 * has not read yet. A request with an answer is a connection too.
 */
final class SimulatedConnection implements Receiver {
  enum Kind {
    WEBSOCKET,
    STREAM,
    POLL,
    POST_POLL,
    SEND
  }

  /** What the server says. */
  sealed interface Down {}

  record Welcome(boolean resumed, long received, long after) implements Down {}

  record Numbered(long number, Message message) implements Down {}

  record Acknowledged(long received) implements Down {}

  /**
   * @param rebuilt what a client is told whose session was rebuilt, or null
   */
  record PollAnswer(List<Numbered> messages, long received, Welcome rebuilt) implements Down {}

  record Sent(long received) implements Down {}

  record Ended(Bye bye) implements Down {}

  record Refused(String code) implements Down {}

  /** What the client says on a WebSocket: a value, or how much it has got. */
  record Up(Value value, long acknowledged) {}

  final Queue<Down> down = new ArrayDeque<>();
  final Queue<Up> up = new ArrayDeque<>();
  final Kind kind;
  private final Lane lane;

  /** Nothing more comes through to the client. */
  boolean cut;

  /** The session has said that there is something to take. */
  boolean told;

  /** It has left something where it was, for lack of room. */
  boolean blocked;

  /** It has had its answer or its {@code bye}. */
  boolean ended;

  /** The session has ended it. */
  boolean superseded;

  SimulatedConnection(Kind kind, Lane lane) {
    this.kind = kind;
    this.lane = lane;
  }

  boolean isPoll() {
    return kind == Kind.POLL || kind == Kind.POST_POLL;
  }

  /** The client has gone, or the network between. */
  void cut() {
    cut = true;
    down.clear();
  }

  void say(Down value) {
    if (!cut) {
      down.add(value);
    }
  }

  @Override
  public Lane lane() {
    return lane;
  }

  @Override
  public boolean duplex() {
    return kind == Kind.WEBSOCKET;
  }

  @Override
  public boolean streaming() {
    return kind == Kind.WEBSOCKET || kind == Kind.STREAM;
  }

  @Override
  public void ready() {
    if (told || ended) {
      throw new AssertionError("Told of messages twice, or after its end: " + this);
    }
    told = true;
  }

  @Override
  public void end(Bye bye) {
    if (ended) {
      throw new AssertionError("Ended twice: " + this);
    }
    ended = true;
    superseded = true;
    say(new Ended(bye));
  }

  @Override
  public void check(long nowNanos) {}

  @Override
  public boolean idle() {
    return true;
  }

  @Override
  public String toString() {
    return kind + (cut ? ", cut" : "") + (ended ? ", ended" : "");
  }
}
