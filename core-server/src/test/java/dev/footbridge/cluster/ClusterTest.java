package dev.footbridge.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.session.Session;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.store.SessionStore;
import dev.footbridge.store.redis.RedisConnections;
import dev.footbridge.store.redis.RedisExtension;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Nodes on one real Redis, as they find, take over, give away and lose sessions. */
class ClusterTest {
  @RegisterExtension static final RedisExtension REDIS = new RedisExtension();

  private final List<RedisConnections> connections = new ArrayList<>();
  private final List<TestNode> nodes = new ArrayList<>();
  private String prefix;
  private TestNode one;
  private TestNode two;

  @BeforeEach
  void twoNodesThatKnowEachOther() throws ProtocolException {
    prefix = REDIS.newPrefix();
    one = node("one");
    two = node("two");
    acquainted();
  }

  private TestNode node(String id) throws ProtocolException {
    RedisConnections redis = REDIS.connect();
    connections.add(redis);
    TestNode node = new TestNode(id, redis, prefix);
    nodes.add(node);
    return node;
  }

  private void acquainted() {
    await()
        .until(
            () ->
                nodes.stream()
                    .allMatch(node -> node.membership.others().size() == nodes.size() - 1));
  }

  @AfterEach
  void end() {
    nodes.forEach(TestNode::close);
    connections.forEach(RedisConnections::close);
  }

  private static Session here(CompletionStage<Place> located) {
    return ((Place.Here) Stage.get(located)).session();
  }

  private static String there(CompletionStage<Place> located) {
    Peer peer = ((Place.There) Stage.get(located)).peer();
    return peer.id();
  }

  @Test
  void a_session_is_found_at_the_node_that_opened_it() {
    Session session = one.open();
    assertThat(session.id()).startsWith("one1.");
    assertThat(there(two.cluster.locate(session.id()))).isEqualTo("one1");
  }

  @Test
  void what_is_no_id_and_what_is_no_session_are_told_apart() {
    assertThat(Stage.refusal(one.cluster.locate("nonsense")).code()).isEqualTo("not_found");
    String none = "gone.AAAAAAAAAAAAAAAAAAAAAA";
    assertThat(Stage.refusal(one.cluster.locate(none)).code()).isEqualTo("session_gone");
  }

  @Test
  void a_session_that_was_closed_is_gone_from_the_store() {
    Session session = one.open();
    session.close("closed");
    await().until(() -> Stage.get(one.store.find(session.id())).isEmpty());
  }

  private void giveAway() {
    one.sessions.drain();
    one.cluster.giveAway(1);
    assertThat(one.sessions.count()).isZero();
  }

  /** A session with one message under way, which the first node has given away. */
  private Session givenAway() {
    Session session = one.open();
    session.offer(Message.text("kept"));
    giveAway();
    return session;
  }

  /** The second node has it as it was, with its message. */
  private void assertWhole(Session session) {
    Session moved = here(two.cluster.locate(session.id()));
    assertThat(moved.base()).isZero();
    assertThat(moved.publicId()).isEqualTo(session.publicId());
    assertThat(Stage.get(two.sessions.freeze(moved)).unacknowledged()).hasSize(1);
  }

  @Test
  void a_node_that_goes_gives_its_sessions_away_whole() {
    assertWhole(givenAway());
  }

  @Test
  void a_node_that_goes_sends_others_to_those_that_stay() {
    Session session = one.open();
    one.sessions.drain();
    one.cluster.giveAway(1);
    assertThat(there(one.cluster.locate(session.id()))).isEqualTo("two1");
  }

  @Test
  void sessions_are_given_away_over_the_time_that_there_is() {
    for (int i = 0; i < 1500; i++) {
      one.open();
    }
    one.sessions.drain();
    long begun = System.nanoTime();
    one.cluster.giveAway(1);
    // Three quarters of a second, the rest is for what did not go at once.
    assertThat(System.nanoTime() - begun).isGreaterThan(600_000_000L);
    assertThat(one.sessions.count()).isZero();
  }

  @Test
  void what_could_not_be_given_away_in_time_is_left_to_be_rebuilt() {
    Session session = one.open();
    one.restless();
    one.sessions.drain();
    one.cluster.giveAway(0);
    assertThat(one.sessions.count()).isZero();
    one.cluster.leave();

    Session rebuilt = here(two.cluster.relocate(session.id(), "one1"));
    assertThat(rebuilt.publicId()).isEqualTo(session.publicId());
    assertThat(rebuilt.base()).isEqualTo(2L << 32);
  }

  @Test
  void one_that_does_not_come_to_rest_does_not_hold_up_the_others() {
    Session restless = one.openRestless();
    for (int i = 0; i < 200; i++) {
      one.open();
    }
    one.sessions.drain();
    var closing = CompletableFuture.runAsync(() -> one.cluster.giveAway(1));
    await()
        .atMost(Duration.ofSeconds(3))
        .until(() -> one.sessions.count() == 1 && one.sessions.local(restless.id()) != null);
    assertThat(closing).isNotDone();
    closing.join();
    assertThat(one.sessions.count()).isZero();
  }

  @Test
  void a_store_that_is_away_for_a_while_holds_nothing_up_for_good() {
    for (int i = 0; i < 300; i++) {
      one.open();
    }
    one.store.lostReleases.set(250);
    giveAway();
    assertThat(one.store.lostReleases).hasValue(0);
    assertThat(one.sessions.count()).isZero();
  }

  @Test
  void a_session_whose_release_was_not_answered_stays_at_rest_until_it_is() {
    Session session = one.open();
    session.offer(Message.text("kept"));
    one.store.lostReleases.set(2);
    giveAway();
    assertThat(one.store.lostReleases).hasValue(0);
    assertWhole(session);
  }

