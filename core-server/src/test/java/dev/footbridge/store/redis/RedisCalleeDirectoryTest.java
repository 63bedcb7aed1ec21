package dev.footbridge.store.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.CalleeDirectory;
import dev.footbridge.support.RedisServer;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.ProtocolException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class RedisCalleeDirectoryTest {
  @Parameter RedisKind redis;

  private final Set<String> dead = ConcurrentHashMap.newKeySet();
  private final Set<String> gone = ConcurrentHashMap.newKeySet();
  private volatile String nameOfOne = "one";
  private String prefix;
  private RedisConnections other;
  private RedisCalleeDirectory one;
  private RedisCalleeDirectory two;

  @BeforeEach
  void twoNodes() throws ProtocolException {
    prefix = RedisKind.newPrefix();
    other = redis.connect();
    one = one(redis.connections());
    two = two(other);
  }

  @AfterEach
  void disconnect() {
    other.close();
  }

  private RedisCalleeDirectory one(RedisConnections connections) {
    return new RedisCalleeDirectory(
        connections,
        prefix,
        () -> nameOfOne,
        node -> !dead.contains(node),
        gone::contains,
        RedisKind.timer());
  }

  private RedisCalleeDirectory two(RedisConnections connections) {
    return new RedisCalleeDirectory(
        connections,
        prefix,
        () -> "two",
        node -> !dead.contains(node),
        gone::contains,
        RedisKind.timer());
  }

  private static Map<String, Integer> exact(CalleeDirectory directory) {
    return Stage.get(directory.elsewhere("sum", true));
  }

  private static Map<String, Integer> known(CalleeDirectory directory) {
    return Stage.get(directory.elsewhere("sum", false));
  }

  @Test
  void what_one_node_announces_another_finds() {
    Stage.get(one.announce("sum", 3));
    Stage.get(one.announce("product", 1));
    assertThat(exact(two)).containsExactly(Map.entry("one", 3));
    assertThat(Stage.get(two.elsewhere("product", true))).containsExactly(Map.entry("one", 1));
    assertThat(Stage.get(two.elsewhere("difference", true))).isEmpty();
  }

  @Test
  void a_node_does_not_find_itself() {
    Stage.get(one.announce("sum", 3));
    Stage.get(two.announce("sum", 2));
    assertThat(exact(one)).containsExactly(Map.entry("two", 2));
    assertThat(exact(two)).containsExactly(Map.entry("one", 3));
  }

  @Test
  void one_that_has_none_any_more_is_out() {
    Stage.get(one.announce("sum", 3));
    Stage.get(one.announce("sum", 0));
    assertThat(exact(two)).isEmpty();
    Stage.get(one.announce("sum", 1));
    assertThat(exact(two)).containsExactly(Map.entry("one", 1));
  }

  @Test
  void what_is_remembered_is_dropped_when_it_changes() {
    assertThat(exact(two)).isEmpty();
    Stage.get(one.announce("sum", 3));
    await().until(() -> known(two).equals(Map.of("one", 3)));
    Stage.get(one.announce("sum", 4));
    await().until(() -> known(two).equals(Map.of("one", 4)));
    Stage.get(one.announce("sum", 0));
    await().until(() -> known(two).isEmpty());
  }

  @Test
  void what_is_remembered_is_not_asked_for_again() {
    Stage.get(one.announce("sum", 3));
    // Until it hears of changes it remembers nothing.
    await().until(() -> two.elsewhere("sum", false).toCompletableFuture().isDone());
    assertThat(known(two)).containsExactly(Map.entry("one", 3));
    // Behind its back, so that nothing is published.
    redis.deployment().primaries().forEach(this::deleteKeys);
    assertThat(known(two)).containsExactly(Map.entry("one", 3));
    assertThat(exact(two)).isEmpty();
  }

  private void deleteKeys(RedisServer server) {
    server
        .tell("KEYS", prefix + ":*")
        .lines()
        .filter(key -> !key.isEmpty())
        .forEach(key -> server.tell("DEL", key));
  }

  @Test
  void nodes_that_are_dead_are_left_out_while_they_are() {
    Stage.get(one.announce("sum", 3));
    assertThat(exact(two)).hasSize(1);
    dead.add("one");
    assertThat(known(two)).isEmpty();
    assertThat(exact(two)).isEmpty();
    dead.remove("one");
    assertThat(exact(two)).containsExactly(Map.entry("one", 3));
  }

  @Test
  void nodes_that_are_gone_are_taken_out_for_all() {
    Stage.get(one.announce("sum", 3));
    gone.add("one");
    assertThat(exact(two)).isEmpty();
    gone.remove("one");
    await().until(() -> exact(two).isEmpty());
  }

  @Test
  void a_node_with_another_name_is_not_there_under_its_old_one() {
    Stage.get(one.announce("sum", 3));
    nameOfOne = "reborn";
    Stage.get(one.announce("sum", 2));
    await().until(() -> exact(two).equals(Map.of("reborn", 2)));
    nameOfOne = "reborn again";
    Stage.get(one.announce("sum", 0));
    await().until(() -> exact(two).isEmpty());
  }

  @Test
  void what_redis_has_lost_is_announced_again_in_time() {
    Stage.get(one.announce("sum", 3));
    Stage.get(one.announce("product", 1));
    redis.tell("FLUSHALL");
    assertThat(exact(two)).isEmpty();
    for (int i = 0; i < 10; i++) {
      one.check();
    }
    await().until(() -> exact(two).equals(Map.of("one", 3)));
    await().until(() -> Stage.get(two.elsewhere("product", true)).equals(Map.of("one", 1)));
    redis.tell("FLUSHALL");
    Stage.get(one.announce("sum", 0));
    for (int i = 0; i < 20; i++) {
      one.check();
    }
    await().until(() -> Stage.get(two.elsewhere("product", true)).equals(Map.of("one", 1)));
    assertThat(exact(two)).isEmpty();
  }

  @Test
  void what_was_remembered_is_asked_for_again_in_time() {
    Stage.get(one.announce("sum", 3));
    await().until(() -> two.elsewhere("sum", false).toCompletableFuture().isDone());
    redis.deployment().primaries().forEach(this::deleteKeys);
    for (int i = 0; i < 10; i++) {
      two.check();
    }
    assertThat(known(two)).isEmpty();
  }
}
