package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Problems.assertRefused;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import dev.footbridge.Footbridge;
import dev.footbridge.auth.Identity;
import dev.footbridge.config.ConfigException;
import dev.footbridge.config.Setting;
import dev.footbridge.support.RedisServer;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.FrameSocket;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.RedisCommands;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TcpRelay;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Nodes that share a Redis: what is on one of them is on all. */
class SeveralNodesTest {
  private final RedisServer redis = RedisServer.with();
  private final List<TestServer> all = new ArrayList<>();
  private TestServer one;
  private TestServer other;

  @BeforeEach
  void start() throws IOException {
    one = node(builder -> builder);
    other = node(builder -> builder);
  }

  @AfterEach
  void stop() {
    all.forEach(TestServer::close);
    redis.close();
  }

  private TestServer node(UnaryOperator<Footbridge.Builder> wish) throws IOException {
    TestServer node =
        TestServer.start(
            builder ->
                wish.apply(
                    builder
                        .store(redis.url())
                        .set(Setting.CLUSTER_LEASE_MILLIS, 1000)
                        .set(Setting.DRAIN_SECONDS, 1)));
    all.add(node);
    return node;
  }

  private static String publish(int number) {
    return "{\"op\":\"publish\",\"id\":%d,\"channel\":\"news\",\"key\":\"k%d\",\"data\":%d}"
        .formatted(number, number, number);
  }

  private static List<Integer> offsets(SessionClient client) {
    return client.received().stream()
        .filter(value -> value.path("op").asText().equals("message"))
        .map(value -> value.path("offset").asInt())
        .toList();
  }

  // ---- channels, presence, procedures ----

  @Test
  void what_is_published_on_one_node_is_heard_on_the_other_and_counts_once() throws IOException {
    try (SessionClient client = SessionClient.open(other, Transport.WEBSOCKET)) {
      client.command("{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"news\"}");
      String first = one.post("/channels/news", "\"hello\"", "Idempotency-Key: k").text();
      assertThat(other.post("/channels/news", "\"hello\"", "Idempotency-Key: k").text())
          .isEqualTo(first);
      assertThat(
              client
                  .awaitValue(value -> value.path("op").asText().equals("message"))
                  .path("data")
                  .asText())
          .isEqualTo("hello");
      assertThat(one.get("/channels/news").json().path("messages")).hasSize(1);
    }
  }

  @Test
  void who_comes_on_one_node_is_seen_on_the_other() throws IOException {
    String wish = "{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"chat\",\"presence\":true}";
    try (SessionClient here = SessionClient.open(one, Transport.SSE)) {
      here.command(wish);
      try (SessionClient there = SessionClient.open(other, Transport.WEBSOCKET)) {
        there.command(wish);
        here.awaitValue(value -> value.path("joined").size() == 1);
        // Each node hears of it in its own time.
        AtomicInteger id = new AtomicInteger();
        await()
            .untilAsserted(
                () ->
                    assertThat(
                            there
                                .command(
                                    "{\"op\":\"presence\",\"id\":%d,\"channel\":\"chat\"}"
                                        .formatted(id.incrementAndGet()))
                                .path("data")
                                .path("count")
                                .asInt())
                        .isEqualTo(2));
      }
      here.awaitValue(value -> value.path("left").size() == 1);
    }
  }

  @Test
  void a_call_finds_its_callee_on_whatever_node() throws IOException {
    TestServer third =
        node(
            builder ->
                builder.procedure(
                    "double", call -> CompletableFuture.completedStage(2 * call.data().asInt())));
    for (TestServer node : List.of(one, other, third)) {
      assertThat(node.footbridge().call("double", 21).toCompletableFuture().join())
          .isEqualTo(IntNode.valueOf(42));
    }
    third.close();
    await()
        .untilAsserted(
            () ->
                assertThatThrownBy(
                        () -> one.footbridge().call("double", 21).toCompletableFuture().join())
                    .hasMessageContaining("Nobody has registered"));
  }

  // ---- sessions ----

