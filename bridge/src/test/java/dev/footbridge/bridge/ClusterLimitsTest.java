package dev.footbridge.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.Footbridge;
import dev.footbridge.config.Setting;
import dev.footbridge.support.RedisServer;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.RedisCommands;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What happens at the limits that only nodes with a shared store have. */
class ClusterLimitsTest {
  private static final String[] UPGRADE = {
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: footbridge.v1"
  };

  private final RedisServer redis = RedisServer.with();
  private final List<TestServer> all = new ArrayList<>();

  @AfterEach
  void stop() {
    all.forEach(TestServer::close);
    redis.close();
  }

  private TestServer node(UnaryOperator<Footbridge.Builder> wish) throws IOException {
    TestServer node = TestServer.start(builder -> wish.apply(builder.store(redis.url())));
    all.add(node);
    return node;
  }

  /** A node that may have one request, and one WebSocket, under way to another. */
  private TestServer narrow() throws IOException {
    return node(builder -> builder.set(Setting.CLUSTER_CONNECTIONS, 1).set(Setting.IO_THREADS, 1));
  }

  private static long millis(Runnable action) {
    long begun = System.nanoTime();
    action.run();
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
  }

  @Test
  @LimitsTest.Of(Setting.CLUSTER_LEASE_MILLIS)
  void a_lease_lasts_as_long_as_is_set_and_is_renewed() throws Exception {
    node(builder -> builder.set(Setting.CLUSTER_LEASE_MILLIS, 10_000));
    List<String> lease =
        RedisCommands.run(redis.url(), "ZRANGE", "fb:{nodes}:leases", "0", "-1", "WITHSCORES");
    assertThat(lease).hasSize(2);
    double left = Double.parseDouble(lease.get(1)) - System.currentTimeMillis();
    assertThat(left).isBetween(5000.0, 10_000.0);
  }

  @Test
  @LimitsTest.Of(Setting.CLUSTER_CONNECTIONS)
  void more_requests_to_another_node_than_are_allowed_are_refused_at_once() throws IOException {
    TestServer owner = node(builder -> builder);
    TestServer other = narrow();
    String first = owner.open();
    String second = owner.open();
    try (HttpSocket held = other.connect()) {
      held.request("GET", "/sessions/" + first + "/poll?wait=30", null);
      await()
          .untilAsserted(
              () -> {
                Answer refused = other.get("/sessions/" + second + "/poll");
                assertThat(refused.status()).isEqualTo(503);
                assertThat(refused.json().path("code").asText()).isEqualTo("unavailable");
              });
    }
    await()
        .untilAsserted(
            () -> assertThat(other.get("/sessions/" + second + "/poll").status()).isEqualTo(200));
  }

  @Test
  @LimitsTest.Of(Setting.CLUSTER_CONNECTIONS)
  void who_speaks_of_another_protocol_is_counted_like_everybody_else() throws IOException {
    TestServer owner = node(builder -> builder);
    TestServer other = narrow();
    String first = owner.open();
    String second = owner.open();
    try (HttpSocket held = other.connect()) {
      held.request(
          "GET",
          "/sessions/" + first + "/poll?wait=30",
          null,
          "Connection: Upgrade",
          "Upgrade: websocket");
      await()
          .untilAsserted(
              () ->
                  assertThat(
                          other
                              .get(
                                  "/sessions/" + second + "/poll",
                                  "Connection: Upgrade",
                                  "Upgrade: nonsense")
                              .status())
                      .isEqualTo(503));
    }
  }

  @Test
  @LimitsTest.Of(Setting.CLUSTER_CONNECTIONS)
  void more_webSockets_to_another_node_than_are_allowed_are_refused_at_once() throws IOException {
    TestServer owner = node(builder -> builder);
    TestServer other = narrow();
    String id = owner.open();
    for (int i = 0; i < 5; i++) {
      // What is no WebSocket after all does not stay.
      await()
          .untilAsserted(
              () ->
                  assertThat(
                          other
                              .get("/ws?session=" + id, "Connection: Upgrade", "Upgrade: websocket")
                              .status())
                      .isEqualTo(426));
    }
    await()
        .untilAsserted(
            () -> {
              try (HttpSocket socket = other.connect()) {
                socket.request("GET", "/ws?session=" + id, null, UPGRADE);
                assertThat(socket.head().status()).isEqualTo(101);
                assertThat(other.get("/ws?session=" + id, UPGRADE).status()).isEqualTo(503);
              }
            });
    await()
        .untilAsserted(
            () -> {
              try (HttpSocket socket = other.connect()) {
                socket.request("GET", "/ws?session=" + id, null, UPGRADE);
                assertThat(socket.head().status()).isEqualTo(101);
              }
            });
  }