  @Test
  void a_node_that_did_not_hear_that_a_session_is_its_own_claims_it_again_whole() {
    Session session = givenAway();
    two.store.lostClaims.set(1);
    assertThat(Stage.refusal(two.cluster.locate(session.id())).code()).isEqualTo("unavailable");
    assertWhole(session);
  }

  @Test
  void what_a_node_claims_as_it_begins_to_go_is_passed_on_whole() {
    Session session = givenAway();
    two.sessions.drain();
    assertThat(Stage.refusal(two.cluster.locate(session.id())).code()).isEqualTo("draining");
    await()
        .until(
            () ->
                Stage.get(two.store.find(session.id()))
                    .orElseThrow()
                    .node()
                    .equals(SessionStore.NOBODY));
    two.cluster.takeNoMore();
    assertThat(Stage.refusal(two.cluster.locate(session.id())).code()).isEqualTo("draining");
  }

  @Test
  void a_session_of_a_node_that_died_is_rebuilt_once_its_lease_has_ended() {
    Session session = one.open();
    one.stopped(true);
    long begun = System.nanoTime();
    Session rebuilt = here(two.cluster.relocate(session.id(), "one1"));
    assertThat(rebuilt.base()).isEqualTo(2L << 32);
    assertThat(rebuilt.publicId()).isEqualTo(session.publicId());
    assertThat(System.nanoTime() - begun).isLessThan(5_000_000_000L);
  }

  @Test
  void of_several_that_want_a_dead_nodes_session_one_gets_it_and_the_others_know_where()
      throws ProtocolException {
    TestNode three = node("three");
    acquainted();
    Session session = one.open();
    one.stopped(true);
    var byTwo = two.cluster.relocate(session.id(), "one1");
    var byThree = three.cluster.relocate(session.id(), "one1");
    Place first = Stage.get(byTwo);
    Place second = Stage.get(byThree);
    assertThat(List.of(first, second)).filteredOn(Place.Here.class::isInstance).hasSize(1);
    Place.There elsewhere = (Place.There) (first instanceof Place.There ? first : second);
    assertThat(elsewhere.peer().id()).isEqualTo(first instanceof Place.Here ? "two1" : "three1");
  }

  @Test
  void a_node_that_was_stopped_goes_on_under_another_name_with_what_nobody_took() {
    Session taken = one.open();
    Session kept = one.open();
    one.stopped(true);
    here(two.cluster.relocate(taken.id(), "one1"));
    assertThat(one.membership.holds()).isFalse();

    one.stopped(false);
    await().until(one.membership::holds);
    assertThat(one.membership.id()).isEqualTo("one2");
    assertThat(one.sessions.local(taken.id())).isNull();
    assertThat(one.sessions.local(kept.id())).isSameAs(kept);
    assertThat(Stage.get(one.store.find(kept.id())).orElseThrow())
        .isEqualTo(new SessionStore.Tenancy("one2", 2));
    await().until(() -> two.membership.alive("one2") != null);
    assertThat(there(two.cluster.locate(kept.id()))).isEqualTo("one2");
  }

  /** The first node stands still until the other has declared it dead and taken one session. */
  private void wakeAfterDeath(Session taken) {
    one.stopped(true);
    here(two.cluster.relocate(taken.id(), "one1"));
    one.stopped(false);
  }

  @Test
  void a_node_that_did_not_hear_under_its_new_name_what_is_its_own_keeps_it() {
    Session kept = one.open();
    // One is asked of each session.
    one.store.lostClaims.set(2);
    wakeAfterDeath(one.open());
    await().until(() -> !one.membership.id().equals("one1") && one.membership.holds());
    assertThat(one.sessions.local(kept.id())).isSameAs(kept);
    assertThat(Stage.get(one.store.find(kept.id())).orElseThrow().node())
        .isEqualTo(one.membership.id());
  }

  @Test
  void a_node_that_did_not_hear_that_others_have_a_session_does_not_take_it_from_them() {
    Session taken = one.open();
    one.store.lostPuts.set(1);
    wakeAfterDeath(taken);
    await().until(() -> !one.membership.id().equals("one1") && one.membership.holds());
    assertThat(one.sessions.local(taken.id())).isNull();
    assertThat(Stage.get(two.store.find(taken.id())).orElseThrow().node()).isEqualTo("two1");
  }

  @Test
  void what_changes_while_a_node_takes_another_name_is_not_given_up_for_that() {
    Session kept = one.open();
    CompletableFuture<Void> gate = new CompletableFuture<>();
    one.store.claimsTold = gate;
    wakeAfterDeath(one.open());
    await().until(() -> !one.membership.id().equals("one1"));
    one.cluster.listener().changed(kept);
    await().pollDelay(Duration.ofMillis(3 * TestNode.LEASE_MILLIS)).until(() -> true);
    assertThat(one.membership.holds()).isFalse();
    gate.complete(null);
    await().until(one.membership::holds);
    assertThat(one.sessions.local(kept.id())).isSameAs(kept);
    assertThat(one.membership.id()).as("its lease was renewed meanwhile").isEqualTo("one2");
  }

  @Test
  void a_node_that_leaves_does_not_make_anybody_wait() {
    Session session = one.open();
    one.cluster.leave();
    await().until(() -> two.membership.alive("one1") == null);
    assertThat(here(two.cluster.locate(session.id())).base()).isPositive();
  }

  @Test
  void after_redis_has_lost_its_data_the_nodes_write_it_again() {
    Session session = one.open();
    Stage.get(REDIS.connections().command(commands -> commands.flushall()));
    await().until(() -> Stage.get(two.store.find(session.id())).isPresent());
    assertThat(there(two.cluster.locate(session.id()))).isEqualTo("one1");
  }
}