  @Test
  void what_is_no_session_is_none_on_any_node() throws IOException {
    String id = one.open();
    assertThat(other.ask("DELETE", "/sessions/" + id, null).status()).isEqualTo(204);
    for (TestServer node : List.of(one, other)) {
      assertThat(node.get("/sessions/" + id + "/poll").status()).isEqualTo(410);
      assertThat(node.get("/sessions/zz.AAAAAAAAAAAAAAAAAAAAAA/poll").status()).isEqualTo(410);
      assertThat(node.get("/sessions/nonsense/poll").status()).isEqualTo(404);
    }
  }

  @Test
  void a_refusal_comes_through_another_node_as_it_is() throws IOException {
    String id = one.open();
    Answer refused = other.get("/sessions/" + id + "/poll?after=7");
    assertThat(refused.status()).isEqualTo(409);
    assertThat(refused.json().path("code").asText()).isEqualTo("gap");
    Answer malformed = other.post("/sessions/" + id + "/send", "{");
    assertThat(malformed.status()).isEqualTo(400);
    assertThat(malformed.header("Content-Type")).isEqualTo("application/problem+json");
    Answer preflight =
        other.ask("OPTIONS", "/sessions/" + id + "/poll", null, "Origin: https://a.example");
    assertThat(preflight.status()).isEqualTo(403);
  }

  @Test
  void a_wish_for_pings_reaches_the_other_node() throws IOException {
    String id = one.open();
    try (HttpSocket socket = other.connect()) {
      String target = "/sessions/" + id + "/stream?ping=1";
      InputStream body = socket.body(socket.request("GET", target, null).head());
      assertThat(HttpSocket.line(body)).contains("welcome");
      assertThat(HttpSocket.line(body)).isEqualTo("{\"op\":\"ping\"}");
    }
  }

  private static String attach(String session, String more) {
    return "{\"op\":\"attach\",\"session\":\"" + session + "\"" + more + "}";
  }

  @ParameterizedTest
  @ValueSource(strings = {"Sec-WebSocket-Protocol: footbridge.v1", "X-None: x"})
  void a_web_socket_that_waits_attaches_to_a_session_of_the_other_node(String header)
      throws IOException {
    String id = one.open();
    String ask = "{\"op\":\"history\",\"id\":%d,\"channel\":\"news\"}";
    try (FrameSocket socket = FrameSocket.openLate(other, header)) {
      // Also what follows in the same packet.
      ByteArrayOutputStream packet = new ByteArrayOutputStream();
      for (String text :
          List.of("{\"op\":\"ping\"}", attach(id, ",\"after\":0,\"turn\":2"), ask.formatted(1))) {
        packet.write(FrameSocket.encode(FrameSocket.TEXT, true, text.getBytes(UTF_8)));
      }
      socket.socket().write(packet.toByteArray());
      assertThat(socket.value().path("op").asText()).isEqualTo("pong");
      assertThat(socket.value().path("op").asText()).isEqualTo("welcome");
      assertThat(socket.await("reply").path("id").asInt()).isEqualTo(1);
      String large = "x".repeat(300_000);
      socket.text("{\"op\":\"publish\",\"id\":2,\"channel\":\"news\",\"data\":\"" + large + "\"}");
      assertThat(socket.await("reply").path("id").asInt()).isEqualTo(2);
      socket.text(ask.formatted(3));
      assertThat(socket.await("reply").toString()).contains(large);
      assertThat(one.get("/sessions/" + id + "/poll?turn=1").status()).isEqualTo(409);

      one.ask("DELETE", "/sessions/" + id, null);
      assertThat(socket.await("bye").path("code").asText()).isEqualTo("closed");
      assertThat(socket.awaitClose().closeCode()).isEqualTo(1000);
      assertThat(socket.read()).isNull();
    }
  }

  @Test
  void a_web_socket_that_waits_is_refused_through_another_node_too() throws IOException {
    String id = one.open();
    String[][] tries = {
      {attach(id, ",\"after\":7"), "gap"},
      {attach("nonsense", ""), "not_found"},
      {attach("zz.AAAAAAAAAAAAAAAAAAAAAA", ""), "session_gone"},
    };
    for (String[] wish : tries) {
      try (FrameSocket socket = FrameSocket.openLate(other)) {
        socket.text(wish[0]);
        assertRefused(socket, wish[1]);
      }
    }
  }

