package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.TestServer;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sessions whose first messages come in the request that opens them. */
class OpeningWithMessagesTest {
  private static final String SLOW = "slow";
  private static final long HELD_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private static TestServer server;

  @BeforeAll
  static void start() throws IOException {
    server =
        TestServer.start(
            builder ->
                builder
                    .endpoint("/echo", new Echo())
                    .set(Setting.LIMITS_MESSAGE_BYTES, 10_000)
                    .set(Setting.LIMITS_BATCH_BYTES, 20_000)
                    .procedure(SLOW, call -> new CompletableFuture<>())
                    .onPublish(
                        (who, channel) ->
                            CompletableFuture.completedStage(!channel.startsWith("forbidden"))));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static String publish(int id, String channel) {
    return "{\"op\":\"publish\",\"id\":%d,\"channel\":\"%s\",\"data\":%d}"
        .formatted(id, channel, id);
  }

  private static String call(int id) {
    return "{\"op\":\"call\",\"id\":" + id + ",\"procedure\":\"" + SLOW + "\"}";
  }

  private static Answer open(String fields, String... messages) throws IOException {
    return server.post(
        "/sessions", "{" + fields + "\"messages\":[" + String.join(",", messages) + "]}");
  }

  private static JsonNode welcome(Answer answer) {
    assertThat(answer.status()).as(answer.toString()).isEqualTo(201);
    JsonNode welcome = answer.json();
    assertThat(welcome.path("op").asText()).isEqualTo("welcome");
    assertThat(welcome.path("resumed").asBoolean()).isFalse();
    assertThat(welcome.path("after").asInt()).isZero();
    assertThat(answer.header("Location"))
        .isEqualTo("/sessions/" + welcome.path("session").asText());
    assertThat(answer.header("Cache-Control")).contains("no-store");
    return welcome;
  }

  private static String ops(JsonNode messages) {
    return IntStream.range(0, messages.size())
        .mapToObj(i -> messages.get(i).path("op").asText())
        .sorted()
        .collect(Collectors.joining(","));
  }

  @Test
  void answers_and_echoes_come_with_the_welcome() throws IOException {
    long began = System.nanoTime();
    JsonNode welcome =
        welcome(
            open("\"subscribe\":[\"first\"],", publish(1, "first"), "{\"op\":\"ping\"}", call(2)));
    // A call that is not answered yet is not waited for longer than a moment.
    assertThat(System.nanoTime() - began).isGreaterThanOrEqualTo(HELD_NANOS);
    assertThat(welcome.path("received").asInt()).isEqualTo(2);
    assertThat(ops(welcome.path("messages"))).isEqualTo("message,reply");
    assertThat(welcome.at("/subscribed/first/offset").asInt()).isZero();

    String session = "/sessions/" + welcome.path("session").asText();
    // Handed over and not acknowledged: whoever does not say what it has gets it again.
    JsonNode again = server.get(session + "/poll").json();
    assertThat(again.path("first").asInt()).isEqualTo(1);
    assertThat(again.path("messages")).isEqualTo(welcome.path("messages"));
    assertThat(server.get(session + "/poll?after=2").json().path("messages")).isEmpty();
    assertProblem(server.get(session + "/poll?after=1"), 409, "gap");
    Answer sent =
        server.post(
            session + "/send",
            "{\"after\":1,\"messages\":[" + call(2) + "," + publish(3, "other") + "]}");
    assertThat(sent.json().path("received").asInt()).isEqualTo(3);
  }

  @Test
  void it_is_answered_as_soon_as_all_is_there() throws IOException {
    // Or a hundred of them would take much longer than this.
    assertThat(
            CompletableFuture.runAsync(
                () -> {
                  for (int i = 0; i < 100; i++) {
                    try {
                      JsonNode welcome =
                          welcome(
                              open(
                                  "\"subscribe\":[{\"channel\":\"quick\"},\"left\"],",
                                  publish(1, "quick"),
                                  publish(2, "elsewhere"),
                                  "{\"op\":\"subscribe\",\"id\":3,\"channel\":\"also\"}",
                                  publish(4, "also"),
                                  "{\"op\":\"unsubscribe\",\"id\":5,\"channel\":\"left\"}",
                                  publish(6, "left"),
                                  "{\"op\":\"wibble\",\"id\":7}"));
                      assertThat(ops(welcome.path("messages")))
                          .isEqualTo("message,message," + "reply,".repeat(6) + "reply");
                    } catch (IOException e) {
                      throw new java.io.UncheckedIOException(e);
                    }
                  }
                }))
        .succeedsWithin(20, TimeUnit.SECONDS);
  }

  @Test
  void an_echo_that_does_not_come_is_not_waited_for_longer_than_a_moment() throws IOException {
    JsonNode welcome = welcome(open("\"subscribe\":[\"forbidden.x\"],", publish(1, "forbidden.x")));
    assertThat(ops(welcome.path("messages"))).isEqualTo("reply");
    assertThat(welcome.at("/messages/0/error/code").asText()).isEqualTo("forbidden");
  }

  @Test
  void without_messages_the_answer_is_as_ever_and_with_none_they_are_none() throws IOException {
    assertThat(server.post("/sessions", "{}").json().has("messages")).isFalse();
    JsonNode welcome = welcome(open(""));
    assertThat(welcome.path("messages").isArray()).isTrue();
    assertThat(welcome.path("messages")).isEmpty();
    assertThat(welcome.path("received").asInt()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"op\":\"publish\",\"channel\":\"never\",\"data\":1}",
        "\"text\"",
        "7",
        "{\"id\":1}",
        "{\"op\":\"binary\",\"data\":\"AAAA\"}",
        "{\"op\":\"result\"}"
      })
  void one_bad_message_opens_nothing_and_has_no_effect(String bad) throws IOException {
    int before = server.footbridge().sessions();
    assertProblem(open("", publish(1, "never"), bad), 400, "malformed");
    assertProblem(open("\"subscribe\":[7],", publish(1, "never")), 400, "malformed");
    assertThat(server.footbridge().sessions()).isEqualTo(before);
    assertThat(server.get("/channels/never").json().path("messages")).isEmpty();
    assertProblem(server.post("/sessions", "{\"messages\":7}"), 400, "malformed");
    assertProblem(open("", "\"" + "x".repeat(10_000) + "\""), 413, "too_large");
    assertProblem(open("\"endpoint\":\"/none\",", publish(1, "never")), 404, "not_found");
  }

  @Test
  void the_answer_has_no_more_than_fits_and_the_rest_comes_next() throws IOException {
    String large = "\"" + "x".repeat(6000) + "\"";
    JsonNode welcome = welcome(open("\"endpoint\":\"/echo\",", large, large));
    assertThat(welcome.path("received").asInt()).isEqualTo(2);
    String session = "/sessions/" + welcome.path("session").asText();
    server.post(session + "/send", "{\"messages\":[" + large + "," + large + "]}");
    int had = welcome.path("messages").size();
    assertThat(had).isLessThanOrEqualTo(3);
    JsonNode next = server.get(session + "/poll?wait=5&after=" + had).json();
    assertThat(next.path("first").asInt()).isEqualTo(had + 1);
  }

  @Test
  void an_endpoint_of_an_application_gets_them_too_and_is_not_waited_for() throws IOException {
    JsonNode welcome = welcome(open("\"endpoint\":\"/echo\",", "\"one\"", "\"two\""));
    assertThat(welcome.path("received").asInt()).isEqualTo(2);
    assertThat(welcome.path("messages").toString()).isEqualTo("[\"one\",\"two\"]");
  }

  @Test
  void whoever_leaves_while_it_is_held_leaves_nothing() throws IOException {
    int before = server.footbridge().sessions();
    try (HttpSocket socket = server.connect()) {
      byte[] body = ("{\"messages\":[" + call(1) + "]}").getBytes(UTF_8);
      socket.request("POST", "/sessions", body);
      await().until(() -> server.footbridge().sessions() == before + 1);
      socket.kill();
      await().until(() -> server.footbridge().sessions() == before);
    }
  }

  @Test
  void one_too_many_is_refused_before_its_messages_have_an_effect() throws IOException {
    try (TestServer small = TestServer.start(builder -> builder.set(Setting.LIMITS_SESSIONS, 1))) {
      small.open();
      Answer refused = small.post("/sessions", "{\"messages\":[" + publish(1, "x") + "]}");
      assertProblem(refused, 429, "rate_limited");
      assertThat(small.get("/channels/x").json().path("messages")).isEmpty();
    }
  }

  @Test
  void a_server_that_goes_down_says_so_in_the_answer() throws IOException {
    TestServer closing =
        TestServer.start(builder -> builder.procedure(SLOW, call -> new CompletableFuture<>()));
    try (HttpSocket socket = closing.connect()) {
      byte[] body = ("{\"messages\":[" + call(1) + "]}").getBytes(UTF_8);
      socket.request("POST", "/sessions", body);
      await().until(() -> closing.footbridge().sessions() == 1);
      Thread closer = new Thread(closing::close);
      closer.start();
      Answer answer = socket.answer();
      assertThat(answer.status()).isIn(201, 503);
    }
  }
}
