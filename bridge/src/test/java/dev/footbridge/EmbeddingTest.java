package dev.footbridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Problems.assertRefused;
import static dev.footbridge.testclient.Values.assertError;
import static dev.footbridge.testclient.Values.assertFine;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.auth.Authorizer;
import dev.footbridge.auth.Identity;
import dev.footbridge.config.ConfigException;
import dev.footbridge.config.Setting;
import dev.footbridge.store.Position;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.EventReader;
import dev.footbridge.testclient.FrameSocket;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.io.IOException;
import java.net.BindException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server inside a program: what its handlers decide, and what it leaves behind. */
class EmbeddingTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  // ---- who ----

  @Test
  void the_application_says_who_a_client_is() throws IOException {
    try (TestServer server = TestServer.start(EmbeddingTest::withUsers)) {
      JsonNode welcome = server.post("/sessions", "{\"token\":\"let-ann-in\"}").json();
      assertThat(welcome.path("user").asText()).isEqualTo("ann");
      JsonNode bearer = server.post("/sessions", "", "Authorization: Bearer let-bob-in").json();
      assertThat(bearer.path("user").asText()).isEqualTo("bob");
      try (FrameSocket socket = FrameSocket.open(server, "/ws?token=let-cid-in")) {
        assertThat(socket.value().path("user").asText()).isEqualTo("cid");
      }

      server.post("/channels/x", "1", "Authorization: Bearer let-ann-in");
      assertThat(server.get("/channels/x?token=let-ann-in").json().at("/messages/0/user").asText())
          .isEqualTo("ann");
    }
  }

  @Test
  void a_client_that_the_application_does_not_know_is_refused_everywhere() throws IOException {
    try (TestServer server = TestServer.start(EmbeddingTest::withUsers)) {
      for (String token : List.of("", "?token=wrong")) {
        assertProblem(server.post("/sessions" + token, ""), 401, "unauthenticated");
        assertProblem(server.post("/channels/x" + token, "1"), 401, "unauthenticated");
        assertProblem(server.get("/channels/x" + token), 401, "unauthenticated");
        assertProblem(
            server.get("/channels/x" + token, "Accept: text/event-stream"), 401, "unauthenticated");
        try (FrameSocket socket = FrameSocket.open(server, "/ws" + token)) {
          assertRefused(socket, "unauthenticated");
        }
      }
      assertThat(server.footbridge().sessions()).isZero();
    }
  }

  private static Footbridge.Builder withUsers(Footbridge.Builder builder) {
    return builder.onConnect(
        (token, address) -> {
          assertThat(address).isEqualTo("127.0.0.1");
          return token != null && token.startsWith("let-")
              ? CompletableFuture.completedStage(
                  Identity.of(token.substring("let-".length(), token.lastIndexOf("-in"))))
              : CompletableFuture.failedStage(
                  new ProtocolException(ErrorCode.UNAUTHENTICATED, "The token is none."));
        });
  }

  // ---- what ----

  @Test
  void the_application_says_who_may_do_what() throws IOException {
    UnaryOperator<Footbridge.Builder> rules =
        builder ->
            builder
                .onSubscribe((who, channel) -> completed(!channel.equals("unheard")))
                .onPublish((who, channel) -> completed(!channel.equals("unsaid")))
                .onCall((who, procedure) -> completed(!procedure.equals("undone")))
                .on(Authorizer.Action.HISTORY, (who, channel) -> completed(!channel.equals("past")))
                .on(Authorizer.Action.PRESENCE, (who, channel) -> completed(false))
                .on(Authorizer.Action.REGISTER, (who, channel) -> completed(false));
    try (TestServer server = TestServer.start(rules);
        SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      assertError(
          client.command("{\"op\":\"subscribe\",\"id\":1,\"channel\":\"unheard\"}"), "forbidden");
      assertFine(client.command("{\"op\":\"subscribe\",\"id\":2,\"channel\":\"news\"}"));
      assertError(
          client.command("{\"op\":\"publish\",\"id\":3,\"channel\":\"unsaid\",\"data\":1}"),
          "forbidden");
      assertFine(client.command("{\"op\":\"publish\",\"id\":4,\"channel\":\"news\",\"data\":1}"));
      assertError(
          client.command("{\"op\":\"call\",\"id\":5,\"procedure\":\"undone\"}"), "forbidden");
      assertError(
          client.command("{\"op\":\"history\",\"id\":6,\"channel\":\"past\"}"), "forbidden");
      assertError(
          client.command("{\"op\":\"presence\",\"id\":7,\"channel\":\"news\"}"), "forbidden");
      assertError(
          client.command("{\"op\":\"register\",\"id\":8,\"procedure\":\"mine\"}"), "forbidden");
      assertError(
          client.command("{\"op\":\"subscribe\",\"id\":9,\"channel\":\"other\",\"presence\":true}"),
          "forbidden");

      assertProblem(server.get("/channels/unheard", "Accept: text/event-stream"), 403, "forbidden");
      assertProblem(
          server.get("/channels/news,unheard", "Accept: text/event-stream"), 403, "forbidden");
      assertProblem(server.post("/channels/unsaid", "1"), 403, "forbidden");
      assertProblem(server.get("/channels/past"), 403, "forbidden");
      assertThat(
              server
                  .post("/sessions", "{\"subscribe\":[\"unheard\",\"news\"]}")
                  .json()
                  .at("/subscribed/unheard/error/code")
                  .asText())
          .isEqualTo("forbidden");
    }
  }

  @Test
  void a_handler_that_takes_its_time_keeps_the_order() throws IOException {
    ConcurrentLinkedQueue<CompletableFuture<Boolean>> open = new ConcurrentLinkedQueue<>();
    try (TestServer server =
            TestServer.start(
                builder ->
                    builder.onPublish(
                        (who, channel) -> {
                          CompletableFuture<Boolean> decision = new CompletableFuture<>();
                          open.add(decision);
                          return decision;
                        }));
        SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      for (int i = 1; i <= 3; i++) {
        client.send("{\"op\":\"publish\",\"id\":%d,\"channel\":\"x\",\"data\":%d}".formatted(i, i));
      }
      await().atMost(SOON).until(() -> open.size() == 3);
      List<CompletableFuture<Boolean>> decisions = new ArrayList<>(open);
      decisions.get(2).complete(true);
      decisions.get(1).complete(false);
      decisions.get(0).complete(true);

      client.awaitReceived(3);
      assertThat(server.get("/channels/x").json().path("messages"))
          .extracting(message -> message.path("data").asInt())
          .containsExactly(1, 3);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void a_handler_that_fails_is_an_internal_error_and_tells_nothing(boolean thrown)
      throws IOException {
    UnaryOperator<Footbridge.Builder> failing =
        builder ->
            builder
                .onPublish((who, channel) -> failure(thrown))
                .procedure("broken", call -> failure(thrown));
    try (TestServer server = TestServer.start(failing);
        SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      assertProblem(server.post("/channels/x", "1"), 500, "internal");
      for (String command :
          List.of(
              "{\"op\":\"publish\",\"id\":1,\"channel\":\"x\",\"data\":1}",
              "{\"op\":\"call\",\"id\":2,\"procedure\":\"broken\"}")) {
        JsonNode error = client.command(command).path("error");
        assertThat(error.path("code").asText()).isEqualTo("internal");
        assertThat(error.path("message").asText()).doesNotContain("secret");
      }
    }
    try (TestServer server =
        TestServer.start(builder -> builder.onConnect((token, address) -> failure(thrown)))) {
      assertProblem(server.post("/sessions", ""), 500, "internal");
      assertProblem(server.get("/channels/x"), 500, "internal");
      try (FrameSocket socket = FrameSocket.open(server, "/ws")) {
        assertRefused(socket, "internal");
      }
    }
  }

  private static <T> CompletionStage<T> failure(boolean thrown) {
    IllegalStateException failure = new IllegalStateException("the secret of the application");
    if (thrown) {
      throw failure;
    }
    return CompletableFuture.failedStage(failure);
  }

  // ---- procedures ----

  @Test
  void the_application_answers_calls() throws IOException {
    UnaryOperator<Footbridge.Builder> procedures =
        builder ->
            withUsers(builder)
                .procedure(
                    "greet",
                    call ->
                        CompletableFuture.completedStage(
                            Map.of("to", call.data().asText(), "from", call.user())))
                .procedure(
                    "sell",
                    call ->
                        CompletableFuture.failedStage(
                            ProtocolException.application("sold_out", "Nothing is left.")));
    try (TestServer server = TestServer.start(procedures)) {
      try (FrameSocket socket = FrameSocket.open(server, "/ws?token=let-ann-in")) {
        socket.text("{\"op\":\"call\",\"id\":1,\"procedure\":\"greet\",\"data\":\"you\"}");
        JsonNode reply = socket.await("reply");
        assertThat(reply.path("data")).isEqualTo(Answer.parse("{\"to\":\"you\",\"from\":\"ann\"}"));
        socket.text("{\"op\":\"call\",\"id\":2,\"procedure\":\"sell\"}");
        assertThat(socket.await("reply").path("error"))
            .isEqualTo(Answer.parse("{\"code\":\"sold_out\",\"message\":\"Nothing is left.\"}"));
      }
      assertThatThrownBy(() -> join(server.footbridge().call("sell", null)))
          .isInstanceOf(CompletionException.class)
          .hasRootCauseInstanceOf(ProtocolException.class);
      assertThatThrownBy(() -> join(server.footbridge().call("nobody", null)))
          .hasRootCauseInstanceOf(ProtocolException.class);
    }
  }

  @Test
  void the_application_calls_a_client() throws IOException {
    try (TestServer server = TestServer.start();
        SessionClient client = SessionClient.open(server, Transport.WEBSOCKET)) {
      assertFine(client.command("{\"op\":\"register\",\"id\":1,\"procedure\":\"double\"}"));

      CompletionStage<JsonNode> result = server.footbridge().call("double", 21);
      JsonNode invoke = client.awaitValue(value -> value.path("op").asText().equals("invoke"));
      assertThat(invoke.path("data").asInt()).isEqualTo(21);
      client.send(
          "{\"op\":\"result\",\"data\":42,\"invocation\":" + invoke.path("invocation") + "}");

      assertThat(join(result).asInt()).isEqualTo(42);
    }
  }

  // ---- publishing ----

  @Test
  void the_application_publishes() throws IOException {
    try (TestServer server = TestServer.start();
        SessionClient client = SessionClient.open(server, Transport.WEBSOCKET)) {
      assertFine(client.command("{\"op\":\"subscribe\",\"id\":1,\"channel\":\"news\"}"));
      Footbridge footbridge = server.footbridge();

      Position first = join(footbridge.publish("news", Map.of("headline", "It works")));
      assertThat(join(footbridge.publish("news", null)).offset()).isEqualTo(2);
      Position keyed = join(footbridge.publish("news", 3, "key"));
      assertThat(join(footbridge.publish("news", 3, "key"))).isEqualTo(keyed);

      assertThat(first.offset()).isEqualTo(1);
      List<JsonNode> received = client.awaitReceived(4);
      assertThat(received.get(1).at("/data/headline").asText()).isEqualTo("It works");
      assertThat(received.get(2).path("data").isNull()).isTrue();
      assertThat(received.get(3).path("offset").asLong()).isEqualTo(keyed.offset());
      assertThatThrownBy(() -> join(footbridge.publish("no name", 1)))
          .hasRootCauseInstanceOf(ProtocolException.class);
      assertThatThrownBy(() -> footbridge.publish("news", new Object()))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  // ---- the server itself ----

  @Test
  void everything_lies_below_the_base_path() throws IOException {
    try (TestServer server = TestServer.start(builder -> builder.basePath("/real/time"))) {
      Answer opened = server.post("/real/time/sessions", "");
      assertThat(opened.status()).isEqualTo(201);
      String location = opened.header("Location");
      assertThat(location)
          .isEqualTo("/real/time/sessions/" + opened.json().path("session").asText());
      assertThat(server.get(location + "/poll").status()).isEqualTo(200);
      assertThat(server.get("/real/time/health").status()).isEqualTo(200);
      for (String page : List.of("/footbridge.js", "/footbridge-tabs.mjs", "/doctor")) {
        assertThat(server.get("/real/time" + page).status()).as(page).isEqualTo(200);
        assertThat(server.get(page).status()).as(page).isEqualTo(404);
      }
      try (FrameSocket socket = FrameSocket.open(server, "/real/time/ws")) {
        assertThat(socket.value().path("op").asText()).isEqualTo("welcome");
      }
      for (String path : List.of("/sessions", "/real/timesessions", "/real", "/health")) {
        assertProblem(server.post(path, ""), 404, "not_found");
      }
      assertThat(server.footbridge().url())
          .isEqualTo("http://localhost:" + server.port() + "/real/time/");
    }
  }

  @Test
  void the_library_is_served_and_asked_for_again_costs_nothing() throws IOException {
    try (TestServer server = TestServer.start()) {
      for (String file :
          List.of(
              "/footbridge.js",
              "/footbridge.min.js",
              "/footbridge.mjs",
              "/footbridge.min.mjs",
              "/footbridge-tabs.mjs",
              "/footbridge-tabs.min.mjs")) {
        Answer answer = server.get(file);
        assertThat(answer.status()).as(file).isEqualTo(200);
        assertThat(answer.header("Content-Type")).startsWith("text/javascript");
        assertThat(answer.header("Cross-Origin-Resource-Policy")).isEqualTo("cross-origin");
        Answer again = server.get(file, "If-None-Match: " + answer.header("ETag"));
        assertThat(again.status()).isEqualTo(304);
        assertThat(again.body()).isEmpty();
      }
    }
  }

  @Test
  void a_port_that_is_taken_is_named() throws IOException {
    try (TestServer server = TestServer.start()) {
      Footbridge.Builder second = Footbridge.builder().host("127.0.0.1").port(server.port());
      assertThatThrownBy(second::start)
          .isInstanceOf(BindException.class)
          .hasMessageContaining("Port " + server.port());
    }
  }

  @Test
  void settings_are_checked_when_they_are_set() {
    Footbridge.Builder builder = Footbridge.builder();
    assertThatThrownBy(() -> builder.port(70_000))
        .isInstanceOf(ConfigException.class)
        .hasMessage("\"port\" is 70000; it must be from 0 to 65535.");
    assertThatThrownBy(() -> builder.set("limits.nonsense", "1"))
        .hasMessage("There is no setting \"limits.nonsense\".");
    assertThatThrownBy(() -> builder.procedure("no name", call -> completed(1)))
        .isInstanceOf(IllegalArgumentException.class);
    builder.set(Setting.LIMITS_BATCH_BYTES, 64);
    assertThatThrownBy(builder::start).isInstanceOf(ConfigException.class);
  }

  // ---- the end ----

  @Test
  void whoever_is_connected_is_told_to_come_back_when_the_server_closes() throws IOException {
    TestServer server = TestServer.start();
    String channel = "/channels/x";
    String epoch = server.get(channel).json().path("epoch").asText();
    try (FrameSocket webSocket = FrameSocket.open(server, "/ws");
        HttpSocket events = server.connect();
        HttpSocket stream = server.connect();
        HttpSocket poll = server.connect();
        HttpSocket jsonp = server.connect();
        HttpSocket feed = server.connect()) {
      webSocket.await("welcome");
      events.request("GET", "/sessions/" + server.open() + "/events", null);
      EventReader eventReader = new EventReader(events.body(events.head()));
      assertThat(eventReader.next().data()).contains("welcome");
      stream.request("GET", "/sessions/" + server.open() + "/stream", null);
      Answer streamHead = stream.head();
      String polled = server.open();
      poll.request("GET", "/sessions/" + polled + "/poll?wait=50&turn=1", null);
      String scripted = server.open();
      jsonp.request("GET", "/sessions/" + scripted + "/jsonp?callback=f&wait=50&turn=1", null);
      for (String session : List.of(polled, scripted)) {
        await()
            .atMost(SOON)
            .until(() -> server.post("/sessions/" + session + "/send?turn=0", "").status() != 200);
      }
      feed.request("GET", channel + "?since=" + epoch + ":0", null, "Accept: text/event-stream");
      Answer feedHead = feed.head();

      server.close();

      assertBye(webSocket.await("bye"));
      assertThat(webSocket.awaitClose().closeCode()).isEqualTo(1012);
      assertBye(Answer.parse(eventReader.next().data()));
      assertThat(eventReader.next()).isNull();
      String lines = new String(stream.body(streamHead).readAllBytes(), UTF_8);
      assertBye(Answer.parse(lines.strip().substring(lines.strip().lastIndexOf('\n') + 1)));
      assertBye(poll.answer().json().path("bye"));
      assertThat(jsonp.answer().text()).contains("draining");
      assertThat(feed.body(feedHead).readAllBytes()).isNotEmpty();
    }
    server.close();
  }

  private static void assertBye(JsonNode bye) {
    assertThat(bye.path("code").asText()).as(bye.toString()).isEqualTo("draining");
    assertThat(bye.path("reconnect").asBoolean()).isTrue();
    assertThat(bye.path("delay").isIntegralNumber()).isTrue();
  }

  @Test
  void a_closed_server_leaves_no_thread_and_no_port() throws IOException {
    Set<Thread> before = threads();
    for (int i = 0; i < 2; i++) {
      TestServer server = TestServer.start();
      int port = server.port();
      assertThat(server.get("/health").status()).isEqualTo(200);
      FrameSocket socket = FrameSocket.open(server, "/ws");
      socket.await("welcome");
      server.close();
      socket.close();
      assertThatThrownBy(() -> HttpSocket.connect(port)).isInstanceOf(IOException.class);
      assertThat(server.footbridge().sessions()).isZero();
    }
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              // The platform's HTTP client, which the health check uses, ends when it is collected.
              System.gc();
              Set<Thread> left = threads();
              left.removeAll(before);
              assertThat(left).isEmpty();
            });
  }

  private static Set<Thread> threads() {
    Set<Thread> threads = new HashSet<>(Thread.getAllStackTraces().keySet());
    threads.removeIf(thread -> !thread.isAlive() || thread.getName().startsWith("awaitility"));
    return threads;
  }

  // ---- what they have in common ----

  private static <T> CompletionStage<T> completed(T value) {
    return CompletableFuture.completedStage(value);
  }

  private static <T> T join(CompletionStage<T> stage) {
    return stage.toCompletableFuture().orTimeout(10, java.util.concurrent.TimeUnit.SECONDS).join();
  }
}
