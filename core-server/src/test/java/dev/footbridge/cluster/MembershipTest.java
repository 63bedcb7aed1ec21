package dev.footbridge.cluster;

import static dev.footbridge.cluster.Nodes.GONE_MILLIS;
import static dev.footbridge.cluster.Nodes.LEASE_MILLIS;
import static dev.footbridge.cluster.Nodes.WITHOUT_STORE_MILLIS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.cluster.LeaseBook.Mood;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.support.Stage;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class MembershipTest {
  private final Nodes nodes = new Nodes();
  private final Nodes.Node one = nodes.start();

  private Nodes.Node another() {
    Nodes.Node node = nodes.start();
    // Everybody has seen everybody, and may declare somebody dead.
    nodes.pass(2 * LEASE_MILLIS);
    return node;
  }

  /** Stops a node for longer than its lease; the first one declares it dead. */
  private void kill(Nodes.Node node) {
    node.stopped = true;
    nodes.pass(LEASE_MILLIS + 100);
    assertThat(Stage.get(one.membership.declareDead(node.id()))).isZero();
  }

  @Test
  void a_node_holds_as_long_as_it_renews() {
    assertThat(one.holds()).isTrue();
    nodes.pass(20 * LEASE_MILLIS);
    assertThat(one.holds()).isTrue();
    assertThat(one.former).isNull();
  }

  @Test
  void nodes_know_each_other() {
    Nodes.Node two = another();
    assertThat(one.membership.others()).extracting(Peer::id).containsExactly(two.id());
    assertThat(two.membership.alive(one.id()).address()).isEqualTo("node:0");
  }

  @Test
  void a_node_whose_lease_runs_is_not_declared_dead() {
    Nodes.Node two = another();
    assertThat(Stage.get(one.membership.declareDead(two.id()))).isBetween(1L, LEASE_MILLIS);
    two.stopped = true;
    nodes.pass(LEASE_MILLIS / 2);
    assertThat(Stage.get(one.membership.declareDead(two.id()))).isPositive();
  }

  @Test
  void a_node_that_was_stopped_beyond_its_lease_does_nothing_when_it_wakes() {
    Nodes.Node two = another();
    String before = two.id();
    kill(two);
    assertThat(one.lost).containsExactly(before);

    two.stopped = false;
    assertThat(two.holds()).isFalse();
    two.reclaimed = new CompletableFuture<>();
    nodes.pass(LEASE_MILLIS);
    assertThat(two.former).isEqualTo(before);
    assertThat(two.id()).isNotEqualTo(before);
    assertThat(two.holds()).as("while its sessions are being claimed again").isFalse();

    two.reclaimed.complete(null);
    assertThat(two.holds()).isTrue();
    assertThat(two.regained).isEqualTo(1);
  }

  @Test
  void a_node_that_was_stopped_and_that_nobody_missed_goes_on_as_before() {
    Nodes.Node two = another();
    String before = two.id();
    two.stopped = true;
    nodes.pass(LEASE_MILLIS + 200);
    two.stopped = false;
    assertThat(two.holds()).isFalse();
    nodes.pass(LEASE_MILLIS / 2);
    assertThat(two.holds()).isTrue();
    assertThat(two.id()).isEqualTo(before);
    assertThat(two.regained).isEqualTo(1);
  }

  @Test
  void a_node_that_nobody_asks_for_is_declared_dead_all_the_same_and_later_gone() {
    Nodes.Node two = another();
    two.stopped = true;
    nodes.pass(3 * LEASE_MILLIS);
    assertThat(nodes.book.hasDeparted(two.id())).isTrue();
    assertThat(one.lost).containsExactly(two.id());
    assertThat(one.gone).isEmpty();
    nodes.pass(GONE_MILLIS + LEASE_MILLIS);
    assertThat(one.gone).containsExactly(two.id());
  }

  @Test
  void a_node_that_leaves_is_lost_at_once() {
    Nodes.Node two = another();
    Stage.get(two.membership.leave());
    assertThat(two.holds()).isFalse();
    nodes.pass(LEASE_MILLIS / 2);
    assertThat(one.lost).containsExactly(two.id());
    assertThat(Stage.get(one.membership.declareDead(two.id()))).isZero();
  }

  @Test
  void a_node_that_drains_is_known_to_all_before_it_begins() {
    Nodes.Node two = another();
    CompletableFuture<?> known = two.membership.drain().toCompletableFuture();
    assertThat(known).isNotDone();
    while (!known.isDone()) {
      nodes.pass(50);
    }
    assertThat(one.membership.alive(two.id()).draining()).isTrue();
  }

  @Test
  void without_the_store_nodes_that_promise_each_other_go_on() {
    Nodes.Node two = another();
    for (Mood mood : new Mood[] {Mood.REFUSES, Mood.HANGS}) {
      nodes.book.mood(mood);
      nodes.pass(10 * LEASE_MILLIS);
      assertThat(one.holds()).isTrue();
      assertThat(two.holds()).isTrue();
      nodes.book.mood(Mood.ANSWERS);
      nodes.pass(LEASE_MILLIS);
    }
    assertThat(one.former).isNull();
    assertThat(two.former).isNull();
  }

  @Test
  void without_the_store_a_node_that_cannot_ask_all_others_lapses_and_comes_back() {
    Nodes.Node two = another();
    nodes.cut(one, two, true);
    nodes.book.mood(Mood.REFUSES);
    nodes.pass(2 * LEASE_MILLIS);
    assertThat(one.holds()).isFalse();
    assertThat(two.holds()).isFalse();
    nodes.book.mood(Mood.ANSWERS);
    nodes.pass(LEASE_MILLIS / 2);
    assertThat(one.holds()).isTrue();
    assertThat(two.holds()).isTrue();
    assertThat(one.former).isNull();
  }

  @Test
  void without_the_store_a_node_that_is_alone_goes_on() {
    nodes.book.mood(Mood.REFUSES);
    nodes.pass(10 * LEASE_MILLIS);
    assertThat(one.holds()).isTrue();
  }

  @Test
  void without_the_store_nobody_goes_on_for_ever() {
    Nodes.Node two = another();
    nodes.book.mood(Mood.REFUSES);
    nodes.pass(WITHOUT_STORE_MILLIS + LEASE_MILLIS);
    assertThat(one.holds()).isFalse();
    assertThat(two.holds()).isFalse();
    nodes.book.mood(Mood.ANSWERS);
    nodes.pass(LEASE_MILLIS / 2);
    assertThat(one.holds()).isTrue();
    assertThat(two.holds()).isTrue();
  }

  @Test
  void one_that_came_later_waits_until_those_who_do_not_know_it_cannot_go_on_any_more() {
    Nodes.Node two = another();
    one.cutOff = true;
    two.cutOff = true;
    nodes.pass(100);
    Nodes.Node late = nodes.start();
    nodes.cut(one, late, true);
    nodes.cut(two, late, true);
    for (int passed = 0; passed < WITHOUT_STORE_MILLIS + LEASE_MILLIS; passed += 1000) {
      assertThat(one.holds() && Stage.get(late.membership.declareDead(one.id())) == 0).isFalse();
      nodes.pass(1000);
    }
    assertThat(Stage.get(late.membership.declareDead(one.id()))).isZero();
    assertThat(late.holds()).isTrue();
  }

  @Test
  void one_that_came_later_does_not_wait_for_a_process_that_has_ended() {
    one.killed = true;
    Nodes.Node next = nodes.start();
    nodes.pass(LEASE_MILLIS + 100);
    assertThat(Stage.get(next.membership.declareDead(one.id()))).isZero();
  }

  @Test
  void one_that_has_just_started_declares_nobody_dead() {
    one.stopped = true;
    nodes.pass(3 * LEASE_MILLIS);
    nodes.start();
    assertThat(nodes.book.hasDeparted(one.id())).isFalse();
    one.killed = true;
    nodes.start();
    assertThat(nodes.book.hasDeparted(one.id())).isFalse();
  }

  @Test
  void a_node_that_was_stopped_is_not_promised_anything_for_the_time_it_slept() {
    Nodes.Node two = another();
    two.stopped = true;
    nodes.book.mood(Mood.REFUSES);
    nodes.pass(2 * LEASE_MILLIS);
    two.stopped = false;
    nodes.pass(LEASE_MILLIS / 4);
    assertThat(two.holds()).isFalse();
  }

  @Test
  void who_was_promised_something_is_not_declared_dead() {
    Nodes.Node two = another();
    two.stopped = true;
    nodes.pass(LEASE_MILLIS + 100);
    assertThat(one.membership.promise(two.id(), LEASE_MILLIS)).isTrue();
    assertThat(Stage.get(one.membership.declareDead(two.id()))).isPositive();
    nodes.pass(LEASE_MILLIS + 50);
    assertThat(Stage.get(one.membership.declareDead(two.id()))).isZero();
    assertThat(one.membership.promise(two.id(), LEASE_MILLIS)).isFalse();
  }

  @Test
  void when_the_store_is_back_nobody_is_declared_dead_before_all_could_renew() {
    Nodes.Node two = another();
    nodes.book.mood(Mood.REFUSES);
    nodes.pass(3 * LEASE_MILLIS);
    two.stopped = true;
    nodes.book.mood(Mood.ANSWERS);
    nodes.pass(LEASE_MILLIS / 2);
    assertThat(Stage.get(one.membership.declareDead(two.id()))).isPositive();
    assertThat(nodes.book.hasDeparted(two.id())).isFalse();
  }

  @Test
  void a_store_that_has_lost_its_data_is_noticed() {
    Nodes.Node two = another();
    nodes.book.lose();
    nodes.pass(LEASE_MILLIS);
    assertThat(one.forgotten).isEqualTo(1);
    assertThat(two.forgotten).isEqualTo(1);
    assertThat(one.holds()).isTrue();
  }

  @Test
  void a_node_that_wakes_to_a_store_that_has_lost_its_data_may_have_been_declared_dead() {
    Nodes.Node two = another();
    String before = two.id();
    kill(two);
    nodes.book.lose();
    two.stopped = false;
    nodes.pass(LEASE_MILLIS);
    assertThat(two.former).isEqualTo(before);
    assertThat(two.id()).isNotEqualTo(before);
    assertThat(two.holds()).isTrue();
  }

  @Test
  void a_store_that_has_forgotten_only_a_death_is_noticed_by_who_declared_it() {
    Nodes.Node two = another();
    kill(two);
    nodes.book.forgetDeath(two.id());
    two.stopped = false;
    nodes.pass(LEASE_MILLIS);
    assertThat(two.former).isNull();
    assertThat(one.forgotten).as("what it took over from the other is written again").isEqualTo(1);
    nodes.pass(4 * LEASE_MILLIS);
    assertThat(one.forgotten).isEqualTo(1);
  }
}