  @Test
  void an_end_of_a_late_web_socket_is_an_end_at_its_node_and_the_other_way() throws IOException {
    TestServer short1 = node(builder -> builder.set(Setting.SESSION_TTL_SECONDS, 1));
    String id = short1.open();
    FrameSocket socket = FrameSocket.openLate(other);
    socket.text(attach(id, ""));
    socket.await("welcome");
    socket.socket().kill();
    await().until(() -> short1.footbridge().sessions() == 0);

    String next = one.open();
    try (FrameSocket left = FrameSocket.openLate(other)) {
      left.text(attach(next, ""));
      left.await("welcome");
      Thread closing = new Thread(one::close);
      closing.start();
      assertThat(left.await("bye").path("code").asText()).isEqualTo("draining");
    }
  }

  @Test
  void a_late_web_socket_ends_when_the_node_that_it_came_to_goes_down() throws IOException {
    String id = one.open();
    try (FrameSocket socket = FrameSocket.openLate(other)) {
      socket.text(attach(id, ""));
      socket.await("welcome");
      Thread closing = new Thread(other::close);
      closing.start();
      assertThat(socket.socket().endsByServer()).isTrue();
      assertThat(one.get("/sessions/" + id + "/poll").status()).isEqualTo(200);
    }
  }

  // ---- openings that are asked for again ----

  private static String opening(String key, String more) {
    return "{\"key\":\""
        + key
        + "\",\"subscribe\":[\"news\"],\"messages\":["
        + publish(1)
        + "]"
        + more
        + "}";
  }

  private static JsonNode opened(Answer answer) {
    assertThat(answer.status()).as(answer.toString()).isEqualTo(201);
    JsonNode welcome = answer.json();
    assertThat(answer.header("Location"))
        .isEqualTo("/sessions/" + welcome.path("session").asText());
    return welcome;
  }

  private void awaitKnown(String key) {
    await()
        .untilAsserted(
            () ->
                assertThat(RedisCommands.run(redis.url(), "EXISTS", "fb:opening:" + key))
                    .containsExactly("1"));
  }

  @Test
  void an_opening_that_was_not_answered_is_asked_for_again_at_the_other_node() throws Exception {
    JsonNode first = opened(one.post("/sessions", opening("k", "")));
    awaitKnown("k");
    other.footbridge().publish("news", 2).toCompletableFuture().get(5, TimeUnit.SECONDS);
    String again = opening("k", ",\"again\":true");
    JsonNode welcome = opened(other.post("/sessions", again));
    assertThat(welcome.path("session")).isEqualTo(first.path("session"));
    assertThat(welcome.path("subscribed")).isEqualTo(first.path("subscribed"));
    assertThat(welcome.path("messages").get(0)).isEqualTo(first.path("messages").get(0));
    assertThat(welcome.path("messages").get(1)).isEqualTo(first.path("messages").get(1));
    assertThat(one.footbridge().sessions() + other.footbridge().sessions()).isEqualTo(1);
    assertThat(other.post("/sessions?status=200", again).status()).isEqualTo(200);

    try (FrameSocket socket = FrameSocket.openLate(other)) {
      String value = "{\"op\":\"open\"," + again.substring(1);
      ByteArrayOutputStream packet = new ByteArrayOutputStream();
      for (String text : List.of(value, publish(3))) {
        packet.write(FrameSocket.encode(FrameSocket.TEXT, true, text.getBytes(UTF_8)));
      }
      socket.socket().write(packet.toByteArray());
      // Nothing comes before it.
      JsonNode same = socket.value();
      assertThat(same.path("op").asText()).isEqualTo("welcome");
      assertThat(same.path("session")).isEqualTo(first.path("session"));
      assertThat(same.path("subscribed")).isEqualTo(first.path("subscribed"));
      assertThat(same.path("resumed").asBoolean()).isFalse();
      assertThat(same.path("received").asInt()).isEqualTo(1);
      assertThat(socket.await("message").path("offset").asInt()).isEqualTo(1);
      assertThat(socket.await("message").path("offset").asInt()).isEqualTo(2);
      assertThat(socket.await("message").path("offset").asInt()).isEqualTo(3);
      socket.text("{\"op\":\"ack\",\"received\":1}").text("{\"op\":\"ping\"}");
      socket.await("pong");
    }
    // Its client has it now, so whoever still asks was on its way for long: also a first request.
    for (String late : List.of(again, opening("k", ""))) {
      for (TestServer node : List.of(one, other)) {
        assertProblem(node.post("/sessions", late), 409, "superseded");
      }
      try (FrameSocket socket = FrameSocket.openLate(other)) {
        socket.text("{\"op\":\"open\"," + late.substring(1));
        assertRefused(socket, "superseded");
      }
    }
    assertThat(one.footbridge().sessions() + other.footbridge().sessions()).isEqualTo(1);
  }

