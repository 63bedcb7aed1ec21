package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Problems.assertRefused;
import static dev.footbridge.testclient.Problems.assertTellsNothing;
import static dev.footbridge.testclient.Values.history;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.Bystander;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.FrameSocket;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.TestServer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a client that does wrong is answered, and that no other client notices. */
class BadInputTest {
  private static final String UNKNOWN_ID = "m.AAAAAAAAAAAAAAAAAAAAAA";
  private static final String FOREIGN = "Origin: https://evil.example";
  private static final String FRIEND = "https://friend.example";

  private static TestServer server;
  private static Bystander bystander;
  private static int channels;

  @BeforeAll
  static void start() throws IOException {
    server = TestServer.start(builder -> builder.origin(FRIEND).endpoint(Echo.PATH, new Echo()));
    bystander = Bystander.begin(server);
  }

  @AfterAll
  static void stop() throws IOException {
    bystander.close();
    server.close();
  }

  @AfterEach
  void nobody_else_notices() {
    bystander.assertUndisturbed();
  }

  // ---- bodies ----

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "}",
        "[",
        "nonsense",
        "{\"messages\":[}",
        "{\"messages\":[{\"op\":\"ping\"}",
        "{\"messages\":[]} {}",
        "{'messages':[]}",
        "{\"messages\":[],}",
        "[]",
        "\"text\"",
        "17",
        "null",
        "",
        "\0",
        "{\"messages\":{}}",
        "{\"messages\":\"x\"}",
        "{\"messages\":[17]}",
        "{\"messages\":[null]}",
        "{\"messages\":[true]}",
        "{\"messages\":[[]]}",
        "{\"messages\":[{}]}",
        "{\"messages\":[{\"op\":1}]}",
        "{\"messages\":[{\"op\":null}]}",
        "{\"messages\":[{\"op\":\"binary\"}]}",
        "{\"messages\":[{\"op\":\"binary\",\"data\":\"***\"}]}",
        "{\"messages\":[\"a text, which the hub does not take\"]}",
        "{\"messages\":[{\"op\":\"publish\",\"channel\":\"x\",\"data\":1}]}",
        "{\"messages\":[{\"op\":\"publish\",\"id\":{},\"channel\":\"x\",\"data\":1}]}",
        "{\"messages\":[{\"op\":\"publish\",\"id\":true,\"channel\":\"x\",\"data\":1}]}",
        "{\"messages\":[{\"op\":\"nonsense\"}]}",
        "{\"messages\":[{\"op\":\"result\"}]}",
        "{\"messages\":[],\"after\":-1}",
        "{\"messages\":[],\"after\":1.5}",
        "{\"messages\":[],\"after\":\"0\"}",
        "{\"messages\":[],\"after\":true}",
        "{\"messages\":[],\"after\":1e400}",
        "{\"messages\":[],\"after\":9223372036854775808}",
        "{\"messages\":[],\"received\":-1}",
        "{\"messages\":[],\"received\":[]}",
      })
  void a_batch_that_is_no_batch_is_malformed(String body) throws IOException {
    String session = server.open();

    assertProblem(server.post("/sessions/" + session + "/send", body), 400, "malformed");
    assertProblem(server.post("/sessions/" + session + "/poll", body), 400, "malformed");

    assertReceived(session, 0);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "17",
        "[]",
        "{\"endpoint\":5}",
        "{\"token\":{}}",
        "{\"protocols\":\"one\"}",
        "{\"protocols\":[1]}",
        "{\"subscribe\":\"news\"}",
        "{\"subscribe\":[5]}",
        "{\"subscribe\":[\"\"]}",
        "{\"subscribe\":[\"with space\"]}",
        "{\"subscribe\":[{}]}",
        "{\"subscribe\":[{\"channel\":\"news\",\"since\":5}]}",
        "{\"subscribe\":[\"fine\",{\"channel\":\"news\",\"last\":-1}]}",
      })
  void a_session_is_not_opened_by_a_body_that_makes_no_sense(String body) throws IOException {
    int before = server.footbridge().sessions();

    assertProblem(server.post("/sessions", body), 400, "malformed");

    assertThat(server.footbridge().sessions()).isEqualTo(before);
  }

  @Test
  void there_is_no_session_on_an_endpoint_that_does_not_exist() throws IOException {
    assertProblem(server.post("/sessions", "{\"endpoint\":\"/nowhere\"}"), 404, "not_found");
    try (FrameSocket socket = FrameSocket.open(server, "/ws?endpoint=/nowhere")) {
      assertRefused(socket, "not_found");
    }
  }

  static Stream<byte[]> invalidUtf8() {
    return Stream.of(
        new byte[] {(byte) 0xff},
        new byte[] {(byte) 0xc0, (byte) 0x80},
        new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
        new byte[] {(byte) 0xf4, (byte) 0x90, (byte) 0x80, (byte) 0x80},
        new byte[] {(byte) 0xe2, (byte) 0x82});
  }

  @ParameterizedTest
  @MethodSource("invalidUtf8")
  void text_that_is_not_utf8_is_malformed(byte[] invalid) throws IOException {
    String session = server.open("{\"endpoint\":\"/echo\"}");
    byte[] text = quoted(invalid);
    byte[] batch = ("{\"messages\":[" + new String(text, ISO_8859_1) + "]}").getBytes(ISO_8859_1);

    assertProblem(server.ask("POST", "/sessions/" + session + "/send", batch), 400, "malformed");
    assertProblem(server.ask("POST", "/sessions/" + session + "/poll", batch), 400, "malformed");
    assertProblem(server.ask("POST", "/sessions", batch), 400, "malformed");
    assertProblem(
        server.ask("POST", "/channels/" + channel(), text, "Content-Type: application/json"),
        400,
        "malformed");
    assertProblem(
        server.ask("POST", "/channels/" + channel(), invalid, "Content-Type: text/plain"),
        400,
        "malformed");
    try (FrameSocket socket = FrameSocket.open(server, "/ws?endpoint=/echo")) {
      socket.await("welcome");
      socket.frame(FrameSocket.TEXT, text);
      assertThat(socket.awaitClose().closeCode()).isEqualTo(1007);
    }
  }

  private static byte[] quoted(byte[] inner) {
    return ("\"" + new String(inner, ISO_8859_1) + "\"").getBytes(ISO_8859_1);
  }

  @Test
  void a_batch_with_one_bad_value_has_no_effect_at_all() throws IOException {
    String session = server.open();
    String channel = channel();
    String good = publish(1, channel);

    for (String bad : List.of("17", "\"text\"", "{\"op\":\"publish\"}", "{}")) {
      String body = "{\"after\":0,\"messages\":[" + good + "," + bad + "," + good + "]}";
      assertProblem(server.post("/sessions/" + session + "/send", body), 400, "malformed");
      assertProblem(server.post("/sessions/" + session + "/poll", body), 400, "malformed");
    }

    assertReceived(session, 0);
    assertThat(history(server, channel)).isEmpty();
    assertThat(send(session, "{\"after\":0,\"messages\":[" + good + "]}", "").json())
        .isEqualTo(Answer.parse("{\"received\":1}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"op\":\"nonsense\",\"id\":7}",
        "{\"op\":\"\",\"id\":7}",
        "{\"op\":\"subscribe\",\"id\":7}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":5}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"\"}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"a b\"}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"x\",\"since\":\"k:1\"}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"x\",\"since\":{\"epoch\":\"k\",\"offset\":-1}}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"x\",\"since\":{\"epoch\":\"a:b\",\"offset\":1}}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"x\",\"last\":-1}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"x\",\"last\":1.5}",
        "{\"op\":\"subscribe\",\"id\":7,\"channel\":\"x\",\"presence\":\"yes\"}",
        "{\"op\":\"unsubscribe\",\"id\":7}",
        "{\"op\":\"publish\",\"id\":7,\"channel\":\"x\"}",
        "{\"op\":\"publish\",\"id\":7,\"channel\":\"x\",\"data\":1,\"key\":\"\"}",
        "{\"op\":\"publish\",\"id\":7,\"channel\":\"x\",\"data\":1,\"key\":5}",
        "{\"op\":\"history\",\"id\":7,\"channel\":\"x\",\"limit\":-1}",
        "{\"op\":\"history\",\"id\":7,\"channel\":\"x\",\"limit\":1e999999999}",
        "{\"op\":\"presence\",\"id\":7}",
        "{\"op\":\"recover\",\"id\":7}",
        "{\"op\":\"recover\",\"id\":7,\"positions\":[]}",
        "{\"op\":\"call\",\"id\":7}",
        "{\"op\":\"call\",\"id\":7,\"procedure\":\"x\",\"timeout\":-1}",
        "{\"op\":\"call\",\"id\":7,\"procedure\":\"x\",\"timeout\":\"soon\"}",
        "{\"op\":\"call\",\"id\":7,\"procedure\":\"x\",\"timeout\":1000000}",
        "{\"op\":\"register\",\"id\":7,\"procedure\":\"a/b\"}",
        "{\"op\":\"unregister\",\"id\":7}",
        "{\"op\":\"auth\",\"id\":7,\"token\":5}",
      })
  void a_command_that_cannot_be_done_gets_an_error_reply_and_counts(String command)
      throws IOException {
    String session = server.open();

    assertThat(send(session, "{\"messages\":[" + command + "]}", "").status()).isEqualTo(200);

    JsonNode answer = server.get("/sessions/" + session + "/poll?wait=5").json();
    JsonNode reply = answer.path("messages").path(0);
    assertThat(reply.path("op").asText()).isEqualTo("reply");
    assertThat(reply.path("id").asInt()).isEqualTo(7);
    assertThat(reply.path("error").path("code").asText()).isEqualTo("malformed");
    assertThat(reply.path("error").path("message").asText()).endsWith(".");
    assertThat(answer.path("received").asInt()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{",
        "17",
        "",
        "nonsense",
        "\"a text, which the hub does not take\"",
        "{\"op\":\"nonsense\"}",
        "{\"op\":\"publish\",\"channel\":\"x\",\"data\":1}",
        "{\"op\":5}",
        "{\"op\":\"ack\",\"received\":-1}",
        "{\"op\":\"ack\",\"received\":\"1\"}",
        "{\"op\":\"ack\",\"received\":1}",
      })
  void a_value_that_makes_no_sense_ends_the_session_of_its_web_socket(String value)
      throws IOException {
    try (FrameSocket socket = FrameSocket.open(server, "/ws")) {
      String session = socket.await("welcome").path("session").asText();
      socket.text(value);

      assertRefused(socket, "malformed");
      assertProblem(server.get("/sessions/" + session + "/poll"), 410, "session_gone");
    }
  }

  @Test
  void a_binary_message_is_nothing_that_the_hub_takes() throws IOException {
    try (FrameSocket socket = FrameSocket.open(server, "/ws")) {
      socket.await("welcome");
      socket.frame(FrameSocket.BINARY, new byte[] {1, 2, 3});
      assertRefused(socket, "malformed");
    }
  }

  @Test
  void unknown_fields_are_ignored() throws IOException {
    String session = server.open("{\"colour\":\"blue\",\"token\":null}");
    String body =
        "{\"colour\":1,\"messages\":[{\"op\":\"presence\",\"id\":1,\"channel\":\"x\",\"size\":[1]}]}";
    assertThat(send(session, body, "&colour=red").status()).isEqualTo(200);
    JsonNode reply = server.get("/sessions/" + session + "/poll?wait=5").json().at("/messages/0");
    assertThat(reply.path("data").path("count").asInt(-1)).isZero();
  }

  // ---- counts ----

  /** How a session is attached over HTTP: the path and what it says about the last message. */
  private static final List<String> ATTACHMENTS = List.of("poll", "events", "stream", "jsonp");

  @ParameterizedTest
  @ValueSource(
      strings = {"-1", "x", "", "1.5", "0x1", "1e3", "99999999999999999999", "%2B1", "1%00"})
  void a_count_that_is_no_number_is_malformed(String count) throws IOException {
    String session = server.open();
    for (String name : List.of("after", "turn")) {
      for (String attachment : ATTACHMENTS) {
        assertProblem(attach(session, attachment, "&" + name + "=" + count), 400, "malformed");
      }
    }
    assertProblem(send(session, "{}", "&turn=" + count), 400, "malformed");
    assertProblem(attach(session, "poll", "&wait=" + count), 400, "malformed");
    assertProblem(attach(session, "events", "&padding=" + count), 400, "malformed");
    try (FrameSocket socket =
        FrameSocket.open(server, "/ws?session=" + session + "&after=" + count)) {
      assertRefused(socket, "malformed");
    }
  }

  @Test
  void a_last_event_id_that_is_no_number_is_malformed() throws IOException {
    String session = server.open();
    for (String id : List.of("x", "-1", "k3:41", "1.0")) {
      assertProblem(
          server.get("/sessions/" + session + "/events", "Last-Event-ID: " + id), 400, "malformed");
    }
  }

  @Test
  void whoever_claims_to_have_got_more_than_was_sent_is_told_of_a_gap() throws IOException {
    String session = server.open();
    exchangeOne(session);
    for (String attachment : ATTACHMENTS) {
      assertDownGap(attach(session, attachment, "&after=2"), 0, 1);
    }
    assertDownGap(
        assertProblem(
            server.get("/sessions/" + session + "/events?after=0", "Last-Event-ID: 2"), 409, "gap"),
        0,
        1);
    assertDownGap(
        assertProblem(send(session, "{\"received\":2,\"messages\":[]}", ""), 409, "gap"), 0, 1);
    try (FrameSocket socket = FrameSocket.open(server, "/ws?session=" + session + "&after=2")) {
      assertDownGap(assertRefused(socket, "gap"), 0, 1);
    }
    assertReceived(session, 1);
  }

  @Test
  void whoever_comes_back_for_what_it_has_acknowledged_is_told_of_a_gap() throws IOException {
    String session = server.open();
    exchangeOne(session);
    assertThat(server.get("/sessions/" + session + "/poll?after=1").status()).isEqualTo(200);
    for (String attachment : ATTACHMENTS) {
      assertDownGap(attach(session, attachment, "&after=0"), 1, 1);
    }
    try (FrameSocket socket = FrameSocket.open(server, "/ws?session=" + session + "&after=0")) {
      assertDownGap(assertRefused(socket, "gap"), 1, 1);
    }
  }

  @Test
  void an_older_acknowledgement_is_ignored() throws IOException {
    String session = server.open();
    exchangeOne(session);
    assertThat(send(session, "{\"received\":1}", "").status()).isEqualTo(200);
    assertThat(send(session, "{\"received\":0}", "").status()).isEqualTo(200);
    assertThat(server.get("/sessions/" + session + "/poll?after=1").status()).isEqualTo(200);
  }

  @Test
  void a_retried_post_is_counted_once() throws IOException {
    String session = server.open();
    String channel = channel();
    String first = "{\"after\":0,\"messages\":[" + publish(1, channel) + "]}";
    String both =
        "{\"after\":0,\"messages\":[" + publish(1, channel) + "," + publish(2, channel) + "]}";

    for (int i = 0; i < 3; i++) {
      assertThat(send(session, first, "").json().path("received").asInt()).isEqualTo(1);
    }
    assertThat(send(session, both, "").json().path("received").asInt()).isEqualTo(2);
    assertThat(send(session, first, "").json().path("received").asInt()).isEqualTo(2);
    assertThat(server.post("/sessions/" + session + "/poll", both).json().path("received").asInt())
        .isEqualTo(2);

    assertThat(history(server, channel)).containsExactly(1, 2);
  }

  @Test
  void a_post_that_leaves_something_out_is_a_gap_and_has_no_effect() throws IOException {
    String session = server.open();
    String channel = channel();
    String early = "{\"after\":1,\"messages\":[" + publish(2, channel) + "]}";

    for (String path : List.of("send", "poll")) {
      JsonNode problem =
          assertProblem(server.post("/sessions/" + session + "/" + path, early), 409, "gap");
      assertThat(problem.path("direction").asText()).isEqualTo("up");
      assertThat(problem.path("received").asInt(-1)).isZero();
    }

    assertThat(history(server, channel)).isEmpty();
    assertReceived(session, 0);
  }

  // ---- turns ----

  @Test
  void a_request_with_a_lower_turn_is_superseded_and_has_no_effect() throws IOException {
    String session = server.open();
    String channel = channel();
    assertThat(attach(session, "poll", "&turn=5").status()).isEqualTo(200);
    String late = "{\"messages\":[" + publish(1, channel) + "]}";

    assertProblem(send(session, late, "&turn=4"), 409, "superseded");
    assertProblem(server.post("/sessions/" + session + "/poll?turn=4", late), 409, "superseded");
    for (String attachment : ATTACHMENTS) {
      assertProblem(attach(session, attachment, "&turn=4"), 409, "superseded");
    }
    try (FrameSocket socket = FrameSocket.open(server, "/ws?turn=4&session=" + session)) {
      assertRefused(socket, "superseded");
    }

    assertThat(history(server, channel)).isEmpty();
    assertReceived(session, 0);
    assertThat(send(session, late, "&turn=5").json().path("received").asInt()).isEqualTo(1);
  }

  @Test
  void of_two_polls_at_once_the_older_ends_and_the_newer_lives() throws Exception {
    String session = server.open();
    String channel = channel();
    String poll = "/sessions/" + session + "/poll?wait=30";
    subscribe(session, channel);
    try (HttpSocket older = server.connect();
        HttpSocket newer = server.connect()) {
      older.request("GET", poll + "&after=1&turn=1", null);
      // It is in as soon as a lower turn is refused.
      await().until(() -> send(session, "{}", "&turn=0").status() == 409);
      newer.request("GET", poll + "&after=1&turn=1", null);

      JsonNode ended = older.answer().json();
      assertThat(ended.path("messages")).isEmpty();
      assertThat(ended.path("messages").isArray()).isTrue();
      assertThat(ended.path("bye").path("code").asText()).isEqualTo("superseded");
      assertThat(ended.path("bye").path("reconnect").asBoolean(true)).isFalse();

      server.footbridge().publish(channel, 17);
      JsonNode answer = newer.answer().json();
      assertThat(answer.path("first").asInt()).isEqualTo(2);
      assertThat(answer.at("/messages/0/data").asInt()).isEqualTo(17);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "&turn=3"})
  void while_a_web_socket_is_attached_a_post_of_the_same_turn_or_none_is_superseded(String turn)
      throws IOException {
    String session = server.open();
    String channel = channel();
    String body = "{\"messages\":[" + publish(1, channel) + "]}";
    try (FrameSocket socket = FrameSocket.open(server, "/ws?turn=3&session=" + session)) {
      socket.await("welcome");

      assertProblem(send(session, body, turn), 409, "superseded");
      assertProblem(
          server.post("/sessions/" + session + "/poll?wait=0" + turn, body), 409, "superseded");

      assertThat(history(server, channel)).isEmpty();
      socket.text(publish(2, channel));
      assertThat(socket.await("reply").path("id").asInt()).isEqualTo(2);
      assertThat(history(server, channel)).containsExactly(2);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"send", "poll"})
  void a_post_of_a_higher_turn_ends_the_web_socket_before_it_counts(String path)
      throws IOException {
    String session = server.open();
    String channel = channel();
    try (FrameSocket socket = FrameSocket.open(server, "/ws?turn=3&session=" + session)) {
      socket.await("welcome");
      String body = "{\"messages\":[" + publish(1, channel) + "]}";

      Answer answer = server.post("/sessions/" + session + "/" + path + "?turn=4", body);

      assertThat(answer.json().path("received").asInt()).isEqualTo(1);
      assertRefused(socket, "superseded");
      assertThat(history(server, channel)).containsExactly(1);
    }
  }

  @Test
  void closing_needs_no_turn() throws IOException {
    String session = server.open();
    try (FrameSocket socket = FrameSocket.open(server, "/ws?turn=3&session=" + session)) {
      socket.await("welcome");
      assertThat(server.ask("DELETE", "/sessions/" + session, null).status()).isEqualTo(204);
      assertRefused(socket, "closed");
    }
    assertProblem(attach(session, "poll", ""), 410, "session_gone");
  }

  // ---- sessions that are none ----

  @ParameterizedTest
  @CsvSource({
    "nonsense, 404, not_found",
    "m., 404, not_found",
    "m.short, 404, not_found",
    "'m.AAAAAAAAAAAAAAAAAAAAA%2F', 404, not_found",
    "'..', 404, not_found",
    "'%00', 404, not_found",
    UNKNOWN_ID + ", 410, session_gone",
    "otherNode.AAAAAAAAAAAAAAAAAAAAAA, 410, session_gone",
  })
  void a_session_that_is_none_is_told_apart_from_one_that_is_gone(
      String id, int status, String code) throws IOException {
    for (String attachment : ATTACHMENTS) {
      assertProblem(attach(id, attachment, ""), status, code);
    }
    assertProblem(server.post("/sessions/" + id + "/poll", "{}"), status, code);
    assertProblem(send(id, "{}", ""), status, code);
    try (FrameSocket socket = FrameSocket.open(server, "/ws?session=" + id)) {
      assertRefused(socket, code);
    }
    Answer deleted = server.ask("DELETE", "/sessions/" + id, null);
    Answer closed = server.post("/sessions/" + id + "/close", "");
    if (status == 410) {
      assertThat(deleted.status()).isEqualTo(204);
      assertThat(closed.status()).isEqualTo(204);
    } else {
      assertProblem(deleted, status, code);
      assertProblem(closed, status, code);
    }
  }

  @Test
  void a_session_that_was_closed_is_gone() throws IOException {
    for (boolean beacon : new boolean[] {false, true}) {
      String id = server.open();
      Answer closed =
          beacon
              ? server.post("/sessions/" + id + "/close", "")
              : server.ask("DELETE", "/sessions/" + id, null);
      assertThat(closed.status()).isEqualTo(204);
      assertProblem(attach(id, "poll", ""), 410, "session_gone");
    }
  }

  // ---- JSONP ----

  @ParameterizedTest
  @ValueSource(
      strings = {
        "alert(1)//",
        "<script>alert(1)</script>",
        "a;b",
        "a b",
        "a[0]",
        "a..b",
        "1a",
        "",
        "a%0Ab",
        "a%E2%80%A8b",
        "%C3%A4",
      })
  void a_callback_that_is_no_name_is_refused_in_plain_text(String callback) throws IOException {
    String session = server.open();
    String encoded = callback.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20");

    Answer answer = server.get("/sessions/" + session + "/jsonp?callback=" + encoded);

    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain; charset=utf-8");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.text()).doesNotContain("alert").doesNotContain("<");
    assertTellsNothing(answer);
  }

  @Test
  void a_callback_must_be_given_and_short() throws IOException {
    String session = server.open();
    assertThat(server.get("/sessions/" + session + "/jsonp").status()).isEqualTo(400);
    String longest = "c".repeat(128);
    String jsonp = "/sessions/" + session + "/jsonp?callback=";
    assertThat(server.get(jsonp + longest).text()).startsWith("/**/" + longest + "(");
    assertThat(server.get(jsonp + longest + "c").status()).isEqualTo(400);
  }

  @Test
  void what_comes_to_a_callback_cannot_end_its_line() throws IOException {
    String session = server.open("{\"endpoint\":\"/echo\"}");
    send(session, "{\"messages\":[\"\u2028 </script> \u2029\"]}", "");

    Answer answer = server.get("/sessions/" + session + "/jsonp?callback=f&wait=5");

    assertThat(answer.header("Content-Type")).startsWith("application/javascript");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.text()).contains("\\u2028").doesNotContain("\u2028", "\u2029");
  }

  // ---- WebSocket ----

  /** Frames that break the protocol, each with the status code that tells so. */
  static Stream<Object[]> brokenFrames() {
    byte[] text = "{\"op\":\"ping\"}".getBytes(UTF_8);
    return Stream.of(
        new Object[] {"unmasked", FrameSocket.encode(0x81, false, text)},
        new Object[] {"first reserved bit", FrameSocket.encode(0xc1, true, text)},
        new Object[] {"second reserved bit", FrameSocket.encode(0xa1, true, text)},
        new Object[] {"third reserved bit", FrameSocket.encode(0x91, true, text)},
        new Object[] {"reserved opcode 3", FrameSocket.encode(0x83, true, text)},
        new Object[] {"reserved opcode 11", FrameSocket.encode(0x8b, true, text)},
        new Object[] {"fragmented ping", FrameSocket.encode(0x09, true, new byte[0])},
        new Object[] {"fragmented close", FrameSocket.encode(0x08, true, new byte[0])},
        new Object[] {"long ping", FrameSocket.encode(0x89, true, new byte[126])},
        new Object[] {"continuation of nothing", FrameSocket.encode(0x80, true, text)},
        new Object[] {"close with half a code", FrameSocket.encode(0x88, true, new byte[1])},
        new Object[] {
          "close with 1005", FrameSocket.encode(0x88, true, new byte[] {3, (byte) 0xed})
        },
        new Object[] {
          "negative length", new byte[] {(byte) 0x81, (byte) 0xff, -1, -1, -1, -1, -1, -1, -1, -1}
        });
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenFrames")
  void a_frame_against_the_rules_closes_with_a_protocol_error_and_the_session_lives(
      String what, byte[] frame) throws IOException {
    try (FrameSocket socket = FrameSocket.open(server, "/ws")) {
      String session = socket.await("welcome").path("session").asText();
      socket.socket().write(frame);

      assertThat(socket.awaitClose().closeCode()).as(what).isEqualTo(1002);
      assertThat(socket.read()).isNull();
      assertThat(attach(session, "poll", "").status()).isEqualTo(200);
    }
  }

  @Test
  void a_second_message_within_a_fragmented_one_is_a_protocol_error() throws IOException {
    try (FrameSocket socket = FrameSocket.open(server, "/ws")) {
      socket.await("welcome");
      socket.frame(0x01, "{".getBytes(UTF_8)).text("{\"op\":\"ping\"}");
      assertThat(socket.awaitClose().closeCode()).isEqualTo(1002);
    }
  }

  @Test
  void half_a_frame_and_then_silence_is_a_dead_peer() throws IOException {
    byte[] frame = FrameSocket.encode(FrameSocket.TEXT, true, "{\"op\":\"ping\"}".getBytes(UTF_8));
    List<FrameSocket> sockets = new ArrayList<>();
    try (TestServer impatient =
        TestServer.start(
            builder ->
                builder.set(Setting.SESSION_PING_SECONDS, 1).set(Setting.SESSION_TTL_SECONDS, 1))) {
      for (int octets : new int[] {1, 2, 6, 9}) {
        FrameSocket socket =
            FrameSocket.open(impatient, "/ws", "Sec-WebSocket-Protocol: footbridge.v1");
        sockets.add(socket);
        socket.await("welcome");
        socket.socket().write(Arrays.copyOf(frame, octets));
      }

      for (FrameSocket socket : sockets) {
        assertThat(socket.await("ping").size()).isEqualTo(1);
        assertThat(socket.socket().endsByServer()).isTrue();
        socket.close();
      }
      await().atMost(Duration.ofSeconds(10)).until(() -> impatient.footbridge().sessions() == 0);
    }
  }

  @Test
  void a_web_socket_needs_an_upgrade() throws IOException {
    Answer answer = server.get("/ws");
    assertProblem(answer, 426, "upgrade_required");
    assertThat(answer.header("Upgrade")).isEqualTo("websocket");
    assertThat(answer.header("Sec-WebSocket-Version")).isEqualTo("13");
  }

  @ParameterizedTest
  @CsvSource({
    "Sec-WebSocket-Version: 12, 426, upgrade_required",
    "Sec-WebSocket-Key: short, 400, malformed",
    "Connection: close, 400, malformed",
    "Nothing: special, 426, upgrade_required",
  })
  void a_handshake_that_lacks_something_is_refused(String wrong, int status, String code)
      throws IOException {
    List<String> headers =
        new ArrayList<>(
            List.of(
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="));
    if (!wrong.startsWith("Nothing")) {
      headers.add("Upgrade: websocket");
    }
    String name = wrong.substring(0, wrong.indexOf(':'));
    headers.removeIf(header -> header.startsWith(name));
    headers.add(wrong);
    assertProblem(server.get("/ws", headers.toArray(String[]::new)), status, code);
  }

  // ---- methods, paths and origins ----

  /** Every path of the protocol with its method. */
  private static List<String[]> requests(String session) {
    String path = "/sessions/" + session;
    return List.of(
        new String[] {"POST", "/sessions"},
        new String[] {"GET", path + "/poll"},
        new String[] {"POST", path + "/poll"},
        new String[] {"POST", path + "/send"},
        new String[] {"GET", path + "/events"},
        new String[] {"GET", path + "/stream"},
        new String[] {"GET", path + "/jsonp?callback=f"},
        new String[] {"POST", path + "/close"},
        new String[] {"DELETE", path},
        new String[] {"GET", "/channels/news"},
        new String[] {"POST", "/channels/news"},
        new String[] {"GET", "/health"});
  }

  @Test
  void head_is_no_method_of_a_path_but_health_and_attaches_nothing() throws IOException {
    String session = server.open();
    try (FrameSocket socket = FrameSocket.open(server, "/ws?session=" + session)) {
      socket.await("welcome");
      for (String[] request : requests(session)) {
        try (HttpSocket head = server.connect()) {
          Answer answer = head.request("HEAD", request[1], null).head();
          if (request[1].equals("/health")) {
            assertThat(answer.status()).isEqualTo(200);
            continue;
          }
          assertThat(answer.status()).as(request[1]).isEqualTo(405);
          assertThat(answer.header("Allow")).contains(request[0]).contains("OPTIONS");
        }
      }
      socket.text("{\"op\":\"ping\"}");
      assertThat(socket.value().path("op").asText()).isEqualTo("pong");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"PUT", "PATCH", "TRACE", "PROPFIND", "NONSENSE"})
  void other_methods_are_not_allowed(String method) throws IOException {
    String session = server.open();
    for (String[] request : requests(session)) {
      assertProblem(server.ask(method, request[1], null), 405, "method_not_allowed");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/nowhere",
        "/sessions/" + UNKNOWN_ID + "/nowhere",
        "/sessions/" + UNKNOWN_ID + "/poll/deeper",
        "/channels",
        "/channels/a/b",
        "/wsx",
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//",
      })
  void there_is_nothing_elsewhere(String path) throws IOException {
    assertProblem(server.get(path), 404, "not_found");
  }

  @Test
  void a_page_of_a_foreign_origin_may_use_nothing() throws IOException {
    String session = server.open();
    int before = history(server, "news").size();
    for (String[] request : requests(session)) {
      byte[] body = request[0].equals("POST") ? "{}".getBytes(UTF_8) : null;
      Answer answer = server.ask(request[0], request[1], body, FOREIGN);
      assertProblem(answer, 403, "origin");
      assertThat(answer.headers()).doesNotContainKey("access-control-allow-origin");
      assertProblem(server.ask("OPTIONS", request[1], null, FOREIGN), 403, "origin");
    }
    try (HttpSocket socket = server.connect()) {
      assertThat(FrameSocket.shake(socket, "/ws", FOREIGN).status()).isEqualTo(403);
    }
    assertReceived(session, 0);
    assertThat(history(server, "news")).hasSize(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "https://friend.example.evil.example",
        "http://friend.example",
        "https://friend.example:444",
        "https://localhost",
        "",
        "nonsense",
      })
  void an_origin_is_compared_as_a_whole(String origin) throws IOException {
    assertProblem(server.post("/sessions", "", "Origin: " + origin), 403, "origin");
  }

  @Test
  void a_page_of_an_allowed_origin_may_read_every_answer() throws IOException {
    String session = server.open();
    String header = "Origin: " + FRIEND;
    for (String[] request : requests(session)) {
      Answer preflight =
          server.ask(
              "OPTIONS", request[1], null, header, "Access-Control-Request-Method: " + request[0]);
      assertThat(preflight.status()).as(request[1]).isEqualTo(204);
      assertThat(preflight.header("Access-Control-Allow-Origin")).isEqualTo(FRIEND);
      assertThat(preflight.header("Access-Control-Allow-Methods"))
          .contains("GET", "POST", "DELETE");
      assertThat(preflight.header("Access-Control-Allow-Headers"))
          .contains("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID");
      assertThat(preflight.header("Vary")).contains("Origin");
    }
    for (String[] request : requests(UNKNOWN_ID)) {
      byte[] body = request[0].equals("POST") ? "{}".getBytes(UTF_8) : null;
      Answer answer = server.ask(request[0], request[1], body, header);
      assertThat(answer.header("Access-Control-Allow-Origin")).as(request[1]).isEqualTo(FRIEND);
      assertThat(answer.header("Vary")).contains("Origin");
    }
    try (FrameSocket socket = FrameSocket.open(server, "/ws", header)) {
      assertThat(socket.value().path("op").asText()).isEqualTo("welcome");
    }
  }

  @Test
  void the_pages_of_the_servers_own_host_need_no_permission() throws IOException {
    Answer answer = server.post("/sessions", "", "Origin: http://localhost:" + server.port());
    assertThat(answer.status()).isEqualTo(201);
    assertThat(answer.headers()).doesNotContainKey("access-control-allow-origin");
  }

  // ---- HTTP itself ----

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET /sessions\r\n\r\n",
        "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
        "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /channels/a%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "POST /sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
      })
  void what_is_no_http_gets_nothing_out_of_the_server(String request) throws IOException {
    try (HttpSocket socket = server.connect()) {
      socket.write(request.getBytes(ISO_8859_1)).patience(500);
      byte[] all;
      try {
        all = socket.in().readNBytes(100_000);
      } catch (IOException resetOrSilent) {
        all = new byte[0];
      }
      assertThat(new String(all, ISO_8859_1))
          .doesNotContain("Exception", "\tat ", "io.undertow", "dev.footbridge")
          .doesNotContainIgnoringCase("server:")
          .doesNotStartWith("HTTP/1.1 5");
    }
  }

  @Test
  void whoever_waits_for_the_go_ahead_before_a_body_gets_it() throws IOException {
    try (HttpSocket socket = server.connect()) {
      socket.write(
          "POST /sessions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
      assertThat(socket.line()).startsWith("HTTP/1.1 100 ");
      assertThat(socket.line()).isEmpty();
      assertThat(socket.write("{}").answer().status()).isEqualTo(201);
    }
  }

  @Test
  void whoever_waits_for_the_go_ahead_and_may_not_send_is_refused_at_once() throws IOException {
    try (HttpSocket socket = server.connect()) {
      socket.write(
          "POST /sessions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
              + FOREIGN
              + "\r\nContent-Length: 2\r\n\r\n");
      assertProblem(socket.answer(), 403, "origin");
    }
  }

  // ---- what they have in common ----

  private static String channel() {
    channels++;
    return "bad-input-" + channels;
  }

  private static String publish(int id, String channel) {
    return "{\"op\":\"publish\",\"id\":%d,\"channel\":\"%s\",\"data\":%d}"
        .formatted(id, channel, id);
  }

  private static Answer send(String session, String body, String query) throws IOException {
    return server.post("/sessions/" + session + "/send?" + query, body);
  }

  /** Attaches in a way that must be refused; of JSONP the callback's argument counts. */
  private static Answer attach(String session, String how, String query) throws IOException {
    if (!how.equals("jsonp")) {
      return server.get("/sessions/" + session + "/" + how + "?" + query);
    }
    Answer answer = server.get("/sessions/" + session + "/jsonp?callback=f" + query);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.text()).startsWith("/**/f(").endsWith(");");
    byte[] argument = answer.text().substring(6, answer.text().length() - 2).getBytes(UTF_8);
    JsonNode problem = Answer.parse(new String(argument, UTF_8));
    return new Answer(
        problem.path("status").asInt(),
        java.util.Map.of("content-type", "application/problem+json"),
        argument);
  }

  private static void subscribe(String session, String channel) throws IOException {
    String command = "{\"op\":\"subscribe\",\"id\":0,\"channel\":\"" + channel + "\"}";
    assertThat(send(session, "{\"messages\":[" + command + "]}", "").status()).isEqualTo(200);
  }

  /** One message up and its reply down, neither fetched nor acknowledged. */
  private static void exchangeOne(String session) throws IOException {
    subscribe(session, channel());
  }

  private static void assertReceived(String session, int count) throws IOException {
    assertThat(send(session, "{\"messages\":[]}", "").json().path("received").asInt(-1))
        .isEqualTo(count);
  }

  private static void assertDownGap(Answer answer, int first, int last) {
    assertDownGap(assertProblem(answer, 409, "gap"), first, last);
  }

  private static void assertDownGap(JsonNode gap, int first, int last) {
    assertThat(gap.path("direction").asText()).isEqualTo("down");
    assertThat(gap.path("first").asInt(-1)).isEqualTo(first);
    assertThat(gap.path("last").asInt(-1)).isEqualTo(last);
  }
}
