package dev.footbridge.session;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.session.SimulatedConnection.Kind;
import dev.footbridge.support.Script;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/**
 * A client that keeps to the protocol and a session, on a network that loses, repeats, delays and
 * overtakes requests and answers and cuts connections at any point; and nodes that hand the session
 * over, may not act for it for a while, or die with it. Nothing is lost, repeated or disordered in
 * either direction, except that a node dies: then the client is told, and no number of one life is
 * ever taken for one of another.
 */
class LossyNetworkProperties {
  private static final int HISTORIES = 100_000;

  @Property(tries = HISTORIES, edgeCases = EdgeCasesMode.NONE, shrinking = ShrinkingMode.FULL)
  void whatever_the_network_does_nothing_is_lost_repeated_or_disordered(
      @ForAll("histories") Script history) {
    World world = new World(history);
    world.play();
    world.comeToRest();
  }

  @Provide
  Arbitrary<Script> histories() {
    return Script.scripts(20, 80);
  }

  private static final class World {
    private static final List<Kind> KINDS =
        List.of(Kind.POLL, Kind.STREAM, Kind.WEBSOCKET, Kind.POST_POLL);
    private static final int ENOUGH_ROUNDS = 50;

    private record Flight(SimulatedServer.Request request, SimulatedConnection connection) {}

    private final Script script;
    private final SimulatedServer server = new SimulatedServer();
    private final List<Flight> flights = new ArrayList<>();
    private final SimulatedClient client;

    World(Script script) {
      this.script = script;
      script.step();
      this.client =
          new SimulatedClient(
              server,
              (request, connection) -> flights.add(new Flight(request, connection)),
              !script.oneIn(4));
    }

    void play() {
      while (script.step()) {
        step();
        assertNothingIsWrongSoFar();
      }
    }

    private void step() {
      switch (script.choose(20)) {
        case 0, 1 -> server.offer(script.choose(30));
        case 2, 3 -> client.say();
        case 4, 5 -> client.send();
        case 6, 7, 8 -> client.read();
        case 9 -> client.acknowledge();
        case 10 -> change();
        case 11, 12 -> deliver();
        case 13 -> disturb();
        case 14, 15 -> pump();
        case 16, 17 -> read();
        case 18 -> client.pollAgain();
        default -> rarer();
      }
    }

    private void change() {
      Kind to = KINDS.get(script.choose(KINDS.size()));
      if (!client.usesTurns()) {
        if (flights.isEmpty()) {
          client.change(to);
        }
      } else if (script.oneIn(5)) {
        client.sendAhead(to);
      } else {
        client.change(to);
      }
    }

    private void deliver() {
      if (!flights.isEmpty()) {
        Flight next = flights.remove(client.usesTurns() ? script.choose(flights.size()) : 0);
        server.handle(next.request(), next.connection());
      }
    }

    /** A request is lost; or sent twice; or goes on although the client has given it up. */
    private void disturb() {
      if (flights.isEmpty()) {
        return;
      }
      Flight flight = flights.get(script.choose(flights.size()));
      switch (client.usesTurns() ? script.choose(3) : 0) {
        case 0 -> {
          flights.remove(flight);
          flight.connection().cut();
        }
        case 1 -> {
          SimulatedConnection nobodys =
              new SimulatedConnection(flight.connection().kind, flight.connection().lane());
          nobodys.cut();
          flights.add(new Flight(flight.request(), nobodys));
        }
        default -> flight.connection().cut();
      }
    }

    private void pump() {
      SimulatedConnection connection = connection();
      if (connection != null && connection.kind != Kind.SEND) {
        server.pump(connection, script.oneIn(3) ? script.choose(3) : Integer.MAX_VALUE);
      }
    }

    private void read() {
      SimulatedConnection connection = connection();
      if (connection != null) {
        server.read(connection);
      }
    }

    /** Mostly the newest. */
    private SimulatedConnection connection() {
      int count = Math.min(server.connections.size(), 256);
      if (count == 0) {
        return null;
      }
      int back = script.oneIn(4) ? script.choose(count) : 0;
      return server.connections.get(server.connections.size() - 1 - back);
    }

