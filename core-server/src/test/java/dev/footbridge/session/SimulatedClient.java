package dev.footbridge.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.session.Session.Batch;
import dev.footbridge.session.SimulatedConnection.Acknowledged;
import dev.footbridge.session.SimulatedConnection.Down;
import dev.footbridge.session.SimulatedConnection.Ended;
import dev.footbridge.session.SimulatedConnection.Kind;
import dev.footbridge.session.SimulatedConnection.Numbered;
import dev.footbridge.session.SimulatedConnection.PollAnswer;
import dev.footbridge.session.SimulatedConnection.Refused;
import dev.footbridge.session.SimulatedConnection.Sent;
import dev.footbridge.session.SimulatedConnection.Up;
import dev.footbridge.session.SimulatedConnection.Welcome;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A client that keeps to the protocol and to nothing else: it counts what it gets, says {@code
 * after} and {@code received}, trusts the answered {@code received}, raises its turn with each
 * change and each reconnect, and sends again what may have been lost.
 */
final class SimulatedClient {
  /** Takes a request to the server, or not. */
  interface Network {
    void carry(SimulatedServer.Request request, SimulatedConnection connection);
  }

  /** The up stream of this life, as it must come to the application. */
  final List<Value> said = new ArrayList<>();

  private final SimulatedServer server;
  private final Network network;
  private final boolean usesTurns;
  private long base;
  private int got;
  private int confirmed;
  private long turn;
  private int written;
  private Kind kind = Kind.POLL;
  private boolean welcomed;
  private @Nullable SimulatedConnection receiving;
  private @Nullable SimulatedConnection sending;
  private int sendingUpTo;

  /**
   * @param usesTurns whether it says its turn; if not, its requests must not overtake each other
   */
  SimulatedClient(SimulatedServer server, Network network, boolean usesTurns) {
    this.server = server;
    this.network = network;
    this.usesTurns = usesTurns;
    this.turn = usesTurns ? 0 : Session.UNKNOWN;
  }

  /** Where the numbers of the session's life begin, as far as the client knows. */
  long base() {
    return base;
  }

  int got() {
    return got;
  }

  int confirmed() {
    return confirmed;
  }

  boolean usesTurns() {
    return usesTurns;
  }

  @Nullable SimulatedConnection receiving() {
    return receiving;
  }

  void say() {
    said.add(new Value.Text(JsonWriter.quote("")));
  }

  /** Goes on over another connection, of whatever kind. */
  void change(Kind to) {
    raiseTurn();
    kind = to;
    attach();
  }

  /** Says something by POST before it goes on over another connection. */
  void sendAhead(Kind to) {
    if (usesTurns && to != Kind.WEBSOCKET) {
      raiseTurn();
      kind = to;
      send();
    }
  }

  private void raiseTurn() {
    receiving = null;
    sending = null;
    if (usesTurns) {
      turn++;
    }
  }

  private void attach() {
    receiving = new SimulatedConnection(kind, server.lane(kind == Kind.STREAM ? 1 : 0));
    welcomed = false;
    network.carry(
        new SimulatedServer.Request(
            kind, base + got, turn, kind == Kind.POST_POLL ? batch() : null),
        receiving);
  }

  /** Polls go on one after the other without a new turn. */
  void pollAgain() {
    if (receiving == null && (kind == Kind.POLL || kind == Kind.POST_POLL)) {
      attach();
    }
  }

  private Batch batch() {
    return new Batch(
        base + confirmed, base + got, List.copyOf(said.subList(confirmed, said.size())));
  }

  /** Sends what the server is not known to have, or acknowledges at least. */
  void send() {
    if (kind == Kind.WEBSOCKET) {
      if (receiving != null && welcomed) {
        while (written < said.size()) {
          receiving.up.add(new Up(said.get(written++), 0));
        }
      }
    } else if (kind != Kind.POST_POLL && sending == null) {
      sending = new SimulatedConnection(Kind.SEND, server.lane(0));
      sendingUpTo = said.size();
      network.carry(new SimulatedServer.Request(Kind.SEND, base + got, turn, batch()), sending);
    }
  }

