package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Problems.assertRefused;
import static dev.footbridge.testclient.Values.assertFine;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.auth.Identity;
import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.FrameSocket;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A client that has not been answered asks for the same session again. */
class OpeningAgainTest {
  private static final AtomicInteger KEYS = new AtomicInteger();
  private static final AtomicInteger CALLS = new AtomicInteger();
  private static final Map<String, CompletableFuture<Identity>> SLOW = new ConcurrentHashMap<>();

  private static TestServer server;

  @BeforeAll
  static void start() throws IOException {
    server =
        TestServer.start(
            builder ->
                builder
                    .endpoint("/echo", new Echo())
                    .procedure(
                        "count",
                        call -> {
                          CALLS.incrementAndGet();
                          return CompletableFuture.completedStage(1);
                        })
                    .procedure("never", call -> new CompletableFuture<>())
                    .onConnect((token, address) -> who(token)));
  }

  private static CompletionStage<Identity> who(String token) {
    if (token == null) {
      return CompletableFuture.completedStage(Identity.ANONYMOUS);
    }
    if (token.startsWith("slow")) {
      return SLOW.computeIfAbsent(token, asked -> new CompletableFuture<>());
    }
    if (token.startsWith("bad")) {
      return CompletableFuture.failedStage(
          new ProtocolException(ErrorCode.UNAUTHENTICATED, "This token is not known."));
    }
    return CompletableFuture.completedStage(Identity.of(token.substring(0, 3)));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static String key() {
    return "key_-" + KEYS.incrementAndGet();
  }

  private static String publish(int id, String channel) {
    return "{\"op\":\"publish\",\"id\":%d,\"channel\":\"%s\",\"data\":%d}"
        .formatted(id, channel, id);
  }

  private static String call(int id, String procedure) {
    return "{\"op\":\"call\",\"id\":" + id + ",\"procedure\":\"" + procedure + "\"}";
  }

  private static String first(String key, String more) {
    return "{\"key\":\"" + key + "\"" + more + "}";
  }

  private static String again(String key, String more) {
    return first(key, ",\"again\":true" + more);
  }

  private static String with(String... messages) {
    return ",\"subscribe\":[\"again\"],\"messages\":[" + String.join(",", messages) + "]";
  }

  private static JsonNode open(String body) throws IOException {
    Answer answer = server.post("/sessions", body);
    assertThat(answer.status()).as(answer.toString()).isEqualTo(201);
    JsonNode welcome = answer.json();
    assertThat(welcome.path("resumed").asBoolean()).isFalse();
    assertThat(welcome.path("after").asInt()).isZero();
    assertThat(answer.header("Location")).isEqualTo(path(welcome));
    return welcome;
  }

  private static String path(JsonNode welcome) {
    return "/sessions/" + welcome.path("session").asText();
  }

  /** Opens, and leaves before the answer has come. */
  private static void unanswered(String body) throws IOException {
    int before = server.footbridge().sessions();
    HttpSocket socket = server.connect();
    socket.request("POST", "/sessions", body.getBytes(UTF_8));
    await().until(() -> server.footbridge().sessions() == before + 1);
    socket.kill();
  }

  /** A request that comes when its client has gone on opens nothing and does nothing. */
  private static void assertSpent(String key) throws IOException {
    int sessions = server.footbridge().sessions();
    int calls = CALLS.get();
    for (String late : new String[] {first(key, with(call(1, "count"))), again(key, "")}) {
      assertProblem(server.post("/sessions", late), 409, "superseded");
      try (FrameSocket socket = FrameSocket.openLate(server)) {
        socket.text(op(late));
        assertRefused(socket, "superseded");
      }
    }
    assertThat(server.footbridge().sessions()).isEqualTo(sessions);
    assertThat(CALLS.get()).isEqualTo(calls);
  }

  // ---- by request ----

  @Test
  void whoever_was_not_answered_gets_the_same_session_with_all_that_has_come_down()
      throws IOException {
    String key = key();
    String channel = "lost." + key;
    String wish =
        with(publish(1, channel), publish(2, channel))
            .replace("[\"again\"", "[\"" + channel + "\"");
    unanswered(first(key, wish));
    // Somebody else goes on meanwhile.
    server.post("/channels/" + channel, "3");
    JsonNode welcome = open(again(key, wish));
    assertThat(welcome.at("/subscribed/" + channel + "/offset").asInt()).isZero();
    assertThat(welcome.path("received").asInt()).isEqualTo(2);
    assertThat(welcome.path("messages").findValuesAsText("offset")).contains("1", "2");
    assertThat(server.get("/channels/" + channel).json().path("messages")).hasSize(3);

    // As often as need be, until the client shows that it has got it.
    JsonNode third = open(again(key, wish));
    assertThat(third.path("session")).isEqualTo(welcome.path("session"));
    assertThat(third.path("subscribed")).isEqualTo(welcome.path("subscribed"));
    assertThat(third.path("messages")).hasSize(5);
    assertThat(server.get(path(welcome) + "/poll?after=5").status()).isEqualTo(200);
    assertSpent(key);
  }

  @Test
  void nothing_is_done_twice_and_what_is_new_is_done() throws IOException {
    String key = key();
    int before = CALLS.get();
    JsonNode one = open(first(key, with(call(1, "count"))));
    JsonNode two = open(again(key, with(call(1, "count"))));
    assertThat(two).isEqualTo(one);
    assertThat(CALLS.get()).isEqualTo(before + 1);
    JsonNode more = open(again(key, with(call(1, "count"), call(2, "count"))));
    assertThat(CALLS.get()).isEqualTo(before + 2);
    assertThat(more.path("received").asInt()).isEqualTo(2);
    assertThat(more.path("messages")).hasSize(2);
    // Fewer are none that it does not have.
    assertThat(open(again(key, with())).path("received").asInt()).isEqualTo(2);
  }

  @Test
  void without_messages_the_welcome_alone_comes_again() throws IOException {
    String key = key();
    String wish = ",\"subscribe\":[\"" + key + "\"]";
    JsonNode one = open(first(key, wish));
    server.post("/channels/" + key, "1");
    assertThat(open(again(key, wish))).isEqualTo(one);
    // Also where a proxy has repeated it.
    assertThat(open(first(key, wish))).isEqualTo(one);
    JsonNode poll = server.get(path(one) + "/poll?wait=5").json();
    assertThat(poll.at("/messages/0/offset").asInt()).isEqualTo(1);
  }

  @Test
  void a_key_that_is_not_known_opens_a_session_as_if_it_were_the_first() throws IOException {
    String key = key();
    JsonNode welcome = open(again(key, with(publish(1, "again"))));
    assertThat(welcome.path("received").asInt()).isEqualTo(1);
    assertThat(open(again(key, "")).path("session")).isEqualTo(welcome.path("session"));
    assertThat(open("{\"again\":true}").path("session")).isNotEqualTo(welcome.path("session"));
    server.ask("DELETE", path(welcome), null);
    assertSpent(key);
  }

  @ParameterizedTest
  @ValueSource(strings = {"poll", "send", "events"})
  void whoever_uses_the_session_has_been_answered(String what) throws IOException {
    String key = key();
    JsonNode welcome = open(first(key, ""));
    try (HttpSocket socket = server.connect()) {
      String method = what.equals("send") ? "POST" : "GET";
      socket.request(
          method, path(welcome) + "/" + what, method.equals("GET") ? null : new byte[] {'{', '}'});
      assertThat(socket.head().status()).isEqualTo(200);
    }
    assertSpent(key);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"\"",
        "\"a b\"",
        "7",
        "\"ä\"",
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
      })
  void what_is_no_key_is_malformed(String key) throws IOException {
    assertProblem(server.post("/sessions", "{\"key\":" + key + "}"), 400, "malformed");
    assertProblem(server.post("/sessions", "{\"key\":\"k\",\"again\":\"yes\"}"), 400, "malformed");
  }

