package dev.footbridge.store.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.io.Stages;
import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.support.RedisServer;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What followers see while a single Redis is away, in all the ways that it can be. */
class RedisOutageTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @Test
  void all_comes_though_the_connection_for_what_is_published_is_cut() throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        Traffic traffic = new Traffic(redis, "a")) {
      for (int i = 0; i < 5; i++) {
        traffic.more(30);
        redis.tell("CLIENT", "KILL", "TYPE", "pubsub");
      }
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_all_connections_are_cut() throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        Traffic traffic = new Traffic(redis, "a")) {
      for (int i = 0; i < 5; i++) {
        traffic.more(30);
        redis.tell("CLIENT", "KILL", "TYPE", "pubsub");
        redis.tell("CLIENT", "KILL", "TYPE", "normal");
      }
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_redis_stands_still_for_seconds() throws Exception {
    try (RedisServer redis = RedisServer.with();
        Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      redis.pause();
      Thread.sleep(3000);
      redis.resume();
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_clients_are_paused() throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      redis.tell("CLIENT", "PAUSE", "3000", "ALL");
      traffic.more(30);
      redis.tell("CLIENT", "PAUSE", "500", "WRITE");
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void all_comes_though_redis_is_started_again_with_its_data() throws ProtocolException {
    try (RedisServer redis = RedisServer.with("--appendonly", "yes");
        Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      redis.stop();
      redis.start();
      traffic.more(30);
      redis.kill();
      redis.start();
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  @Test
  void what_is_missing_is_told_when_redis_has_lost_its_data() throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      redis.stop();
      redis.start();
      traffic.assertGap();
    }
  }

  @Test
  void all_comes_though_the_primary_was_a_replica_for_a_while() throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        RedisServer other = RedisServer.with("--replicaof", "127.0.0.1 " + redis.port());
        Traffic traffic = new Traffic(redis, "a")) {
      traffic.more(30);
      traffic.rest();
      await().until(() -> redis.tell("WAIT", "1", "1000").equals("1"));
      String before = Long.toString(newestClient(redis));
      other.tell("REPLICAOF", "NO", "ONE");
      redis.tell("REPLICAOF", "127.0.0.1", Integer.toString(other.port()));
      await().until(() -> redis.tell("INFO", "replication").contains("master_link_status:up"));
      traffic.goOn();
      // It refuses what is written, and does not end a connection; that is made anew all the same.
      await()
          .atMost(PATIENCE)
          .until(() -> clients(redis).stream().anyMatch(id -> id > Long.parseLong(before)));
      redis.tell("REPLICAOF", "NO", "ONE");
      traffic.more(30);
      traffic.assertWhole();
    }
  }

  /**
   * Several threads, each command begun while something is held that its failure needs too, and
   * another command begun at once in answer to a failure.
   */
  @Test
  void commands_may_be_begun_in_answer_to_failures_while_connections_are_cut() throws Exception {
    Object held = new Object();
    AtomicBoolean over = new AtomicBoolean();
    AtomicLong failures = new AtomicLong();
    try (RedisServer redis = RedisServer.with();
        RedisConnections connections = RedisExtension.connect(redis)) {
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        Runnable work =
            () -> {
              while (!over.get()) {
                begin(connections, held, failures, 3);
                Thread.onSpinWait();
              }
            };
        Thread thread = new Thread(work, "worker-" + i);
        thread.setDaemon(true);
        thread.start();
        threads.add(thread);
      }
      for (int i = 0; i < 300; i++) {
        redis.tell("CLIENT", "KILL", "TYPE", "normal");
      }
      over.set(true);
      for (Thread thread : threads) {
        thread.join(PATIENCE.toMillis());
        assertThat(thread.isAlive()).isFalse();
      }
      assertThat(failures).hasPositiveValue();
      await().untilAsserted(() -> Stage.get(connections.check()));
    }
  }

  private static void begin(
      RedisConnections connections, Object held, AtomicLong failures, int more) {
    synchronized (held) {
      Stages.on(
          connections.command(redis -> redis.incr("n")),
          done -> begin(connections, held, failures, 0),
          failure -> {
            failures.incrementAndGet();
            if (more > 0) {
              begin(connections, held, failures, more - 1);
            }
          });
    }
  }

  private static List<Long> clients(RedisServer redis) {
    return redis
        .tell("CLIENT", "LIST")
        .lines()
        .filter(client -> client.contains("name=footbridge"))
        .map(client -> Long.parseLong(client.substring("id=".length(), client.indexOf(' '))))
        .toList();
  }

  private static long newestClient(RedisServer redis) {
    return clients(redis).stream().mapToLong(Long::longValue).max().orElseThrow();
  }

  /** Keeps whether something may have been lost each time it is told how things stand. */
  private static final class Losses implements PresenceStore.Follower {
    final List<Boolean> lost = new CopyOnWriteArrayList<>();
    final List<Integer> members = new CopyOnWriteArrayList<>();

    @Override
    public void reset(List<Member> all, boolean mayBeLost) {
      members.add(all.size());
      lost.add(mayBeLost);
    }

    @Override
    public void changed(List<Member> joined, List<String> left) {}
  }

  @Test
  void who_follows_a_roster_is_told_that_it_may_be_lost() throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        RedisConnections connections = RedisExtension.connect(redis)) {
      PresenceStore store =
          new RedisPresenceStore(connections, "test", node -> false, RedisKind.timer());
      byte[] member = "{\"member\":\"1\"}".getBytes(StandardCharsets.UTF_8);
      Stage.get(store.change("a", List.of(new Member("1", "ann", "n", member)), List.of()));
      Losses losses = new Losses();
      Stage.get(store.follow("a", losses));
      redis.stop();
      redis.start();
      await().atMost(PATIENCE).until(() -> losses.lost.contains(true));
      assertThat(losses.members).startsWith(1).endsWith(0);
    }
  }

  private static Member member(String id) {
    return new Member(id, "ann", "n", "{}".getBytes(StandardCharsets.UTF_8));
  }

  private static List<String> present(PresenceStore store) {
    return Stage.get(store.read("a", 10)).members().stream().map(Member::id).toList();
  }

  @Test
  void whoever_left_stays_away_though_redis_has_lost_that() throws ProtocolException {
    try (RedisServer redis = RedisServer.with();
        RedisConnections connections = RedisExtension.connect(redis);
        RedisConnections spoiler = RedisExtension.connect(redis)) {
      PresenceStore store =
          new RedisPresenceStore(connections, "test", node -> false, RedisKind.timer());
      Stage.get(store.change("a", List.of(member("1"), member("2"), member("3")), List.of()));
      Stage.get(store.change("a", List.of(), List.of(member("1"), member("2"))));
      Stage.get(store.change("a", List.of(member("2")), List.of()));

      // As a replica has it that became the primary before it had heard.
      Stage.get(
          new RedisPresenceStore(spoiler, "test", node -> false, RedisKind.timer())
              .change("a", List.of(member("1")), List.of()));
      assertThat(present(store)).containsExactlyInAnyOrder("1", "2", "3");
      redis.tell("CLIENT", "KILL", "TYPE", "normal");
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .untilAsserted(() -> assertThat(present(store)).containsExactlyInAnyOrder("2", "3"));
    }
  }
}