  @Test
  @LimitsTest.Of(Setting.CLUSTER_CONNECTIONS)
  void what_only_looks_like_a_webSocket_is_not_counted_as_one() throws IOException {
    TestServer owner = node(builder -> builder);
    TestServer other = narrow();
    String id = owner.open();
    try (HttpSocket socket = other.connect()) {
      socket.request("GET", "/ws?session=" + id, null, UPGRADE);
      assertThat(socket.head().status()).isEqualTo(101);
      assertThat(
              other.get("/ws?session=" + id, "Connection: Upgrade", "Upgrade: nonsense").status())
          .isEqualTo(426);
    }
  }

  @Test
  @LimitsTest.Of(Setting.CLUSTER_WITHOUT_STORE_SECONDS)
  void without_the_store_a_node_serves_on_for_as_long_as_is_set() throws IOException {
    UnaryOperator<Footbridge.Builder> echo =
        builder -> builder.set(Setting.CLUSTER_LEASE_MILLIS, 1000).endpoint(Echo.PATH, new Echo());
    TestServer strict =
        node(builder -> echo.apply(builder).set(Setting.CLUSTER_WITHOUT_STORE_SECONDS, 0));
    TestServer lasting = node(echo);
    try (SessionClient paused = SessionClient.open(strict, Transport.WEBSOCKET, Echo.PATH);
        SessionClient served = SessionClient.open(lasting, Transport.WEBSOCKET, Echo.PATH)) {
      RedisCommands.run(redis.url(), "CLIENT", "PAUSE", "4000", "ALL");
      int sent = 0;
      for (long begun = System.nanoTime();
          System.nanoTime() - begun < TimeUnit.MILLISECONDS.toNanos(2500); ) {
        served.text("still there?");
        served.awaitReceived(++sent);
      }
      paused.text("still there?");
      await().during(Duration.ofMillis(500)).until(() -> paused.received().isEmpty());
      paused.awaitReceived(1);
    }
  }

  @Test
  @LimitsTest.Of(Setting.DRAIN_SECONDS)
  void sessions_are_given_away_over_the_time_that_is_set() throws IOException {
    TestServer leaving = node(builder -> builder.set(Setting.DRAIN_SECONDS, 2));
    node(builder -> builder);
    List<SessionClient> clients = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      clients.add(SessionClient.open(leaving, Transport.SSE));
    }
    CompletableFuture<Void> closed = CompletableFuture.runAsync(leaving::close);
    await().until(() -> clients.stream().anyMatch(client -> client.connection().isOver()));
    long pace =
        millis(
            () ->
                await()
                    .atMost(Duration.ofSeconds(20))
                    .until(
                        () -> clients.stream().allMatch(client -> client.connection().isOver())));
    assertThat(pace).isGreaterThan(500);
    closed.join();
  }

  @Test
  @LimitsTest.Of(Setting.DRAIN_SECONDS)
  void with_nobody_to_give_them_to_it_takes_no_time() throws IOException {
    TestServer alone = node(builder -> builder.set(Setting.DRAIN_SECONDS, 60));
    alone.open();
    assertThat(millis(alone::close)).isLessThan(20_000);
  }

  @Test
  @LimitsTest.Of(Setting.STORE_REDIS_TIMEOUT_MILLIS)
  void a_store_that_does_not_answer_is_given_up_in_time() throws IOException {
    TestServer node = node(builder -> builder.set(Setting.STORE_REDIS_TIMEOUT_MILLIS, 300));
    TestServer patient = node(builder -> builder.set(Setting.STORE_REDIS_TIMEOUT_MILLIS, 4000));
    RedisCommands.run(redis.url(), "CLIENT", "PAUSE", "3000", "ALL");
    CompletableFuture<Answer> later = CompletableFuture.supplyAsync(() -> publish(patient));
    Answer refused = publish(node);
    assertThat(refused.status()).isEqualTo(503);
    assertThat(later).isNotDone();
    assertThat(later.join().status()).isEqualTo(200);
  }

  private static Answer publish(TestServer node) {
    try {
      return node.post("/channels/news", "1");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  @LimitsTest.Of(Setting.STORE_REDIS_QUEUE)
  void only_so_many_commands_wait_for_a_store_that_does_not_answer() throws Exception {
    TestServer node =
        node(
            builder ->
                builder
                    .set(Setting.STORE_REDIS_QUEUE, 100)
                    .set(Setting.STORE_REDIS_TIMEOUT_MILLIS, 5000));
    RedisCommands.run(redis.url(), "CLIENT", "PAUSE", "3000", "ALL");
    List<CompletableFuture<?>> published = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      published.add(node.footbridge().publish("news", i).toCompletableFuture());
    }
    assertThat(published)
        .filteredOn(each -> each.isCompletedExceptionally())
        .hasSizeBetween(190, 220);
    assertThat(published).filteredOn(each -> !each.isDone()).hasSizeBetween(80, 110);
    published.get(0).get(10, TimeUnit.SECONDS);
  }
}