  @Test
  void both_requests_at_a_time_are_answered() throws IOException {
    String key = key();
    try (HttpSocket one = server.connect();
        HttpSocket two = server.connect()) {
      int before = server.footbridge().sessions();
      // Held, since the call is not answered.
      one.request(
          "POST",
          "/sessions",
          first(key, with(call(1, "never"), publish(2, "both"))).getBytes(UTF_8));
      await().until(() -> server.footbridge().sessions() == before + 1);
      two.request(
          "POST",
          "/sessions",
          again(key, with(call(1, "never"), publish(2, "both"))).getBytes(UTF_8));
      JsonNode early = one.answer().json();
      JsonNode late = two.answer().json();
      assertThat(early.path("session")).isEqualTo(late.path("session"));
      assertThat(early.has("bye")).isFalse();
      assertThat(late.path("messages")).hasSize(1);
      assertThat(late.path("received").asInt()).isEqualTo(2);
      assertThat(server.footbridge().sessions()).isEqualTo(before + 1);
    }
  }

  @Test
  void whoever_asks_while_the_session_is_being_opened_waits_for_it() throws IOException {
    String key = key();
    String token = "slow." + key;
    int before = server.footbridge().sessions();
    try (HttpSocket one = server.connect();
        HttpSocket two = server.connect()) {
      String wish = ",\"token\":\"" + token + "\"" + with(publish(1, "slow"));
      one.request("POST", "/sessions", first(key, wish).getBytes(UTF_8));
      await().until(() -> SLOW.containsKey(token));
      two.request("POST", "/sessions", again(key, wish).getBytes(UTF_8));
      SLOW.get(token).complete(Identity.of("ann"));
      JsonNode first = one.answer().json();
      JsonNode second = two.answer().json();
      assertThat(first.path("session")).isEqualTo(second.path("session"));
      assertThat(second.path("user").asText()).isEqualTo("ann");
      assertThat(second.path("received").asInt()).isEqualTo(1);
      assertThat(server.footbridge().sessions()).isEqualTo(before + 1);
      assertThat(server.get("/channels/slow").json().path("messages")).hasSize(1);
    }
  }

