package dev.footbridge.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.Offer;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.endpoint.RestoreRequest;
import dev.footbridge.io.DamagedException;
import dev.footbridge.io.Lane;
import dev.footbridge.session.Session.Batch;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualExecutor;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A session that moves, is rebuilt, or whose node may not act for it. */
class MovingSessionTest {
  private static final SessionOptions OPTIONS =
      new SessionOptions(1000, 1000, 1000, TimeUnit.SECONDS.toNanos(60), 100, 300);
  private static final long BASE = 3L << 32;

  private final ManualClock clock = new ManualClock();
  private final ManualExecutor threads = new ManualExecutor();
  private final Lane lane = new Lane(threads);
  private final List<String> events = new ArrayList<>();
  private boolean holds = true;
  private CompletionStage<?> directory = CompletableFuture.completedStage(null);

  /** Writes down what it is told, and can move. */
  private final class Moving implements Endpoint {
    private CompletableFuture<byte[]> settled = CompletableFuture.completedFuture(new byte[] {'1'});

    @Override
    public void check(Value value) {}

    @Override
    public void receive(Value value) {
      events.add("receive " + RecordingEndpoint.name(value));
    }

    @Override
    public void drained() {}

    @Override
    public void moved(Lane to) {}

    @Override
    public void closed() {
      events.add("closed");
    }

    @Override
    public void describe(JsonWriter welcome) {}

    @Override
    public byte[] state() {
      return new byte[] {'1'};
    }

    @Override
    public CompletionStage<byte[]> settle() {
      events.add("settle");
      return settled;
    }

    @Override
    public void resumeWork() {
      events.add("resumeWork");
    }

    @Override
    public void handedOver() {
      events.add("handedOver");
    }
  }

  private final Moving endpoint = new Moving();

  private Sessions node(String name) {
    return new Sessions(
        () -> name,
        OPTIONS,
        new Sessions.SessionLimits(10, 10),
        new EndpointFactory() {
          @Override
          public CompletionStage<? extends Endpoint> open(OpenRequest request, Peer peer) {
            return CompletableFuture.completedStage(endpoint);
          }

          @Override
          public CompletionStage<? extends Endpoint> restore(RestoreRequest request, Peer peer) {
            events.add(
                "restore "
                    + new String(request.state(), UTF_8)
                    + (request.whole() ? " whole" : ""));
            return CompletableFuture.completedStage(new Moving());
          }
        },
        List.of(),
        clock,
        () -> holds,
        new Sessions.Listener() {
          @Override
          public CompletionStage<?> opened(Session session) {
            return directory;
          }

          @Override
          public void changed(Session session) {
            events.add("changed");
          }

          @Override
          public void closed(Session session) {
            events.add("listener closed");
          }
        });
  }

  private final Sessions here = node("a");
  private final Sessions there = node("b");

  private Session open() {
    return Stage.get(here.open(OpenRequest.hub("x"), lane));
  }

  private RecordingReceiver socket(int number) {
    return new RecordingReceiver(number, true, true, 0, lane, events);
  }

  private RecordingReceiver poll(int number) {
    return new RecordingReceiver(number, false, false, 0, lane, events);
  }

  private static Value text(String content) {
    return new Value.Text(JsonWriter.quote(content));
  }

  private static Batch batch(long after, String... content) {
    return new Batch(
        after, Session.UNKNOWN, Arrays.stream(content).map(MovingSessionTest::text).toList());
  }

  private static List<Long> taken(Session session, Receiver by) {
    List<Long> numbers = new ArrayList<>();
    session.take(by, (number, message) -> numbers.add(number));
    return numbers;
  }

  private static String code(Attempt attempt) {
    try {
      attempt.make();
      return "none";
    } catch (ProtocolException e) {
      return e.code();
    }
  }

  private interface Attempt {
    void make() throws ProtocolException;
  }

  private List<String> told() {
    threads.run();
    List<String> all = List.copyOf(events);
    events.clear();
    return all;
  }

  // ---- tenure ----

