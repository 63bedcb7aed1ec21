package dev.footbridge.store.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.CalleeDirectory;
import dev.footbridge.support.RedisServer;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.ProtocolException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The directory of callees while Redis is away. */
class RedisCalleeDirectoryOutageTest {
  private static RedisCalleeDirectory node(String name, RedisConnections connections) {
    return new RedisCalleeDirectory(
        connections, "test", () -> name, node -> true, node -> false, RedisKind.timer());
  }

  private static boolean finds(CalleeDirectory directory, Map<String, Integer> nodes) {
    try {
      return directory.elsewhere("sum", true).toCompletableFuture().join().equals(nodes);
    } catch (java.util.concurrent.CompletionException stillAway) {
      return false;
    }
  }

  @Test
  void all_that_was_announced_is_there_after_redis_was_away_and_has_lost_it()
      throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        RedisConnections first = RedisExtension.connect(redis);
        RedisConnections second = RedisExtension.connect(redis)) {
      CalleeDirectory one = node("one", first);
      CalleeDirectory two = node("two", second);
      Stage.get(one.announce("sum", 1));
      Stage.get(one.announce("product", 5));

      redis.kill();
      assertThat(Stage.refusal(one.announce("sum", 3)).code()).isEqualTo("unavailable");
      assertThat(Stage.refusal(two.elsewhere("sum", true)).code()).isEqualTo("unavailable");
      assertThat(Stage.refusal(two.elsewhere("quotient", false)).code()).isEqualTo("unavailable");

      redis.start();
      await().atMost(Duration.ofSeconds(20)).until(() -> finds(two, Map.of("one", 3)));
      await()
          .atMost(Duration.ofSeconds(20))
          .until(() -> Stage.get(two.elsewhere("product", false)).equals(Map.of("one", 5)));
    }
  }
}