    private void rarer() {
      SimulatedConnection connection = connection();
      switch (script.choose(9)) {
        case 0, 1 -> {
          if (connection != null) {
            connection.cut();
          }
        }
        case 2, 3 -> {
          if (connection != null && connection.cut && connection.kind != Kind.SEND) {
            server.notice(connection);
          }
        }
        case 4 -> {
          if (connection != null) {
            server.acknowledge(connection);
          }
        }
        case 5 -> {
          if (connection != null) {
            server.answerEmpty(connection);
          }
        }
        case 6 -> move();
        default -> {
          if (script.oneIn(40)) {
            server.close();
          } else {
            server.letPass(script.oneIn(30) ? 10_001 : script.choose(4) * 200L);
          }
        }
      }
    }

    /** The session goes elsewhere, or almost; or its node may not act for it, or dies. */
    private void move() {
      switch (script.choose(8)) {
        case 0, 1 -> server.handOver();
        case 2, 3 -> server.freeze();
        case 4 -> server.thaw();
        case 5 -> server.holds(false);
        case 6 -> server.holds(true);
        default -> server.crash();
      }
    }

    private void assertNothingIsWrongSoFar() {
      if (client.base() != server.base()) {
        assertThat(server.delivered).as("of an earlier life").isEmpty();
        return;
      }
      int arrived = server.delivered.size();
      if (arrived > client.said.size()
          || (arrived > 0 && server.delivered.get(arrived - 1) != client.said.get(arrived - 1))) {
        throw new AssertionError("The up stream is not what the client said.");
      }
    }

    /** The network works from now on: everything arrives, and what lingered has no effect. */
    void comeToRest() {
      server.thaw();
      server.holds(true);
      List<Flight> lingering = client.usesTurns() ? List.copyOf(flights) : List.of();
      flights.clear();
      Kind kind = KINDS.get(client.said.size() % KINDS.size());
      // A client without turns says nothing by POST while its WebSocket may still be attached.
      client.change(client.usesTurns() || kind != Kind.POST_POLL ? kind : Kind.POLL);
      for (int round = 0; round < ENOUGH_ROUNDS && !isAtRest() && !server.isClosed(); round++) {
        exchange(kind);
      }
      if (!server.isClosed()) {
        assertThat(client.got()).as("came down").isEqualTo(server.accepted.size());
        assertThat(client.confirmed()).as("known to have gone up").isEqualTo(client.said.size());
        client.acknowledge();
        exchange(kind);
        assertThat(server.owesRoom()).as("waits for room that there is").isFalse();
      }
      lingering.forEach(flight -> server.handle(flight.request(), flight.connection()));
      server.connections.forEach(
          connection -> {
            while (!connection.up.isEmpty()) {
              server.read(connection);
            }
          });
      if (!server.isClosed()) {
        assertThat(client.base()).as("the life that the client knows").isEqualTo(server.base());
      } else if (client.base() != server.base()) {
        return;
      }
      for (int i = 0; i < server.delivered.size(); i++) {
        assertThat(server.delivered.get(i)).isSameAs(client.said.get(i));
      }
      if (!server.isClosed()) {
        assertThat(server.delivered).hasSameSizeAs(client.said);
      }
    }

    private boolean isAtRest() {
      return client.base() == server.base()
          && client.got() == server.accepted.size()
          && client.confirmed() == client.said.size();
    }

    /** Everybody does all that they have to, once; connections send only when they were told to. */
    private void exchange(Kind kind) {
      if (client.receiving() == null) {
        if (kind == Kind.WEBSOCKET || kind == Kind.STREAM) {
          client.change(kind);
        } else {
          client.pollAgain();
        }
      }
      client.send();
      while (!flights.isEmpty()) {
        Flight flight = flights.remove(0);
        server.handle(flight.request(), flight.connection());
      }
      for (SimulatedConnection connection : List.copyOf(server.connections)) {
        if (connection == client.receiving()) {
          while (!connection.up.isEmpty()) {
            server.read(connection);
          }
          server.acknowledge(connection);
          if (connection.told || connection.blocked) {
            server.pump(connection, Integer.MAX_VALUE);
          }
          server.answerEmpty(connection);
        }
      }
      SimulatedConnection receiving = client.receiving();
      do {
        client.read();
      } while (receiving != null && receiving == client.receiving() && !receiving.down.isEmpty());
    }
  }
}