  @Test
  void without_its_tenure_a_node_hands_over_nothing_and_takes_nothing() throws ProtocolException {
    Session session = open();
    RecordingReceiver socket = socket(1);
    session.attach(socket, 0, Session.UNKNOWN);
    session.offer(Message.text("one"));
    holds = false;

    assertThat(taken(session, socket)).isEmpty();
    assertThat(session.receive(socket, text("up"))).isTrue();
    assertThat(session.received()).isZero();
    assertThat(session.receivedFrom(socket)).isEqualTo(Session.UNKNOWN);
    assertThat(code(() -> session.attach(poll(2), 0, 1))).isEqualTo("unavailable");
    assertThat(code(() -> session.send(batch(0, "x"), 1))).isEqualTo("unavailable");
    assertThat(Stage.refusal(here.open(OpenRequest.hub("x"), lane)).code())
        .isEqualTo("unavailable");
    clock.advance(TimeUnit.HOURS.toNanos(1));
    session.detach(socket);
    clock.advance(TimeUnit.HOURS.toNanos(1));
    here.check();
    assertThat(session.isClosed()).as("ended by a node that may not").isFalse();
  }

  @Test
  void what_waited_for_the_tenure_goes_on_in_order() throws ProtocolException {
    Session session = open();
    RecordingReceiver socket = socket(1);
    session.attach(socket, 0, Session.UNKNOWN);
    taken(session, socket);
    told();
    holds = false;
    session.receive(socket, text("1"));
    session.offer(Message.text("down"));
    assertThat(taken(session, socket)).isEmpty();
    holds = true;
    session.receive(socket, text("2"));
    here.wake();
    assertThat(told())
        .containsExactly("duplex 1 ready", "receive \"1\"", "receive \"2\"", "duplex 1 ready");
    assertThat(taken(session, socket)).containsExactly(1L);
    assertThat(session.receivedFrom(socket)).isEqualTo(2);
  }

  @Test
  void what_waits_is_bounded_and_its_client_comes_back_with_it() throws ProtocolException {
    Session session = open();
    RecordingReceiver socket = socket(1);
    session.attach(socket, 0, Session.UNKNOWN);
    holds = false;
    int waiting = 0;
    while (session.receive(socket, text("x".repeat(100)))) {
      waiting++;
    }
    assertThat(waiting).isBetween(2, 10);
    assertThat(told()).contains("duplex 1 end unavailable");
    holds = true;
    here.wake();
    assertThat(session.received()).isZero();
    session.attach(socket(2), 0, 1);
  }

  // ---- handing over ----

  @Test
  void a_frozen_session_gives_out_its_state_and_nothing_beyond() throws Exception {
    Session session = open();
    RecordingReceiver socket = socket(1);
    session.attach(socket, 0, 5);
    session.receive(socket, text("counted"));
    session.offer(Message.text("one"));
    endpoint.settled = new CompletableFuture<>();
    CompletionStage<SessionState> freezing = here.freeze(session);
    session.answer(Message.binary(new byte[] {2}));
    endpoint.settled.complete(new byte[] {'2'});
    SessionState state = SessionState.decode(Stage.get(freezing).encode());
    session.answer(Message.text("too late"));

    assertThat(state.id()).isEqualTo(session.id());
    assertThat(state.publicId()).isEqualTo(session.publicId());
    assertThat(state.received()).isEqualTo(1);
    assertThat(state.turn()).isEqualTo(5);
    assertThat(state.endpointState()).containsExactly('2');
    assertThat(state.unacknowledged()).extracting(Message::isBinary).containsExactly(false, true);
    assertThat(taken(session, socket)).containsExactly(1L, 2L);
    assertThat(code(() -> session.attach(poll(2), 2, 6))).isEqualTo("draining");
    assertThat(code(() -> session.send(batch(1, "x"), 6))).isEqualTo("draining");

    assertThat(here.handedOver(session, new Bye("draining", true, 7))).isTrue();
    assertThat(told())
        .containsExactly("receive \"counted\"", "settle", "duplex 1 end draining", "handedOver");
    assertThat(here.count()).isZero();
    assertThat(session.answer(Message.text("later"))).isEqualTo(Offer.CLOSED);

    Session moved = Stage.get(there.adopt(state, lane));
    assertThat(there.find(session.id())).isSameAs(moved);
    assertThat(moved.attach(socket(3), 1, 6).toString()).contains("\"resumed\":true");
    assertThat(code(() -> moved.attach(socket(4), 1, 4))).isEqualTo("superseded");
    assertThat(moved.send(batch(1, "next"), 7)).isEqualTo(2);
    assertThat(told())
        .containsExactly("restore 2 whole", "duplex 3 end superseded", "receive \"next\"");
  }