  @Test
  void where_the_first_is_refused_the_next_is_tried_anew() throws IOException {
    String key = key();
    assertProblem(
        server.post("/sessions", first(key, ",\"token\":\"bad\"")), 401, "unauthenticated");
    JsonNode welcome = open(again(key, ",\"token\":\"ann\""));
    assertThat(welcome.path("user").asText()).isEqualTo("ann");
  }

  @Test
  void only_the_same_user_gets_the_session() throws IOException {
    String key = key();
    JsonNode anns = open(first(key, ",\"token\":\"ann.1\""));
    assertThat(open(again(key, ",\"token\":\"bob.1\"")).path("session"))
        .isNotEqualTo(anns.path("session"));
    assertThat(open(again(key, "")).path("session")).isNotEqualTo(anns.path("session"));
    assertProblem(
        server.post("/sessions", again(key, ",\"token\":\"bad\"")), 401, "unauthenticated");
    // A token may have been renewed.
    assertThat(open(again(key, ",\"token\":\"ann.2\""))).isEqualTo(anns);
    assertThat(
            server
                .post("/sessions", again(key, ""), "Authorization: Bearer ann.3")
                .json()
                .path("session"))
        .isEqualTo(anns.path("session"));
  }

  @Test
  void who_becomes_a_user_by_its_first_messages_is_the_same() throws IOException {
    String key = key();
    String wish = with("{\"op\":\"auth\",\"id\":1,\"token\":\"ann\"}");
    JsonNode one = open(first(key, wish));
    assertThat(open(again(key, wish)).path("session")).isEqualTo(one.path("session"));
  }

