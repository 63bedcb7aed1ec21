package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static dev.footbridge.channelapi.Messages.offsets;
import static dev.footbridge.channelapi.Messages.publish;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.hub.Colleagues;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionState;
import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.Retention;
import dev.footbridge.store.memory.MemoryChannelStore;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.Stage;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Sessions on the hub of one node that go on on another, which has the same channels. */
class MovingOnTheHubTest {
  private final ManualClock clock = new ManualClock();
  private final MemoryChannelStore store =
      new MemoryChannelStore(
          name -> new Retention(10, 1 << 24, Duration.ofMinutes(10).toNanos()),
          1000,
          1L << 30,
          clock,
          clock);
  private final TestHub here = TestHub.builder().store(store).build();
  private final TestHub there = TestHub.builder().store(store).build();

  private SessionState frozen(Session session) {
    CompletionStage<SessionState> freezing = here.sessions().freeze(session);
    here.settle();
    SessionState state = Stage.get(freezing);
    assertThat(here.sessions().handedOver(session, new Bye("draining", true, 0))).isTrue();
    here.settle();
    return state;
  }

  private TestClient moved(SessionState state) {
    Session session = Stage.get(there.sessions().adopt(state, there.lane()));
    there.settle();
    TestClient client = TestClient.after(session, there.lane(), state.acked());
    there.settle();
    return client;
  }

  private TestClient move(TestClient client) {
    return moved(frozen(client.session()));
  }

  @Test
  void subscriptions_go_on_after_their_cursors() {
    TestClient publisher = there.client();
    TestClient client = here.client("ann");
    here.ask(client, "subscribe", channel("a"));
    publish(there, publisher, "a", 2);
    here.settle();
    assertThat(offsets(client.heard())).containsExactly(1L, 2L);
    SessionState state = frozen(client.session());
    publish(there, publisher, "a", 3);
    TestClient moved = moved(state);
    publish(there, publisher, "a", 1);
    assertThat(offsets(moved.heard())).containsExactly(3L, 4L, 5L, 6L);
  }

  @Test
  void a_history_that_has_gone_meanwhile_is_a_gap() {
    TestClient publisher = there.client();
    TestClient client = here.client();
    here.ask(client, "subscribe", channel("a"));
    SessionState state = frozen(client.session());
    publish(there, publisher, "a", 20);
    List<JsonNode> heard = moved(state).heard();
    assertThat(heard).hasSize(1);
    assertThat(heard.get(0).path("op").textValue()).isEqualTo("gap");
    assertThat(heard.get(0).path("offset").longValue()).isEqualTo(20);
  }

  @Test
  void presence_goes_with_the_session_and_is_nobodys_news() {
    TestClient ann = here.client("ann");
    TestClient bob = here.client("bob");
    here.ask(ann, "subscribe", channel("a") + ",\"presence\":true");
    here.ask(bob, "subscribe", channel("a") + ",\"presence\":true");
    here.letPass(200, TimeUnit.MILLISECONDS);
    bob.heard();
    String member = ann.session().publicId();
    TestClient moved = move(ann);
    here.letPass(1, TimeUnit.SECONDS);
    assertThat(bob.heard()).isEmpty();
    assertThat(moved.session().publicId()).isEqualTo(member);
    JsonNode present = there.ask(moved, "presence", channel("a"));
    assertThat(present.at("/members/0/member").textValue()).isEqualTo(member);
    assertThat(present.at("/members/0/user").textValue()).isEqualTo("ann");
    // It may have missed what happened while it moved, and is told how things stand.
    there.letPass(1, TimeUnit.SECONDS);
    List<JsonNode> told = moved.heard();
    assertThat(told).hasSize(1);
    assertThat(told.get(0).path("reset").booleanValue()).isTrue();
    assertThat(told.get(0).at("/members/0/member").textValue()).isEqualTo(member);
  }

  /** Two nodes with one store, as in a cluster. */
  private static final class Pair {
    final PresenceStore presence = new MemoryPresenceStore();
    final TestHub here = TestHub.builder().node("here", presence, Colleagues.NONE).build();
    final TestHub there = TestHub.builder().node("there", presence, Colleagues.NONE).build();
    final TestClient ann = here.client("ann");
    final TestClient bob = here.client("bob");

    /** Ann is in, goes, and this node reads the roster again before anybody has announced her. */
    SessionState annGoes() {
      here.ask(ann, "subscribe", channel("a") + ",\"presence\":true");
      here.letPass(200, TimeUnit.MILLISECONDS);
      CompletionStage<SessionState> freezing = here.sessions().freeze(ann.session());
      here.settle();
      here.sessions().handedOver(ann.session(), new Bye("draining", true, 0));
      here.settle();
      here.letPass(200, TimeUnit.MILLISECONDS);
      here.ask(bob, "subscribe", channel("a") + ",\"presence\":true");
      here.letPass(200, TimeUnit.MILLISECONDS);
      return Stage.get(freezing);
    }

    List<String> nodes() {
      return Stage.get(presence.read("a", 10)).members().stream().map(Member::node).toList();
    }
  }