  @Test
  void a_session_that_thaws_goes_on_as_if_nothing_had_been() throws ProtocolException {
    Session session = open();
    RecordingReceiver socket = socket(1);
    session.attach(socket, 0, Session.UNKNOWN);
    taken(session, socket);
    Stage.get(here.freeze(session));
    told();
    session.receive(socket, text("1"));
    session.answer(Message.text("late"));
    assertThat(taken(session, socket)).isEmpty();
    assertThat(session.received()).isZero();
    here.thaw(session);
    session.receive(socket, text("2"));
    assertThat(told())
        .containsExactly(
            "duplex 1 ready", "duplex 1 ready", "resumeWork", "receive \"1\"", "receive \"2\"");
    assertThat(taken(session, socket)).containsExactly(1L);
  }

  @Test
  void one_that_ends_while_it_is_frozen_is_not_handed_over() {
    Session session = open();
    Stage.get(here.freeze(session));
    session.close("closed");
    assertThat(here.handedOver(session, Bye.ended("x"))).isFalse();
    assertThat(told()).containsExactly("settle", "listener closed", "closed");
  }

  @Test
  void one_that_ends_before_it_is_frozen_says_so() {
    Session session = open();
    endpoint.settled = new CompletableFuture<>();
    CompletionStage<SessionState> freezing = here.freeze(session);
    session.close("closed");
    assertThat(Stage.refusal(freezing).code()).isEqualTo("session_gone");
  }

  @Test
  void one_that_cannot_move_goes_on() throws ProtocolException {
    Session session = open();
    endpoint.settled =
        CompletableFuture.failedFuture(ProtocolException.malformed("This cannot move."));
    assertThat(Stage.refusal(here.freeze(session)).code()).isEqualTo("malformed");
    assertThat(session.send(batch(0, "x"), Session.UNKNOWN)).isEqualTo(1);
  }

  @Test
  void a_session_is_in_one_place_only() {
    Session session = open();
    SessionState state = Stage.get(here.freeze(session));
    assertThatThrownBy(() -> Stage.get(here.adopt(state, lane)))
        .hasRootCauseInstanceOf(IllegalStateException.class);
    here.handedOver(session, Bye.ended("x"));
    Stage.get(there.adopt(state, lane));
    assertThatThrownBy(() -> Stage.get(there.adopt(state, lane)))
        .hasRootCauseInstanceOf(IllegalStateException.class);
    assertThat(there.count()).isEqualTo(1);
  }

  @Test
  void one_that_another_node_has_is_dropped_without_its_end() throws ProtocolException {
    Session session = open();
    session.attach(socket(1), 0, Session.UNKNOWN);
    told();
    here.drop(session, Bye.UNAVAILABLE);
    assertThat(told()).containsExactly("duplex 1 end unavailable", "handedOver");
    assertThat(here.count()).isZero();
  }

  // ---- a new life ----

  private Session rebuilt() {
    return Stage.get(
        there.rebuild("a.0123456789012345678901", "p", "x", "/", new byte[] {'r'}, BASE, lane));
  }

  @Test
  void a_client_of_an_earlier_life_is_told_where_the_new_one_begins() throws ProtocolException {
    Session session = rebuilt();
    session.offer(Message.text("of the new life"));
    assertThat(told()).containsExactly("restore r");
    assertThat(code(() -> session.send(batch(7, "old"), Session.UNKNOWN))).isEqualTo("rebuilt");
    assertThat(code(() -> session.send(batch(Session.UNKNOWN, "old"), Session.UNKNOWN)))
        .isEqualTo("rebuilt");

    for (int again = 1; again <= 3; again++) {
      Message welcome = session.attachPoll(poll(again), 18, again, batch(7, "old"));
      assertThat(String.valueOf(welcome))
          .contains("\"resumed\":false,\"received\":" + BASE + ",\"after\":" + BASE + ",");
    }
    assertThat(session.received()).isEqualTo(BASE);
    assertThat(session.attach(socket(4), Session.UNKNOWN, 4).toString())
        .contains("\"resumed\":false");

    RecordingReceiver poll = poll(5);
    assertThat(session.attachPoll(poll, BASE, 5, batch(BASE, "new"))).isNull();
    assertThat(taken(session, poll)).containsExactly(BASE + 1);
    assertThat(session.send(batch(BASE + 1, "newer"), 5)).isEqualTo(BASE + 2);
    assertThat(told()).contains("receive \"new\"", "receive \"newer\"").doesNotContain("old");
  }

