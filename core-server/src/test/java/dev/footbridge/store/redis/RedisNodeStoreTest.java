package dev.footbridge.store.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.NodeStore;
import dev.footbridge.store.NodeStore.Departed;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.support.Stage;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class RedisNodeStoreTest {
  @Parameter RedisKind redis;

  private static final long LONG = 60_000;

  private NodeStore store;

  @BeforeEach
  void anEmptyStore() {
    store = new RedisNodeStore(redis.connections(), RedisKind.newPrefix(), LONG);
  }

  @Test
  void nodes_that_renew_know_each_other() {
    assertThat(Stage.get(store.renew("one", "10.0.0.1:9000", false, LONG, List.of())).known())
        .isFalse();
    NodeStore.Renewal renewal = Stage.get(store.renew("two", "[::1]:9000", true, LONG, List.of()));
    assertThat(renewal.renewed()).isTrue();
    assertThat(renewal.peers())
        .extracting(Peer::id, Peer::address, Peer::draining)
        .containsExactlyInAnyOrder(
            org.assertj.core.groups.Tuple.tuple("one", "10.0.0.1:9000", false),
            org.assertj.core.groups.Tuple.tuple("two", "[::1]:9000", true));
    assertThat(renewal.peers()).allMatch(peer -> peer.leaseMillis() > LONG / 2);
    assertThat(Stage.get(store.renew("one", "10.0.0.1:9000", false, LONG, List.of())).known())
        .isTrue();
  }

  @Test
  void nobody_is_declared_dead_whose_lease_runs() {
    Stage.get(store.renew("one", "a:1", false, LONG, List.of()));
    assertThat(Stage.get(store.declareDead("one", "two", 0))).isBetween(LONG / 2, LONG);
    assertThat(Stage.get(store.renew("one", "a:1", false, LONG, List.of())).renewed()).isTrue();
  }

  @Test
  void one_that_was_declared_dead_never_renews() {
    Stage.get(store.renew("one", "a:1", false, 1, List.of()));
    await().until(() -> Stage.get(store.declareDead("one", "two", 0)) == 0);
    NodeStore.Renewal renewal = Stage.get(store.renew("one", "a:1", false, LONG, List.of()));
    assertThat(renewal.renewed()).isFalse();
    assertThat(renewal.peers()).isEmpty();
    assertThat(renewal.departed()).extracting(Departed::id).containsExactly("one");
    assertThat(Stage.get(store.declareDead("one", "two", 0))).isZero();
  }

  @Test
  void a_lease_lasts_longer_for_those_whom_its_node_does_not_know() {
    Stage.get(store.renew("one", "a:1", false, 1, List.of("two", "three")));
    assertThat(Stage.get(store.declareDead("one", "four", LONG))).isBetween(LONG / 2, LONG + 1);
    assertThat(Stage.get(store.declareDead("one", "wo,three", LONG))).isPositive();
    await().until(() -> Stage.get(store.declareDead("one", "three", LONG)) == 0);
  }

  @Test
  void nobody_is_declared_dead_by_the_dead() {
    Stage.get(store.renew("one", "a:1", false, 1, List.of("two")));
    Stage.get(store.leave("two"));
    await().during(java.time.Duration.ofMillis(20)).until(() -> true);
    assertThat(Stage.get(store.declareDead("one", "two", 0))).isPositive();
    await().until(() -> Stage.get(store.declareDead("one", "three", 0)) == 0);
  }

  @Test
  void one_that_leaves_has_departed_at_once() {
    Stage.get(store.renew("one", "a:1", false, LONG, List.of()));
    Stage.get(store.leave("one"));
    assertThat(Stage.get(store.renew("two", "b:1", false, LONG, List.of())).departed())
        .extracting(Departed::id)
        .containsExactly("one");
  }

  @Test
  void all_get_the_secret_of_the_first() {
    assertThat(Stage.get(store.secret("mine"))).isEqualTo("mine");
    assertThat(Stage.get(store.secret("yours"))).isEqualTo("mine");
  }
}