  @Test
  void an_endpoint_of_an_application_wants_the_same_credential_and_its_own_path()
      throws IOException {
    String key = key();
    String wish = ",\"endpoint\":\"/echo\",\"token\":\"t\",\"messages\":[\"a\"]";
    JsonNode one = open(first(key, wish));
    assertThat(open(again(key, wish))).isEqualTo(one);
    assertThat(open(again(key, wish.replace("\"t\"", "\"u\""))).path("session"))
        .isNotEqualTo(one.path("session"));
    assertThat(open(again(key, "")).path("session")).isNotEqualTo(one.path("session"));
    assertProblem(
        server.post("/sessions", again(key, ",\"endpoint\":\"/none\"")), 404, "not_found");
  }

  @Test
  void it_is_remembered_no_longer_than_the_session_lives() throws IOException {
    try (TestServer brief =
        TestServer.start(builder -> builder.set(Setting.SESSION_TTL_SECONDS, 1))) {
      String session = brief.open(first("brief", ""));
      await().until(() -> brief.footbridge().sessions() == 0);
      assertThat(brief.open(again("brief", ""))).isNotEqualTo(session);
    }
  }

  // ---- over a WebSocket that waits ----

  private static String op(String fields) {
    return "{\"op\":\"open\"," + fields.substring(1);
  }

  private static JsonNode welcome(FrameSocket socket) throws IOException {
    JsonNode welcome = socket.value();
    assertThat(welcome.path("op").asText()).isEqualTo("welcome");
    return welcome;
  }

  @Test
  void a_web_socket_that_waits_opens_a_session_and_goes_on_with_it() throws IOException {
    try (FrameSocket socket = FrameSocket.openLate(server)) {
      socket.text(op("{" + with(publish(1, "again")).substring(1) + "}")).text(publish(2, "other"));
      JsonNode welcome = welcome(socket);
      assertThat(welcome.path("resumed").asBoolean()).isFalse();
      assertThat(welcome.path("received").asInt()).isEqualTo(1);
      assertThat(welcome.path("after").asInt()).isZero();
      assertThat(welcome.at("/subscribed/again/recovered").asBoolean()).isTrue();
      assertThat(welcome.has("messages")).isFalse();
      assertFine(socket.await("reply"));
      assertThat(socket.await("reply").path("id").asInt()).isEqualTo(2);
      assertThat(socket.await("ack").path("received").asInt()).isEqualTo(2);
    }
    try (FrameSocket socket = FrameSocket.openLate(server)) {
      socket.text("{\"op\":\"open\"}");
      JsonNode welcome = welcome(socket);
      socket.socket().kill();
      assertThat(server.get(path(welcome) + "/poll?after=0").status()).isEqualTo(200);
    }
  }

  @Test
  void the_credential_may_be_that_of_the_handshake() throws IOException {
    try (FrameSocket socket = FrameSocket.open(server, "/ws?attach=1&token=ann")) {
      socket.value();
      socket.text("{\"op\":\"open\"}");
      assertThat(welcome(socket).path("user").asText()).isEqualTo("ann");
    }
    try (FrameSocket socket = FrameSocket.openLate(server, "Authorization: Bearer ann")) {
      socket.text("{\"op\":\"open\",\"token\":\"bob\"}");
      assertThat(welcome(socket).path("user").asText()).isEqualTo("bob");
    }
  }