  void acknowledge() {
    if (kind == Kind.WEBSOCKET) {
      if (receiving != null && welcomed) {
        receiving.up.add(new Up(null, base + got));
      }
    } else {
      send();
    }
  }

  /** Reads the next thing that came down, and the answer to what was sent. */
  void read() {
    readAnswer();
    SimulatedConnection from = receiving;
    if (from == null) {
      return;
    }
    Down next = from.down.poll();
    if (next != null) {
      hear(next);
    } else if (from.cut) {
      receiving = null;
      if (usesTurns) {
        turn++;
        sending = null;
      }
    }
  }

  private void hear(Down value) {
    if (value instanceof Numbered numbered) {
      take(numbered);
    } else if (value instanceof Welcome welcome) {
      take(welcome);
      written = confirmed;
      welcomed = true;
    } else if (value instanceof Acknowledged acknowledged) {
      confirm(acknowledged.received());
    } else if (value instanceof PollAnswer answer) {
      if (answer.rebuilt() != null) {
        take(answer.rebuilt());
      }
      answer.messages().forEach(this::take);
      confirm(answer.received());
      receiving = null;
    } else if (value instanceof Refused refused) {
      accept(refused);
      raiseTurn();
    } else if (value instanceof Ended) {
      raiseTurn();
    }
  }

  private void take(Welcome welcome) {
    if (!welcome.resumed()) {
      // A new life: nothing of the old one is known to have arrived, and its answers are lost.
      assertThat(welcome.after()).as("a new life").isGreaterThan(base + got);
      base = welcome.after();
      got = 0;
      said.clear();
      confirmed = 0;
      sending = null;
    }
    assertThat(welcome.after()).as("after").isEqualTo(base + got);
    confirm(welcome.received());
  }

  private void take(Numbered numbered) {
    assertThat(base).as("the life that the client knows").isEqualTo(server.base());
    Message expected = server.accepted.get(got);
    if (numbered.number() != base + got + 1 || !same(numbered.message(), expected)) {
      throw new AssertionError("Got " + numbered + " after message " + got);
    }
    got++;
  }

  /** A message that has travelled to another node is a copy; each has content of its own. */
  private static boolean same(Message one, Message other) {
    return one.isBinary() == other.isBinary() && Arrays.equals(one.raw(), other.raw());
  }

  private void readAnswer() {
    if (sending == null) {
      return;
    }
    Down answer = sending.down.poll();
    if (answer instanceof Sent sent) {
      assertThat(sent.received()).as("received").isGreaterThanOrEqualTo(base + sendingUpTo);
      confirm(sent.received());
      sending = null;
    } else if (answer instanceof Refused refused) {
      accept(refused);
      if (refused.code().equals("rebuilt")) {
        // Whatever connection comes or is under way will say where the session stands.
        sending = null;
      } else {
        raiseTurn();
      }
    } else if (sending.cut) {
      sending = null;
    }
  }

  /** Nothing that a client says in time is refused while the session lives. */
  private void accept(Refused refused) {
    boolean fair = refused.code().equals("session_gone") && server.isClosed();
    // Without turns the server cannot know that the client has left its WebSocket.
    boolean unknown = refused.code().equals("superseded") && !usesTurns;
    // Refusals may have been on their way for a while.
    boolean passing = Set.of("draining", "unavailable", "rebuilt").contains(refused.code());
    assertThat(fair || unknown || passing).as("refused with %s", refused.code()).isTrue();
  }

  /** Answers on different connections may overtake each other; what was received stays so. */
  private void confirm(long received) {
    assertThat(received).as("received").isBetween(base, base + said.size());
    confirmed = Math.max(confirmed, (int) (received - base));
  }
}
