package dev.footbridge.store.redis;

import dev.footbridge.support.RedisSentinels;
import dev.footbridge.support.RedisServer;
import dev.footbridge.wire.ProtocolException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What followers see when another server takes the primary's place. */
class RedisSentinelOutageTest {
  private RedisSentinels redis;

  @BeforeEach
  void start() {
    redis = new RedisSentinels(Duration.ofSeconds(1));
  }

  @AfterEach
  void stop() {
    redis.close();
  }

  @Test
  void all_comes_though_the_primary_is_killed() throws ProtocolException {
    try (Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      traffic.rest();
      redis.replicate();
      redis.primary().kill();
      traffic.goOn();
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_the_primary_stands_still_and_later_comes_back_as_a_replica()
      throws ProtocolException {
    try (Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      traffic.rest();
      redis.replicate();
      RedisServer primary = redis.primary();
      primary.pause();
      try {
        traffic.goOn();
        traffic.more(30);
        // Both nodes are with the new primary now; the old one has yet to learn that it is none.
        traffic.rest();
      } finally {
        primary.resume();
      }
      traffic.goOn();
      redis.heal();
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_the_primary_changes_in_good_order() throws ProtocolException {
    try (Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      traffic.rest();
      redis.replicate();
      redis.failOver();
      traffic.goOn();
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_the_first_sentinel_stands_still_when_the_primary_is_killed()
      throws ProtocolException {
    try (Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      traffic.rest();
      redis.replicate();
      RedisServer primary = redis.primary();
      redis.firstSentinel().pause();
      try {
        primary.kill();
        traffic.goOn();
        traffic.more(30);
        traffic.assertWhole();
      } finally {
        redis.firstSentinel().resume();
      }
    }
  }

  @Test
  void what_the_new_primary_never_got_is_told_to_be_missing() throws ProtocolException {
    try (Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      traffic.rest();
      redis.replicate();
      RedisServer primary = redis.primary();
      RedisServer replica = redis.replica();
      replica.pause();
      primary.tell("CLIENT", "KILL", "TYPE", "replica");
      traffic.goOn();
      traffic.more(30);
      traffic.rest();
      primary.kill();
      replica.resume();
      traffic.goOn();
      traffic.more(60);
      traffic.assertGap();
    }
  }
}