  @Test
  void whoever_has_acknowledged_something_of_the_new_life_knows_it() throws ProtocolException {
    Session session = rebuilt();
    session.offer(Message.text("one"));
    RecordingReceiver stream = new RecordingReceiver(1, false, true, 0, lane, events);
    assertThat(session.attach(stream, 18, 1).toString()).contains("\"resumed\":false");
    taken(session, stream);
    assertThat(session.send(batch(Session.UNKNOWN, "x"), 1)).isEqualTo(BASE + 1);
    session.send(new Batch(BASE + 1, BASE + 1, List.of()), 1);
    assertThat(code(() -> session.attach(socket(2), 18, 2))).isEqualTo("gap");
    assertThat(code(() -> session.send(new Batch(18, BASE + 1, List.of()), 2)))
        .isEqualTo("rebuilt");
    assertThat(session.attach(socket(3), BASE + 1, 3).toString()).contains("\"resumed\":true");
  }

  @Test
  void that_nobody_knows_of_the_new_life_moves_with_the_session() throws ProtocolException {
    Session session = rebuilt();
    SessionState state = Stage.get(there.freeze(session));
    there.handedOver(session, Bye.ended("x"));
    Session moved = Stage.get(here.adopt(state, lane));
    assertThat(code(() -> moved.send(batch(Session.UNKNOWN, "x"), 0))).isEqualTo("rebuilt");
    assertThat(moved.attach(socket(1), 5, 1).toString()).contains("\"resumed\":false");
  }

  // ---- the directory ----

  @Test
  void a_session_opens_when_the_directory_has_it() {
    CompletableFuture<Void> slow = new CompletableFuture<>();
    directory = slow;
    CompletableFuture<Session> opening =
        here.open(OpenRequest.hub("x"), lane).toCompletableFuture();
    assertThat(opening).isNotDone();
    slow.complete(null);
    Session session = Stage.get(opening);
    session.changed();
    assertThat(told()).containsExactly("changed");
    session.close("closed");
    assertThat(told()).containsExactly("listener closed", "closed");
  }

  @Test
  void a_session_that_the_directory_cannot_take_is_none() {
    directory = CompletableFuture.failedStage(Sessions.unavailable());
    assertThat(Stage.refusal(here.open(OpenRequest.hub("x"), lane)).code())
        .isEqualTo("unavailable");
    assertThat(here.count()).isZero();
    assertThat(told()).containsExactly("listener closed", "closed");
  }

  // ---- what travels ----

  @Test
  void no_damage_goes_unnoticed() {
    byte[] whole =
        new SessionState(
                "a.0123456789012345678901",
                "p",
                "::1",
                "/",
                BASE,
                true,
                BASE + 3,
                BASE + 1,
                List.of(Message.text("ü"), Message.binary(new byte[] {0, 1})),
                9,
                new byte[] {'{', '}'})
            .encode();
    for (int at = 0; at < whole.length; at++) {
      byte[] damaged = whole.clone();
      damaged[at] ^= (byte) (1 << (at % 8));
      assertThatThrownBy(() -> SessionState.decode(damaged)).isInstanceOf(DamagedException.class);
      byte[] cut = Arrays.copyOf(whole, at);
      assertThatThrownBy(() -> SessionState.decode(cut)).isInstanceOf(DamagedException.class);
    }
    byte[] longer = Arrays.copyOf(whole, whole.length + 1);
    assertThatThrownBy(() -> SessionState.decode(longer)).isInstanceOf(DamagedException.class);
  }
}
