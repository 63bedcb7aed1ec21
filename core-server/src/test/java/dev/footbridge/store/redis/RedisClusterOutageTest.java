package dev.footbridge.store.redis;

import dev.footbridge.support.RedisCluster;
import dev.footbridge.support.RedisServer;
import dev.footbridge.wire.ProtocolException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What followers see while a part of a Redis Cluster is away. */
class RedisClusterOutageTest {
  private RedisCluster redis;

  @BeforeEach
  void start() {
    redis = new RedisCluster();
  }

  @AfterEach
  void stop() {
    redis.close();
  }

  @Test
  void all_comes_though_the_master_of_a_channel_is_killed_and_started_again()
      throws ProtocolException {
    try (Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      RedisServer master = redis.masterOf("{a}");
      master.kill();
      master.start();
      traffic.more(30);
      redis.awaitWhole();
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_while_a_master_is_away_that_has_to_do_with_hearing_only()
      throws ProtocolException {
    // Whichever of them the connections have chosen, one after the other is away.
    String channel = "a";
    RedisServer kept = redis.masterOf("{" + channel + "}");
    try (Traffic traffic = new Traffic(redis, channel)) {
      for (RedisServer other :
          redis.primaries().stream().filter(master -> master != kept).toList()) {
        traffic.more(30);
        other.kill();
        traffic.more(300);
        traffic.rest();
        other.start();
        redis.awaitWhole();
        traffic.goOn();
      }
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_the_connections_for_what_is_published_are_cut() throws ProtocolException {
    try (Traffic traffic = new Traffic(redis, "a")) {
      for (int i = 0; i < 5; i++) {
        traffic.more(30);
        redis.primaries().forEach(master -> master.tell("CLIENT", "KILL", "TYPE", "pubsub"));
      }
      traffic.more(30);
      traffic.assertWhole();
    }
  }
}
