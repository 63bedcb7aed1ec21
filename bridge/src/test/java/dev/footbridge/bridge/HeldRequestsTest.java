package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Problems.assertTellsNothing;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.EventReader;
import dev.footbridge.testclient.FrameSocket;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that are held, the connections below them, and what an answer tells. */
class HeldRequestsTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  private static TestServer server;
  private static int channels;

  @BeforeAll
  static void start() throws IOException {
    // A session without a connection is gone after a second: that is how a detachment is seen.
    server = TestServer.start(builder -> builder.set(Setting.SESSION_TTL_SECONDS, 1));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  // ---- peers that leave ----

  @Test
  void a_peer_that_leaves_is_noticed() throws IOException {
    List<String> requests =
        List.of(
            "GET poll?wait=50",
            "POST poll?wait=50",
            "GET jsonp?callback=f&wait=50",
            "GET events",
            "GET stream");
    Map<String, String> sessions = new LinkedHashMap<>();
    List<HttpSocket> killed = new ArrayList<>();
    List<HttpSocket> closed = new ArrayList<>();
    for (List<HttpSocket> sockets : List.of(killed, closed)) {
      String how = sockets == killed ? ", killed" : ", closed";
      for (String request : requests) {
        String session = server.open();
        String[] parts = request.split(" ", 2);
        byte[] body = parts[0].equals("POST") ? new byte[] {'{', '}'} : null;
        sockets.add(
            server.connect().request(parts[0], "/sessions/" + session + "/" + parts[1], body));
        sessions.put(request + how, session);
      }
      FrameSocket webSocket = FrameSocket.open(server, "/ws");
      sockets.add(webSocket.socket());
      sessions.put("WebSocket" + how, webSocket.await("welcome").path("session").asText());
    }
    awaitTimeToLive();
    for (Map.Entry<String, String> session : sessions.entrySet()) {
      assertThat(isGone(session.getValue())).as("held: " + session.getKey()).isFalse();
    }

    killed.forEach(HttpSocket::kill);
    for (HttpSocket socket : closed) {
      socket.close();
    }

    for (Map.Entry<String, String> session : sessions.entrySet()) {
      await(session.getKey()).atMost(SOON).until(() -> isGone(session.getValue()));
    }
  }

  @Test
  void those_who_are_present_are_told_when_somebody_is_gone() throws IOException {
    String channel = channel();
    String join =
        "{\"op\":\"subscribe\",\"id\":1,\"channel\":\"" + channel + "\",\"presence\":true}";
    try (SessionClient watcher = SessionClient.open(server, Transport.WEBSOCKET);
        SessionClient guest = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      watcher.command(join);
      guest.command(join);
      JsonNode joined = watcher.awaitValue(value -> value.path("joined").size() == 1);

      guest.kill();

      JsonNode left = watcher.awaitValue(value -> value.path("left").size() == 1);
      assertThat(left.at("/left/0/member")).isEqualTo(joined.at("/joined/0/member"));
      assertThat(left.path("count").asInt()).isEqualTo(1);
    }
  }

  // ---- clients that cannot see a status ----

  private static Answer hidden(HttpSocket socket, String request, String body) throws IOException {
    String[] parts = request.split(" ", 2);
    byte[] bytes = body == null ? null : body.getBytes(UTF_8);
    Answer answer = socket.request(parts[0], parts[1], bytes).answer();
    assertThat(answer.status()).as(request + ": " + answer).isEqualTo(200);
    return answer;
  }

  @Test
  void every_answer_has_the_status_that_its_client_can_see() throws IOException {
    try (HttpSocket socket = server.connect()) {
      Answer opened = hidden(socket, "POST /sessions?status=200", "{}");
      String path = opened.header("Location");
      assertThat(path).isEqualTo("/sessions/" + opened.json().path("session").asText());
      assertThat(hidden(socket, "POST " + path + "/send?status=200", "{}").text())
          .isEqualTo("{\"received\":0}");
      hidden(socket, "GET " + path + "/poll?status=200", null);
      String gone = "/sessions/m.AAAAAAAAAAAAAAAAAAAAAA";
      String[][] errors = {
        {"GET " + path + "/poll?after=7&status=200", null, "409", "gap"},
        {"GET " + path + "/events?after=7&status=200", null, "409", "gap"},
        {"GET " + path + "/stream?after=x&status=200", null, "400", "malformed"},
        {"POST " + path + "/send?status=200", "{", "400", "malformed"},
        {"POST " + path + "/poll?status=200", "{\"after\":3}", "409", "gap"},
        {"GET " + path + "/send?status=200", null, "405", "method_not_allowed"},
        {"GET " + path + "/wibble?status=200", null, "404", "not_found"},
        {"GET " + gone + "/stream?status=200", null, "410", "session_gone"},
        {"GET /sessions/x/poll?status=200", null, "404", "not_found"},
        {"POST /sessions/x/close?status=200", "", "404", "not_found"},
        {"POST /sessions?status=200", "{\"messages\":[7]}", "400", "malformed"},
      };
      for (String[] error : errors) {
        Answer answer = hidden(socket, error[0], error[1]);
        assertProblem(answer.json(), Integer.parseInt(error[2]), error[3]);
      }
      Answer stream = socket.request("GET", path + "/stream?status=200", null).head();
      assertThat(stream.status()).isEqualTo(200);
      InputStream lines = socket.body(stream);
      assertThat(HttpSocket.line(lines)).contains("welcome");
      try (HttpSocket closer = server.connect()) {
        assertThat(hidden(closer, "POST " + path + "/close?status=200", "").body()).isEmpty();
        assertThat(hidden(closer, "POST " + gone + "/close?status=200", "").body()).isEmpty();
      }
      assertThat(HttpSocket.line(lines)).contains("closed");
    }
  }

  @Test
  void no_other_status_can_be_had_and_a_foreign_origin_is_told_so() throws IOException {
    String session = server.open();
    for (String wish : List.of("201", "", "x", "404")) {
      assertProblem(server.post("/sessions?status=" + wish, ""), 400, "malformed");
      assertProblem(server.get("/sessions/" + session + "/poll?status=" + wish), 400, "malformed");
      String jsonp = "/sessions/" + session + "/jsonp?callback=f&status=" + wish;
      assertThat(server.get(jsonp).text()).contains("\"received\":0");
    }
    assertProblem(
        server.get("/sessions/" + session + "/jsonp?callback=1&status=200", "Origin: http://x"),
        403,
        "origin");
    assertThat(server.get("/sessions/" + session + "/jsonp?callback=1&status=200").status())
        .isEqualTo(400);
    assertProblem(server.post("/sessions?status=200", "", "Origin: http://x"), 403, "origin");
  }

  // ---- pings that are asked for ----

  @ParameterizedTest
  @ValueSource(strings = {"events", "stream"})
  void a_stream_is_pinged_as_soon_as_its_client_wishes(String transport) throws IOException {
    String session = server.open();
    try (HttpSocket socket = server.connect()) {
      String target = "/sessions/" + session + "/" + transport + "?ping=2";
      InputStream body = socket.body(socket.request("GET", target, null).head());
      long last = System.nanoTime();
      int pings = 0;
      while (pings < 3) {
        String line = HttpSocket.line(body);
        if (line.contains("\"op\"")) {
          long now = System.nanoTime();
          assertThat(Duration.ofNanos(now - last)).isLessThan(Duration.ofSeconds(3));
          last = now;
          pings += line.contains("\"ping\"}") ? 1 : 0;
        }
      }
    }
  }

  @Test
  void a_wish_to_be_pinged_never_or_always_is_none() throws IOException {
    String session = server.open();
    for (String wish : List.of("0", "-1", "x", "1.5", "")) {
      assertProblem(server.get("/sessions/" + session + "/stream?ping=" + wish), 400, "malformed");
    }
    try (TestServer quick =
            TestServer.start(builder -> builder.set(Setting.SESSION_PING_SECONDS, 1));
        HttpSocket socket = quick.connect()) {
      // Longer than what is set is what is set.
      String target = "/sessions/" + quick.open() + "/stream?ping=3000";
      InputStream body = socket.body(socket.request("GET", target, null).head());
      HttpSocket.line(body);
      assertThat(HttpSocket.line(body)).isEqualTo("{\"op\":\"ping\"}");
    }
  }

  // ---- connections that are used again ----

  @Test
  void what_is_pipelined_behind_a_held_poll_is_the_next_request() throws IOException {
    String session = server.open();
    String channel = channel();
    subscribe(session, channel);
    String next = "GET /channels/" + channel + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    try (HttpSocket socket = server.connect()) {
      // One comes together with the poll, one when it is held, one in two halves.
      socket.write(
          "GET /sessions/"
              + session
              + "/poll?after=1&wait=20&turn=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
              + next);
      awaitTurn(session);
      socket.write(next + next.substring(0, 10));
      server.footbridge().publish(channel, 17).toCompletableFuture().join();

      assertThat(socket.answer().json().at("/messages/0/data").asInt()).isEqualTo(17);
      assertThat(socket.answer().json().at("/messages/0/data").asInt()).isEqualTo(17);
      assertThat(socket.answer().json().at("/messages/0/data").asInt()).isEqualTo(17);
      socket.write(next.substring(10));
      assertThat(socket.answer().json().at("/messages/0/data").asInt()).isEqualTo(17);
    }
  }

  @Test
  void an_answer_does_not_wait_for_the_held_poll_that_is_pipelined_behind_it() throws IOException {
    String session = server.open();
    try (HttpSocket socket = server.connect()) {
      socket.write(
          "GET /channels/x HTTP/1.1\r\nHost: localhost\r\n\r\n"
              + "GET /sessions/"
              + session
              + "/poll?wait=50 HTTP/1.1\r\nHost: localhost\r\n\r\n");
      assertThat(socket.patience(5000).answer().status()).isEqualTo(200);
    }
  }

  @Test
  void what_comes_while_a_poll_is_held_is_the_next_request() throws IOException {
    String session = server.open();
    String channel = channel();
    subscribe(session, channel);
    try (HttpSocket socket = server.connect()) {
      socket.request("GET", "/sessions/" + session + "/poll?after=1&wait=20&turn=1", null);
      awaitTurn(session);
      socket.request("GET", "/sessions/" + session + "/poll?after=2&turn=1", null);
      server.footbridge().publish(channel, 17).toCompletableFuture().join();

      assertThat(socket.answer().json().at("/messages/0/data").asInt()).isEqualTo(17);
      assertThat(socket.answer().json().path("messages")).isEmpty();
    }
  }

  @Test
  void a_connection_serves_one_held_poll_after_the_other() throws IOException {
    String session = server.open();
    String channel = channel();
    subscribe(session, channel);
    try (HttpSocket socket = server.connect()) {
      for (int i = 1; i <= 50; i++) {
        socket.request("GET", "/sessions/" + session + "/poll?wait=20&after=" + i, null);
        server.footbridge().publish(channel, i);
        JsonNode answer = socket.answer().json();
        assertThat(answer.path("first").asInt()).isEqualTo(i + 1);
        assertThat(answer.at("/messages/0/data").asInt()).isEqualTo(i);
      }
      socket.request("GET", "/channels/" + channel + "?limit=1", null);
      assertThat(socket.answer().status()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"events", "stream"})
  void a_connection_is_used_again_after_a_stream_has_ended(String stream) throws IOException {
    String session = server.open();
    try (HttpSocket socket = server.connect()) {
      for (int i = 0; i < 3; i++) {
        socket.request("GET", "/sessions/" + session + "/" + stream, null);
        Answer head = socket.head();
        assertThat(head.status()).isEqualTo(200);
        // A newer receiver ends it.
        assertThat(server.get("/sessions/" + session + "/poll").status()).isEqualTo(200);
        String all = new String(socket.body(head).readAllBytes(), UTF_8);
        assertThat(all).contains("\"superseded\"");
      }
      assertThat(socket.request("GET", "/health", null).answer().status()).isEqualTo(200);
    }
  }

  @Test
  void a_connection_is_used_again_after_a_refusal() throws IOException {
    try (HttpSocket socket = server.connect()) {
      for (String target : List.of("/nowhere", "/sessions/x/poll", "/ws", "/channels/a%20b")) {
        assertThat(socket.request("GET", target, null).answer().status()).isBetween(400, 499);
      }
      assertThat(socket.request("POST", "/sessions", "{".getBytes(UTF_8)).answer().status())
          .isEqualTo(400);
      assertThat(socket.request("GET", "/health", null).answer().status()).isEqualTo(200);
    }
  }

  // ---- answers ----

  @Test
  void a_healthy_server_says_so() throws IOException {
    Answer answer = server.get("/health");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("application/json");
    assertThat(answer.text()).isEqualTo("{\"status\":\"up\"}");
  }

  @Test
  void no_answer_tells_of_the_servers_inside() throws IOException {
    String session = server.open();
    List<String> targets =
        List.of(
            "/",
            "/health",
            "/footbridge.js?x",
            "/ws",
            "/sessions",
            "/sessions/" + session,
            "/sessions/" + session + "/poll",
            "/sessions/" + session + "/poll?after=x",
            "/sessions/" + session + "/jsonp?callback=f",
            "/sessions/" + session + "/jsonp?callback=<",
            "/channels/x",
            "/channels/x?since=x",
            "/channels/%ff",
            "/nowhere");
    for (String target : targets) {
      for (String method : List.of("GET", "POST", "DELETE", "OPTIONS", "PUT")) {
        Answer answer = server.ask(method, target, method.equals("POST") ? new byte[] {'{'} : null);
        assertTellsNothing(answer);
        assertThat(answer.status()).as(method + " " + target).isLessThan(500);
        if (answer.status() >= 400 && answer.body().length > 0 && !target.contains("callback=<")) {
          assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
          assertThat(answer.json().path("code").asText()).matches("[a-z_]+");
        }
      }
    }
  }

  @Test
  void what_is_not_to_be_kept_says_so() throws IOException {
    String session = server.open();
    for (String target :
        List.of("/sessions/" + session + "/poll", "/channels/x", "/sessions/x/poll", "/nowhere")) {
      assertThat(server.get(target).header("Cache-Control")).contains("no-store");
    }
    try (HttpSocket socket = server.connect()) {
      socket.request("GET", "/sessions/" + session + "/events", null);
      Answer head = socket.head();
      assertThat(head.header("Cache-Control")).contains("no-store", "no-transform");
      assertThat(head.header("X-Accel-Buffering")).isEqualTo("no");
      EventReader events = new EventReader(socket.body(head));
      assertThat(events.next().id()).isNull();
    }
  }

  // ---- what they have in common ----

  private static String channel() {
    channels++;
    return "held-" + channels;
  }

  private static void subscribe(String session, String channel) throws IOException {
    String body =
        "{\"messages\":[{\"op\":\"subscribe\",\"id\":0,\"channel\":\"" + channel + "\"}]}";
    assertThat(server.post("/sessions/" + session + "/send", body).status()).isEqualTo(200);
  }

  /** A session that nobody has attached to is gone. */
  private static void awaitTimeToLive() throws IOException {
    String doomed = server.open();
    await().atMost(SOON).until(() -> isGone(doomed));
  }

  /** The poll of turn 1 is in as soon as a lower turn is refused. */
  private static void awaitTurn(String session) {
    await()
        .atMost(SOON)
        .until(() -> server.post("/sessions/" + session + "/send?turn=0", "{}").status() == 409);
  }

  /** Asks without touching the session: this is refused before it has any effect. */
  private static boolean isGone(String session) throws IOException {
    return server.get("/sessions/" + session + "/poll?after=999999999").status() == 410;
  }
}