  @Test
  void an_opening_that_is_known_nowhere_is_the_node_s_that_was_asked() throws Exception {
    String again = opening("k", ",\"again\":true");
    try (FrameSocket socket = FrameSocket.openLate(other)) {
      socket.text("{\"op\":\"open\"," + again.substring(1));
      JsonNode welcome = socket.value();
      assertThat(welcome.path("op").asText()).isEqualTo("welcome");
      assertThat(other.footbridge().sessions()).isEqualTo(1);
      awaitKnown("k");
      // A first request that was on its way for long is not the first.
      assertThat(opened(one.post("/sessions", opening("k", ""))).path("session"))
          .isEqualTo(welcome.path("session"));
      TestServer third = node(builder -> builder);
      assertThat(opened(third.post("/sessions", again)).path("session"))
          .isEqualTo(welcome.path("session"));
      assertThat(one.footbridge().sessions() + other.footbridge().sessions()).isEqualTo(1);
      assertThat(socket.await("bye").path("code").asText()).isEqualTo("superseded");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void an_opening_whose_node_has_gone_is_opened_anew(boolean drained) throws Exception {
    String nowhere = "127.0.0.1:" + TcpRelay.freePort();
    TestServer third = node(builder -> drained ? builder : builder.set("advertise", nowhere));
    JsonNode first = opened(third.post("/sessions", opening("k", "")));
    awaitKnown("k");
    if (drained) {
      third.close();
    }
    String again = opening("k", ",\"again\":true");
    JsonNode welcome = opened(other.post("/sessions", again));
    assertThat(welcome.path("session")).isNotEqualTo(first.path("session"));
    assertThat(welcome.path("received").asInt()).isEqualTo(1);
    // From now on it is that node's.
    assertThat(opened(one.post("/sessions", again)).path("session"))
        .isEqualTo(welcome.path("session"));
  }

  @Test
  void an_opening_whose_node_does_not_answer_is_not_opened_twice() throws Exception {
    int internal = TcpRelay.freePort();
    try (TcpRelay network = new TcpRelay(internal)) {
      TestServer third = node(builder -> behind(network, internal, builder));
      opened(third.post("/sessions", opening("k", "")));
      awaitKnown("k");
      network.fallSilent();
      Answer answer = other.post("/sessions", opening("k", ",\"again\":true"));
      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.json().path("code").asText()).isEqualTo("unavailable");
      assertThat(other.footbridge().sessions()).isZero();
    }
  }

  @Test
  void only_the_same_user_gets_the_session_through_another_node() throws Exception {
    TestServer third =
        node(
            builder ->
                builder.onConnect(
                    (token, address) ->
                        CompletableFuture.completedStage(
                            token == null ? Identity.ANONYMOUS : Identity.of(token))));
    JsonNode anns =
        opened(third.post("/sessions", opening("k", ""), "Authorization: Bearer ann & \u00e4"));
    awaitKnown("k");
    String again = opening("k", ",\"again\":true");
    assertThat(
            opened(other.post("/sessions", again, "Authorization: Bearer ann & \u00e4"))
                .path("session"))
        .isEqualTo(anns.path("session"));
    assertThat(opened(other.post("/sessions?token=bob", again)).path("session"))
        .isNotEqualTo(anns.path("session"));
    try (FrameSocket socket = FrameSocket.openLate(other, "Authorization: Bearer ann & \u00e4")) {
      socket.text("{\"op\":\"open\"," + again.substring(1));
      assertThat(socket.value().path("session")).isEqualTo(anns.path("session"));
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_session_goes_on_at_the_other_node_when_its_own_goes_down(Transport transport)
      throws Exception {
    TestServer either = TestServer.inTurn(List.of(one, other));
    SessionClient client = SessionClient.open(either, transport);
    client.command("{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"news\"}");
    IntStream.rangeClosed(1, 300).forEach(number -> client.send(publish(number)));
    client.awaitReceived(50);
    String id = client.id();
    boolean onOne = one.footbridge().sessions() == 1;
    TestServer owner = onOne ? one : other;
    TestServer heir = onOne ? other : one;
    assertThat(owner.footbridge().sessions()).isEqualTo(1);

    Thread closing = new Thread(owner::close);
    closing.start();
    if (transport != Transport.SHORTPOLL) {
      assertThat(client.connection().awaitEnding().code()).isIn("draining", "lost");
    }
    IntStream.rangeClosed(301, 400).forEach(number -> client.send(publish(number)));
    closing.join();
    // From here on there is one node only.
    SessionClient same = client.movedTo(heir);
    JsonNode welcome = same.connect(transport).awaitAttached();
    if (welcome != null && !welcome.isNull()) {
      assertThat(welcome.path("resumed").asBoolean()).isTrue();
    }
    same.awaitReply(IntNode.valueOf(400));
    same.awaitValue(value -> value.path("offset").asInt() == 400);
    assertThat(same.id()).isEqualTo(id);
    assertThat(heir.footbridge().sessions()).isEqualTo(1);
    assertThat(offsets(same))
        .containsExactlyElementsOf(IntStream.rangeClosed(1, 400).boxed().toList());
    same.close();
  }

  @Test
  void a_session_of_the_last_node_goes_on_at_the_next_that_comes() throws IOException {
    SessionClient client = SessionClient.open(one, Transport.LONGPOLL_GET);
    client.command("{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"news\"}");
    one.close();
    other.close();
    TestServer next = node(builder -> builder);
    next.footbridge().publish("news", 1);
    client.movedTo(next).connect(Transport.LONGPOLL_GET);
    client.awaitValue(value -> value.path("data").asInt() == 1);
    client.close();
  }

  // ---- between nodes ----

  private int internalPort() throws IOException {
    List<String> nodes = RedisCommands.run(redis.url(), "HVALS", "fb:{nodes}:addresses");
    assertThat(nodes).hasSize(2);
    String address = nodes.get(0);
    assertThat(address).contains("127.0.0.1:");
    return Integer.parseInt(address.replaceFirst(".*127.0.0.1:(\\d+).*", "$1"));
  }

  @Test
  void who_does_not_know_the_secret_gets_nothing_from_the_internal_listener() throws IOException {
    int port = internalPort();
    String id = one.open();
    List<String[]> tries =
        List.of(
            new String[] {},
            new String[] {"Footbridge-Secret: "},
            new String[] {"Footbridge-Secret: guess", "Footbridge-Client: 127.0.0.1"});
    for (String[] headers : tries) {
      for (String target :
          List.of("/health", "/sessions/" + id + "/poll", "/promise?node=x&millis=1", "/call")) {
        try (HttpSocket socket = HttpSocket.connect(port)) {
          Answer answer = socket.request("GET", target, null, headers).answer();
          assertThat(answer.status()).as(target).isEqualTo(403);
          assertThat(answer.text()).doesNotContain("Footbridge-Secret");
        }
      }
    }
  }

  @Test
  void a_node_says_whether_it_goes_by_a_name() throws IOException {
    int port = internalPort();
    String secret = RedisCommands.run(redis.url(), "GET", "fb:{nodes}:secret").get(0);
    String name = RedisCommands.run(redis.url(), "HKEYS", "fb:{nodes}:addresses").get(0);
    assertThat(ping(port, "/ping?node=" + name, secret)).isEqualTo(200);
    assertThat(ping(port, "/ping?node=another", secret)).isEqualTo(404);
    assertThat(ping(port, "/ping", secret)).isEqualTo(200);
    assertThat(ping(port, "/ping?node=" + name, "guess")).isEqualTo(403);
  }

  private static int ping(int port, String target, String secret) throws IOException {
    try (HttpSocket socket = HttpSocket.connect(port)) {
      return socket
          .request("POST", target, new byte[0], "Footbridge-Secret: " + secret)
          .answer()
          .status();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "1", "3", "9"})
  void what_a_client_claims_to_be_between_nodes_is_not_believed(String hops) throws IOException {
    String id = one.open();
    String[] claims = {
      "Footbridge-Client: 10.1.1.1", "Footbridge-Hops: " + hops, "Footbridge-Secret: guess"
    };
    assertThat(other.get("/sessions/" + id + "/poll", claims).status()).isEqualTo(200);
    try (FrameSocket socket = FrameSocket.open(other, "/ws?session=" + id, claims);
        FrameSocket late = FrameSocket.openLate(other, claims)) {
      assertThat(socket.await("welcome").path("session").asText()).isEqualTo(id);
      late.text(attach(id, ""));
      assertThat(late.await("welcome").path("session").asText()).isEqualTo(id);
    }
    String first = one.post("/sessions", opening("k", "")).json().path("session").asText();
    awaitKnown("k");
    JsonNode again = other.post("/sessions", opening("k", ",\"again\":true"), claims).json();
    assertThat(again.path("session").asText()).isEqualTo(first);
  }

  private boolean leadsTo(TestServer node, String id) throws IOException {
    return node.get("/sessions/" + id + "/poll").status() == 200;
  }

  @Test
  void a_node_that_comes_after_redis_has_lost_its_data_gets_the_others_secret() throws Exception {
    List<String> secret = RedisCommands.run(redis.url(), "GET", "fb:{nodes}:secret");
    String id = one.open();
    RedisCommands.run(redis.url(), "FLUSHALL");
    await()
        .untilAsserted(
            () ->
                assertThat(RedisCommands.run(redis.url(), "GET", "fb:{nodes}:secret"))
                    .isEqualTo(secret));
    TestServer third = node(builder -> builder);
    assertThat(leadsTo(third, id)).isTrue();
    assertThat(leadsTo(one, third.open())).isTrue();
  }

  @Test
  void where_a_node_came_first_after_that_the_others_take_its_secret() throws Exception {
    String id = one.open();
    RedisCommands.run(
        redis.url(),
        "EVAL",
        "redis.call('FLUSHALL') redis.call('SET', KEYS[1], 'its own')",
        "1",
        "fb:{nodes}:secret");
    TestServer third = node(builder -> builder);
    await()
        .ignoreExceptions()
        .until(() -> leadsTo(third, id) && leadsTo(one, third.open()) && leadsTo(other, id));
  }

  /** Others reach it only over that network. */
  private static Footbridge.Builder behind(
      TcpRelay network, int internal, Footbridge.Builder builder) {
    return builder
        .set(Setting.INTERNAL_PORT, internal)
        .set("internal-host", "127.0.0.1")
        .set("advertise", "127.0.0.1:" + network.port());
  }

  @Test
  void a_call_to_a_node_that_falls_silent_is_interrupted_soon() throws Exception {
    int internal = TcpRelay.freePort();
    try (TcpRelay network = new TcpRelay(internal)) {
      CompletableFuture<Void> called = new CompletableFuture<>();
      node(
          builder ->
              behind(network, internal, builder)
                  .procedure(
                      "never",
                      call -> {
                        called.complete(null);
                        return new CompletableFuture<>();
                      }));
      CompletableFuture<JsonNode> result = one.footbridge().call("never", 1).toCompletableFuture();
      called.get(10, TimeUnit.SECONDS);
      network.fallSilent();
      assertThatThrownBy(() -> result.get(10, TimeUnit.SECONDS))
          .hasMessageContaining("The node of the callee has gone away.");
    }
  }

  @Test
  void what_is_under_way_to_a_node_that_falls_silent_ends_soon() throws Exception {
    int internal = TcpRelay.freePort();
    try (TcpRelay network = new TcpRelay(internal);
        HttpSocket client = other.connect()) {
      TestServer third = node(builder -> behind(network, internal, builder));
      String id = third.open();
      client.request("GET", "/sessions/" + id + "/stream", null);
      InputStream stream = client.body(client.head());
      assertThat(stream.read()).isPositive();
      network.fallSilent();
      assertThatThrownBy(() -> stream.transferTo(OutputStream.nullOutputStream()))
          .isInstanceOf(IOException.class)
          .isNotInstanceOf(SocketTimeoutException.class);
    }
  }

  @Test
  void a_late_web_socket_to_a_node_that_falls_silent_ends_soon() throws Exception {
    int internal = TcpRelay.freePort();
    try (TcpRelay network = new TcpRelay(internal);
        FrameSocket attached = FrameSocket.open(other, "/ws?attach=1");
        FrameSocket late = FrameSocket.openLate(other)) {
      TestServer third = node(builder -> behind(network, internal, builder));
      String id = third.open();
      attached.text(attach(id, ""));
      attached.await("welcome");
      network.fallSilent();
      late.text(attach(third.open(), ""));
      assertThat(attached.socket().endsByServer()).isTrue();
      assertThat(late.value().path("code").asText()).isEqualTo("unavailable");
    }
  }

  /** Any client can do this, as often as it likes; and a session's id is a secret. */
  @Test
  void
      a_client_or_a_node_that_leaves_in_the_middle_of_a_forwarded_request_leaves_no_trace_in_the_log()
          throws Exception {
    TestServer brief = node(builder -> builder.set(Setting.SESSION_TTL_SECONDS, 1));
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    log.start();
    root.addAppender(log);
    List<String> ids = new ArrayList<>();
    try {
      for (String held : List.of("/events", "/stream", "/poll?wait=20", "/send")) {
        String id = brief.open();
        ids.add(id);
        HttpSocket client = one.connect();
        if (held.equals("/send")) {
          client.write(
              "POST /sessions/" + id + "/send HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{");
        } else {
          client.request("GET", "/sessions/" + id + held, null);
        }
        if (held.endsWith("s") || held.endsWith("m")) {
          client.head();
        }
        client.kill();
      }
      await().until(() -> brief.footbridge().sessions() == 0);
      String left = other.open();
      ids.add(left);
      try (HttpSocket waiting =
              one.connect().request("GET", "/sessions/" + left + "/poll?wait=20", null);
          HttpSocket stream = one.connect().request("GET", "/sessions/" + left + "/events", null)) {
        stream.head();
        other.close();
        stream.endsByServer();
        waiting.answer();
      }
    } finally {
      root.detachAppender(log);
    }
    assertThat(log.list)
        .noneMatch(event -> event.getLevel().isGreaterOrEqual(Level.ERROR))
        .noneMatch(event -> ids.stream().anyMatch(event.getFormattedMessage()::contains));
  }

  @Test
  void whoever_cannot_see_a_status_is_told_by_a_forwarding_node_too() throws Exception {
    String gone = other.get("/sessions/zz.AAAAAAAAAAAAAAAAAAAAAA/poll?status=200").text();
    assertThat(gone).contains("session_gone");
    String id = one.open();
    Answer refused = other.get("/sessions/" + id + "/poll?after=7&status=200");
    assertThat(refused.status()).isEqualTo(200);
    assertThat(refused.json().path("status").asInt()).isEqualTo(409);
    Answer closed = other.post("/sessions/" + id + "/close?status=200", "");
    assertThat(closed.status()).isEqualTo(200);

    int internal = TcpRelay.freePort();
    try (TcpRelay network = new TcpRelay(internal);
        HttpSocket client = other.connect()) {
      TestServer third = node(builder -> behind(network, internal, builder));
      String path = "/sessions/" + third.open() + "/poll?status=200";
      assertThat(other.get(path).status()).isEqualTo(200);
      client.request("GET", path + "&wait=50", null);
      network.fallSilent();
      Answer cut = client.answer();
      assertThat(cut.status()).isEqualTo(200);
      assertThat(cut.json().path("code").asText()).isEqualTo("unavailable");
      assertThat(cut.json().path("status").asInt()).isEqualTo(503);
    }
  }

  // ---- health ----

  @Test
  void health_says_when_the_store_is_away_and_serving_goes_on() throws IOException {
    for (String path : List.of("/health", "/health/ready", "/health/serving", "/health/live")) {
      assertThat(one.get(path).status()).as(path).isEqualTo(200);
    }
    assertThat(one.get("/health/else").status()).isEqualTo(404);
    redis.kill();
    await()
        .untilAsserted(
            () -> {
              Answer away = one.get("/health");
              assertThat(away.status()).isEqualTo(503);
              assertThat(away.json().path("detail").asText()).contains("store");
            });
    assertThat(one.get("/health/ready").status()).isEqualTo(503);
    assertThat(one.get("/health/serving").status()).isEqualTo(200);
    assertThat(one.get("/health/live").status()).isEqualTo(200);
    redis.start();
    await().untilAsserted(() -> assertThat(one.get("/health").status()).isEqualTo(200));
  }

  @Test
  void health_says_when_a_node_goes_down() throws Exception {
    one.open();
    Thread closing = new Thread(one::close);
    closing.start();
    await().untilAsserted(() -> assertThat(one.get("/health/serving").status()).isEqualTo(503));
    assertThat(one.get("/health/ready").json().path("code").asText()).isEqualTo("draining");
    assertThat(one.get("/health/live").status()).isEqualTo(200);
    closing.join();
  }

  // ---- a store that is full ----

  @ParameterizedTest
  @EnumSource(names = {"WEBSOCKET", "LONGPOLL_GET"})
  void a_full_store_takes_no_messages_and_all_else_goes_on(Transport transport) throws Exception {
    SessionClient client = SessionClient.open(one, transport);
    client.command("{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"chat\",\"presence\":true}");
    RedisCommands.run(redis.url(), "CONFIG", "SET", "maxmemory", "1");
    for (int i = 0; i < 50; i++) {
      // So often that it would have been given up, were it taken for an outage.
      assertThat(one.post("/channels/news", "1").status()).isEqualTo(503);
    }
    assertThat(one.post("/sessions", "").status()).isEqualTo(503);
    assertThat(one.get("/health").status()).isEqualTo(200);
    JsonNode refused = client.command(publish(1));
    assertThat(refused.path("error").path("code").asText()).isEqualTo("unavailable");
    assertThat(
            client.command("{\"op\":\"subscribe\",\"id\":\"t\",\"channel\":\"news\"}").has("error"))
        .isFalse();

    one.close();
    client.movedTo(other).connect(transport);
    RedisCommands.run(redis.url(), "CONFIG", "SET", "maxmemory", "0");
    other.footbridge().publish("news", 2).toCompletableFuture().get(5, TimeUnit.SECONDS);
    client.awaitValue(value -> value.path("data").asInt() == 2);
    assertThat(other.footbridge().sessions()).isEqualTo(1);
    client.close();
  }

  // ---- a store that is not there ----

  @Test
  void a_store_that_cannot_be_used_stops_the_start_with_a_sentence(
      @TempDir java.nio.file.Path dir) {
    assertThatThrownBy(() -> TestServer.start(builder -> builder.store("redis://127.0.0.1:1")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("\"store\"")
        .hasMessageContaining("127.0.0.1:1");
    assertThatThrownBy(() -> TestServer.start(builder -> builder.store("mysql://user:pw@host")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("redis-sentinel")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("pw"));
    assertThatThrownBy(
            () ->
                TestServer.start(
                    builder -> builder.store(redis.url()).set("data-dir", dir.toString())))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("data-dir");
  }

  @Test
  void a_session_and_its_messages_outlast_an_outage_of_the_store() throws Exception {
    try (SessionClient client = SessionClient.open(one, Transport.WEBSOCKET)) {
      client.command("{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"news\"}");
      other.footbridge().publish("news", 1).toCompletableFuture().get(5, TimeUnit.SECONDS);
      client.awaitValue(value -> value.path("data").asInt() == 1);
      RedisCommands.run(redis.url(), "CLIENT", "PAUSE", "3000", "ALL");
      JsonNode refused = client.command(publish(2));
      assertThat(refused.path("error").path("code").asText()).isEqualTo("unavailable");
      assertThat(client.connection().isOver()).isFalse();
      // Each time a command of its own, as an answer is known by its number; the message is one.
      AtomicInteger id = new AtomicInteger(100);
      await()
          .untilAsserted(
              () -> {
                JsonNode answer =
                    client.command(
                        publish(2).replace("\"id\":2", "\"id\":" + id.incrementAndGet()));
                assertThat(answer.has("error")).isFalse();
              });
      client.awaitValue(value -> value.path("data").asInt() == 2);
      assertThat(offsets(client)).containsExactly(1, 2);
    }
  }
}