  @Test
  void whoever_was_handed_over_stays_until_another_node_has_had_its_time() {
    Pair pair = new Pair();
    pair.annGoes();
    assertThat(pair.nodes()).hasSize(2);
    pair.here.letPass(119, TimeUnit.SECONDS);
    assertThat(pair.nodes()).hasSize(2);
    pair.here.letPass(2, TimeUnit.SECONDS);
    pair.here.letPass(1, TimeUnit.SECONDS);
    assertThat(pair.nodes()).hasSize(1);
  }

  @Test
  void whoever_was_handed_over_leaves_though_its_channel_is_empty_here() {
    Pair pair = new Pair();
    pair.annGoes();
    pair.here.ask(pair.bob, "unsubscribe", channel("a"));
    pair.here.letPass(119, TimeUnit.SECONDS);
    assertThat(pair.nodes()).containsExactly("here");
    pair.here.letPass(2, TimeUnit.SECONDS);
    assertThat(pair.nodes()).isEmpty();
  }

  @Test
  void whoever_was_handed_over_and_announced_stays() {
    Pair pair = new Pair();
    SessionState state = pair.annGoes();
    Session session = Stage.get(pair.there.sessions().adopt(state, pair.there.lane()));
    pair.there.settle();
    TestClient.after(session, pair.there.lane(), state.acked());
    pair.there.letPass(1, TimeUnit.SECONDS);
    assertThat(pair.nodes()).containsExactlyInAnyOrder("here", "there");
    pair.here.letPass(121, TimeUnit.SECONDS);
    pair.here.letPass(1, TimeUnit.SECONDS);
    assertThat(pair.nodes()).contains("there");
  }

  @Test
  void procedures_are_registered_again_and_calls_under_way_are_interrupted() {
    TestClient callee = here.client();
    TestClient caller = here.client();
    here.ask(callee, "register", "\"procedure\":\"p\"");
    caller.command("call", "\"procedure\":\"p\"");
    here.settle();
    TestClient moved = move(callee);
    assertThat(caller.heard().get(0).at("/error/code").textValue()).isEqualTo("interrupted");
    assertThat(here.error(caller, "call", "\"procedure\":\"p\"")).isEqualTo("no_callee");
    moved.heard();
    TestClient other = there.client();
    other.command("call", "\"procedure\":\"p\"");
    there.settle();
    assertThat(moved.heard().get(0).path("op").textValue()).isEqualTo("invoke");
  }

  @Test
  void every_answer_that_is_owed_comes_before_the_move() {
    TestClient client = here.client();
    TestClient callee = here.client();
    here.ask(callee, "register", "\"procedure\":\"p\"");
    here.hesitate();
    client.command("publish", channel("a") + ",\"data\":1");
    CompletionStage<SessionState> freezing = here.sessions().freeze(client.session());
    here.settle();
    assertThat(freezing.toCompletableFuture()).isNotDone();
    here.decide();
    assertThat(freezing.toCompletableFuture()).isDone();
    assertThat(client.heard().get(0).at("/data/offset").longValue()).isEqualTo(1);
    here.sessions().thaw(client.session());
    here.settle();

    client.command("call", "\"procedure\":\"p\"");
    here.settle();
    CompletionStage<SessionState> again = here.sessions().freeze(client.session());
    here.letPass(100, TimeUnit.MILLISECONDS);
    assertThat(again.toCompletableFuture()).isNotDone();
    here.letPass(400, TimeUnit.MILLISECONDS);
    assertThat(again.toCompletableFuture()).isDone();
    assertThat(client.heard().get(0).at("/error/code").textValue()).isEqualTo("interrupted");
  }

  @Test
  void a_session_that_thaws_goes_on_where_it_was() {
    TestClient publisher = here.client();
    TestClient client = here.client();
    here.ask(client, "subscribe", channel("a"));
    Stage.get(here.sessions().freeze(client.session()));
    publish(here, publisher, "a", 3);
    assertThat(client.heard()).isEmpty();
    here.sessions().thaw(client.session());
    here.settle();
    publish(here, publisher, "a", 1);
    assertThat(offsets(client.heard())).containsExactly(1L, 2L, 3L, 4L);
  }

  @Test
  void a_rebuilt_session_begins_at_the_top() {
    TestClient publisher = there.client();
    TestClient client = here.client("ann");
    here.ask(client, "subscribe", channel("a"));
    byte[] state = client.session().endpointState();
    publish(there, publisher, "a", 4);
    long base = 1L << 32;
    Session session =
        Stage.get(
            there
                .sessions()
                .rebuild(client.session().id(), "p", "127.0.0.1", "/", state, base, there.lane()));
    TestClient rebuilt = TestClient.after(session, there.lane(), base);
    assertThat(rebuilt.connect(there.lane()).at("/subscribed/a/offset").longValue()).isEqualTo(4);
    publish(there, publisher, "a", 1);
    assertThat(offsets(rebuilt.heard())).containsExactly(5L);
  }
}