  @Test
  void an_opening_that_cannot_be_had_is_refused() throws IOException {
    String[][] tries = {
      {"{\"op\":\"open\",\"token\":\"bad\"}", "unauthenticated"},
      {"{\"op\":\"open\",\"endpoint\":\"/none\"}", "not_found"},
      {"{\"op\":\"open\",\"subscribe\":[7]}", "malformed"},
      {"{\"op\":\"open\",\"messages\":[7]}", "malformed"},
      {"{\"op\":\"open\",\"messages\":[\"text\"]}", "malformed"},
      {"{\"op\":\"open\",\"key\":\"\"}", "malformed"},
      {"{\"op\":\"open\",\"endpoint\":\"/echo\",\"messages\":[{\"op\":\"x\"}]}", "malformed"},
    };
    int before = server.footbridge().sessions();
    for (String[] wish : tries) {
      try (FrameSocket socket = FrameSocket.openLate(server)) {
        socket.text(wish[0]);
        assertRefused(socket, wish[1]);
      }
    }
    assertThat(server.footbridge().sessions()).isEqualTo(before);
    try (TestServer small = TestServer.start(builder -> builder.set(Setting.LIMITS_SESSIONS, 1));
        FrameSocket socket = FrameSocket.openLate(small)) {
      small.open();
      socket.text("{\"op\":\"open\"}");
      assertRefused(socket, "rate_limited");
    }
  }

  @Test
  void an_opening_may_be_as_large_as_a_message() throws IOException {
    String large = "\"" + "x".repeat(9_000) + "\"";
    try (TestServer small =
        TestServer.start(
            builder ->
                builder.endpoint("/echo", new Echo()).set(Setting.LIMITS_MESSAGE_BYTES, 10_000))) {
      try (FrameSocket socket = FrameSocket.openLate(small)) {
        socket.text("{\"op\":\"open\",\"endpoint\":\"/echo\",\"messages\":[" + large + "]}");
        assertThat(welcome(socket).path("received").asInt()).isEqualTo(1);
        assertThat(socket.value().toString()).isEqualTo(large);
      }
      try (FrameSocket socket = FrameSocket.openLate(small)) {
        socket.text("{\"op\":\"open\",\"x\":" + large + ",\"y\":" + large + "}");
        assertRefused(socket, "too_large");
      }
    }
  }

  @Test
  void what_was_opened_by_request_is_gone_on_with_over_a_web_socket_from_its_first_message()
      throws IOException {
    String key = key();
    String wish = with(publish(1, "again"), publish(2, "elsewhere"));
    unanswered(first(key, wish));
    try (FrameSocket socket = FrameSocket.openLate(server)) {
      socket.text(op(again(key, wish)));
      JsonNode welcome = welcome(socket);
      assertThat(welcome.path("resumed").asBoolean()).isFalse();
      assertThat(welcome.path("received").asInt()).isEqualTo(2);
      assertThat(socket.await("message").path("data").asInt()).isEqualTo(1);

      // And once more, by either way; the older ends.
      try (FrameSocket next = FrameSocket.openLate(server)) {
        next.text(op(again(key, wish)));
        assertThat(welcome(next)).isEqualTo(welcome);
        assertThat(next.await("message").path("data").asInt()).isEqualTo(1);
        assertThat(socket.await("bye").path("code").asText()).isEqualTo("superseded");
        JsonNode third = open(again(key, wish));
        assertThat(third.path("session")).isEqualTo(welcome.path("session"));
        assertThat(third.path("messages")).hasSize(3);
        assertThat(next.await("bye").path("code").asText()).isEqualTo("superseded");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void what_was_opened_over_a_web_socket_can_be_asked_for_until_it_is_acknowledged(int received)
      throws IOException {
    String key = key();
    String wish = with(publish(1, "again"));
    try (FrameSocket socket = FrameSocket.openLate(server)) {
      socket.text(op(first(key, wish)));
      JsonNode welcome = welcome(socket);
      assertThat(open(again(key, wish)).path("session")).isEqualTo(welcome.path("session"));
      assertThat(socket.await("bye").path("code").asText()).isEqualTo("superseded");
      try (FrameSocket next = FrameSocket.openLate(server)) {
        next.text(op(again(key, wish)));
        assertThat(welcome(next)).isEqualTo(welcome);
        next.await("reply");
        next.text("{\"op\":\"ack\",\"received\":" + received + "}").text("{\"op\":\"ping\"}");
        next.await("pong");
        assertSpent(key);
      }
    }
  }
}
