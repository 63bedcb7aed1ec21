package dev.footbridge.session;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.io.Lane;
import dev.footbridge.session.Session.Batch;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualExecutor;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionsTest {
  private static final SessionOptions OPTIONS =
      new SessionOptions(1000, 1000, 1000, TimeUnit.SECONDS.toNanos(60), 100, 300);
  private static final Value VALUE = new Value.Text(JsonWriter.quote("value"));

  private final ManualClock clock = new ManualClock();
  private final ManualExecutor threads = new ManualExecutor();
  private final Lane lane = new Lane(threads);
  private final List<String> events = new ArrayList<>();

  private Endpoint endpoint() {
    return new RecordingEndpoint(List.of(lane), null, events);
  }

  private Sessions sessions(int perNode, int perAddress, EndpointFactory endpoints) {
    return new Sessions(
        "n1",
        OPTIONS,
        new Sessions.SessionLimits(perNode, perAddress),
        endpoints,
        List.of("websocket", "sse"),
        clock);
  }

  private Sessions sessions(int perNode, int perAddress) {
    return sessions(
        perNode, perAddress, (request, peer) -> CompletableFuture.completedStage(endpoint()));
  }

  private CompletionStage<Session> opening(Sessions sessions, String address) {
    return sessions.open(OpenRequest.hub(address), lane);
  }

  private Session open(Sessions sessions, String address) {
    return Stage.get(opening(sessions, address));
  }

  private void close(Session session) {
    session.close("closed");
    threads.run();
  }

  private RecordingReceiver receiver() {
    return new RecordingReceiver(1, true, true, 0, lane, events);
  }

  // ---- names ----

  @Test
  void a_session_is_found_by_its_id_until_it_ends() throws ProtocolException {
    Sessions sessions = sessions(10, 10);
    Session session = open(sessions, "a");
    assertThat(session.id()).matches("n1\\.[A-Za-z0-9_-]{22}");
    assertThat(sessions.find(session.id())).isSameAs(session);
    assertThat(sessions.count()).isEqualTo(1);
    close(session);
    assertThat(sessions.count()).isZero();
    assertThatThrownBy(() -> sessions.find(session.id()))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.code()).isEqualTo("session_gone"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "n1.short", "n1.0123456789012345678901x", "a/b", "ü.0123456789"})
  void what_is_no_id_is_not_found(String id) {
    assertThatThrownBy(() -> sessions(1, 1).find(id))
        .isInstanceOfSatisfying(
            ProtocolException.class, e -> assertThat(e.code()).isEqualTo("not_found"));
  }

  @Test
  void ids_are_all_different_and_a_public_id_tells_nothing_of_the_secret_one() {
    Sessions sessions = sessions(1000, 1000);
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < 500; i++) {
      Session session = open(sessions, "a");
      assertThat(session.publicId()).isEqualTo(session.publicId()).isNotEqualTo(session.id());
      assertThat(session).hasToString("Session[" + session.publicId() + "]");
      ids.add(session.id());
      ids.add(session.publicId());
    }
    assertThat(ids).hasSize(1000);
  }

  // ---- limits ----

  @Test
  void a_node_has_so_many_sessions_and_room_again_when_one_ends() {
    Sessions sessions = sessions(2, 10);
    Session first = open(sessions, "a");
    open(sessions, "b");
    assertThat(Stage.refusal(opening(sessions, "c")).code()).isEqualTo("rate_limited");
    close(first);
    open(sessions, "c");
  }

  @Test
  void an_address_has_so_many_sessions_and_room_again_when_one_ends() {
    Sessions sessions = sessions(100, 2);
    Session first = open(sessions, "a");
    open(sessions, "a");
    for (int i = 0; i < 3; i++) {
      assertThat(Stage.refusal(opening(sessions, "a")).code()).isEqualTo("rate_limited");
    }
    open(sessions, "b");
    close(first);
    close(first);
    open(sessions, "a");
    assertThat(Stage.refusal(opening(sessions, "a")).code()).isEqualTo("rate_limited");
  }

  @Test
  void a_session_whose_endpoint_refuses_is_none_and_takes_no_place() {
    Sessions sessions =
        sessions(
            1,
            1,
            (request, peer) ->
                request.address().equals("bad")
                    ? CompletableFuture.failedStage(
                        new ProtocolException(ErrorCode.FORBIDDEN, "No."))
                    : CompletableFuture.completedStage(endpoint()));
    assertThat(Stage.refusal(opening(sessions, "bad")).code()).isEqualTo("forbidden");
    assertThat(Stage.refusal(opening(sessions, "bad")).code()).isEqualTo("forbidden");
    assertThat(sessions.count()).isZero();
    open(sessions, "a");
  }

  @Test
  void an_endpoint_that_fails_at_opening_takes_no_place() {
    Sessions sessions =
        sessions(
            1,
            1,
            (request, peer) -> {
              throw new IllegalStateException("Broken.");
            });
    for (int i = 0; i < 3; i++) {
      assertThat(opening(sessions, "a"))
          .failsWithin(1, TimeUnit.SECONDS)
          .withThrowableOfType(java.util.concurrent.ExecutionException.class)
          .withCauseInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void a_session_that_is_closed_while_it_opens_is_gone_and_takes_no_place() {
    CompletableFuture<Endpoint> slow = new CompletableFuture<>();
    List<Peer> peers = new ArrayList<>();
    Sessions sessions =
        sessions(
            1,
            1,
            (request, peer) -> {
              peers.add(peer);
              return peers.size() == 1 ? slow : CompletableFuture.completedStage(endpoint());
            });
    CompletionStage<Session> opening = opening(sessions, "a");
    peers.get(0).close("kicked");
    threads.run();
    slow.complete(endpoint());
    threads.run();
    assertThat(Stage.refusal(opening).code()).isEqualTo("session_gone");
    assertThat(events).containsExactly("closed");
    assertThat(sessions.count()).isZero();
    open(sessions, "a");
  }

  // ---- life ----

  @Test
  void a_session_without_a_connection_lives_for_its_time_to_live() {
    Sessions sessions = sessions(10, 10);
    open(sessions, "a");
    clock.advanceSeconds(60);
    sessions.check();
    assertThat(sessions.count()).isEqualTo(1);
    clock.advance(1);
    sessions.check();
    threads.run();
    assertThat(sessions.count()).isZero();
    assertThat(events).containsExactly("closed");
  }

  @Test
  void a_session_with_a_connection_lives_on_and_its_time_counts_from_the_end_of_it()
      throws ProtocolException {
    Sessions sessions = sessions(10, 10);
    Session session = open(sessions, "a");
    RecordingReceiver receiver = receiver();
    session.attachFirst(receiver);
    clock.advanceSeconds(1000);
    sessions.check();
    assertThat(sessions.count()).isEqualTo(1);
    session.detach(receiver);
    clock.advanceSeconds(60);
    sessions.check();
    assertThat(sessions.count()).isEqualTo(1);
    clock.advance(1);
    sessions.check();
    assertThat(sessions.count()).isZero();
  }

  @Test
  void a_server_that_goes_down_opens_nothing_and_sends_everybody_away_to_come_back()
      throws ProtocolException {
    Sessions sessions = sessions(100, 100);
    List<Bye> byes = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Session session = open(sessions, "a");
      session.attachFirst(new ByeReceiver(lane, byes));
    }
    sessions.drain();
    assertThat(Stage.refusal(opening(sessions, "a")).code()).isEqualTo("draining");
    sessions.closeAll();
    threads.run();
    assertThat(sessions.count()).isZero();
    assertThat(byes)
        .hasSize(20)
        .allMatch(Bye::reconnect)
        .allMatch(b -> b.code().equals("draining"));
    assertThat(byes.stream().map(Bye::delayMillis).distinct().count()).isGreaterThan(5);
    assertThat(byes).allMatch(bye -> bye.delayMillis() >= 0 && bye.delayMillis() < 1100);
  }

  private record ByeReceiver(Lane lane, List<Bye> byes) implements Receiver {
    @Override
    public boolean duplex() {
      return true;
    }

    @Override
    public boolean streaming() {
      return true;
    }

    @Override
    public void ready() {}

    @Override
    public void end(Bye bye) {
      byes.add(bye);
    }

    @Override
    public void check(long nowNanos) {}

    @Override
    public boolean idle() {
      return true;
    }
  }

  // ---- what the endpoint is told ----

  /** Says something itself while it is told something. */
  private class Reentrant extends DelegatingEndpoint {
    private final List<Session> sessions = new ArrayList<>();
    private int depth;

    Reentrant() {
      super(endpoint());
    }

    @Override
    public void receive(Value value) {
      assertThat(depth).as("told while it is being told").isZero();
      depth++;
      super.receive(value);
      if (events.size() < 5) {
        try {
          sessions.get(0).send(new Batch(Session.UNKNOWN, 0, List.of(VALUE)), Session.UNKNOWN);
        } catch (ProtocolException e) {
          throw new AssertionError(e);
        }
      }
      depth--;
    }
  }

  @Test
  void an_endpoint_is_told_one_thing_at_a_time() throws ProtocolException {
    Reentrant endpoint = new Reentrant();
    Sessions sessions =
        sessions(1, 1, (request, peer) -> CompletableFuture.completedStage(endpoint));
    endpoint.sessions.add(open(sessions, "a"));
    endpoint.sessions.get(0).send(new Batch(0, 0, List.of(VALUE)), Session.UNKNOWN);
    assertThat(events).hasSize(5);
  }

  @Test
  void an_endpoint_that_fails_ends_its_session_as_internal_and_nobody_elses()
      throws ProtocolException {
    Endpoint failing =
        new DelegatingEndpoint(endpoint()) {
          @Override
          public void receive(Value value) {
            throw new IllegalStateException("Broken, as the test wants it.");
          }
        };
    Sessions sessions =
        sessions(
            2,
            2,
            (request, peer) ->
                CompletableFuture.completedStage(
                    request.address().equals("bad") ? failing : endpoint()));
    Session bad = open(sessions, "bad");
    open(sessions, "a");
    RecordingReceiver receiver = receiver();
    bad.attachFirst(receiver);
    bad.receive(receiver, VALUE);
    threads.run();
    assertThat(events).containsExactly("duplex 1 end internal", "closed");
    assertThat(sessions.count()).isEqualTo(1);
  }

  /** Does what another does. */
  private static class DelegatingEndpoint implements Endpoint {
    private final Endpoint to;

    DelegatingEndpoint(Endpoint to) {
      this.to = to;
    }

    @Override
    public void check(Value value) throws ProtocolException {
      to.check(value);
    }

    @Override
    public void receive(Value value) {
      to.receive(value);
    }

    @Override
    public void drained() {
      to.drained();
    }

    @Override
    public void moved(Lane lane) {
      to.moved(lane);
    }

    @Override
    public void closed() {
      to.closed();
    }

    @Override
    public void describe(JsonWriter welcome) {
      to.describe(welcome);
    }
  }
}
