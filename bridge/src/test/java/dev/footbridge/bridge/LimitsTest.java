package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Problems.assertRefused;
import static dev.footbridge.testclient.Values.assertError;
import static dev.footbridge.testclient.Values.assertFine;
import static dev.footbridge.testclient.Values.data;
import static dev.footbridge.testclient.Values.offsets;
import static dev.footbridge.testclient.Values.range;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.Ending;
import dev.footbridge.testclient.EventReader;
import dev.footbridge.testclient.FrameSocket;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import java.io.IOException;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What happens at every limit, and to whoever goes beyond it. */
class LimitsTest {
  /** The settings that a test is about. */
  @Retention(RetentionPolicy.RUNTIME)
  @interface Of {
    Setting[] value();
  }

  @Test
  void every_limit_has_a_test() {
    Set<Setting> missing = EnumSet.allOf(Setting.class);
    missing.removeAll(Set.of(Setting.PORT, Setting.INTERNAL_PORT, Setting.IO_THREADS));
    for (Class<?> tests : List.of(LimitsTest.class, ClusterLimitsTest.class)) {
      for (Method method : tests.getDeclaredMethods()) {
        Of of = method.getAnnotation(Of.class);
        if (of != null) {
          missing.removeAll(List.of(of.value()));
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  // ---- requests ----

  @Test
  @Of(Setting.LIMITS_MESSAGE_BYTES)
  void a_message_may_be_as_large_as_the_limit_and_not_an_octet_more() throws IOException {
    int limit = 1000;
    String fits = quoted(limit);
    String tooLarge = quoted(limit + 1);
    try (TestServer server = limited(Setting.LIMITS_MESSAGE_BYTES, limit)) {
      String session = server.open("{\"endpoint\":\"/echo\"}");
      String send = "/sessions/" + session + "/send";
      String poll = "/sessions/" + session + "/poll";

      assertThat(server.post(send, batch(fits)).status()).isEqualTo(200);
      assertThat(server.post(poll, batch(fits)).status()).isEqualTo(200);
      assertProblem(server.post(send, batch("\"x\"", tooLarge)), 413, "too_large");
      assertProblem(server.post(poll, batch("\"x\"", tooLarge)), 413, "too_large");
      assertThat(server.post(send, "{}").json().path("received").asInt()).isEqualTo(2);

      assertThat(server.post("/channels/x", fits).status()).isEqualTo(200);
      assertProblem(server.post("/channels/x", tooLarge), 413, "too_large");
      assertProblem(
          server.post("/channels/x", "x".repeat(limit + 1), "Content-Type: text/plain"),
          413,
          "too_large");
    }
  }

  @Test
  @Of(Setting.LIMITS_MESSAGE_BYTES)
  void a_message_over_the_limit_ends_the_session_of_its_web_socket() throws IOException {
    int limit = 1000;
    try (TestServer server = limited(Setting.LIMITS_MESSAGE_BYTES, limit)) {
      for (int kind : new int[] {FrameSocket.TEXT, FrameSocket.BINARY}) {
        try (FrameSocket socket = FrameSocket.open(server, "/ws?endpoint=/echo")) {
          String session = socket.await("welcome").path("session").asText();
          byte[] fits = quoted(limit).getBytes(UTF_8);
          socket.frame(kind, fits);
          FrameSocket.Frame echo = socket.read();
          assertThat(echo.payload()).isEqualTo(fits);

          socket.frame(kind, quoted(limit + 1).getBytes(UTF_8));
          assertThat(socket.await("bye").toString())
              .isEqualTo("{\"op\":\"bye\",\"code\":\"too_large\",\"reconnect\":false}");
          assertThat(socket.awaitClose().closeCode()).isEqualTo(1009);
          assertProblem(server.get("/sessions/" + session + "/poll"), 410, "session_gone");
        }
      }
    }
  }

  @Test
  @Of(Setting.LIMITS_MESSAGE_BYTES)
  void a_message_in_many_frames_is_measured_as_a_whole() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_MESSAGE_BYTES, 1000);
        FrameSocket socket = FrameSocket.open(server, "/ws?endpoint=/echo")) {
      socket.await("welcome");
      socket.frame(0x01, "\"".getBytes(UTF_8));
      for (int i = 0; i < 10; i++) {
        socket.frame(0x00, "x".repeat(100).getBytes(UTF_8));
      }
      assertThat(socket.await("bye").path("code").asText()).isEqualTo("too_large");
    }
  }

  @Test
  @Of(Setting.LIMITS_BATCH_BYTES)
  void a_body_may_be_as_large_as_the_limit_and_not_an_octet_more() throws IOException {
    int limit = 5000;
    try (TestServer server =
        start(Setting.LIMITS_MESSAGE_BYTES, 1000, Setting.LIMITS_BATCH_BYTES, limit)) {
      String session = server.open("{\"endpoint\":\"/echo\"}");
      String fits = padded(batch("\"x\""), limit);
      String tooLarge = padded(batch("\"x\""), limit + 1);
      for (String path : List.of("/send", "/poll")) {
        String target = "/sessions/" + session + path;
        assertThat(server.post(target, fits).status()).isEqualTo(200);
        assertProblem(server.post(target, tooLarge), 413, "too_large");
        assertThat(chunked(server, target, fits).status()).isEqualTo(200);
        assertProblem(chunked(server, target, tooLarge), 413, "too_large");
      }
      assertThat(server.post("/sessions", padded("{}", limit)).status()).isEqualTo(201);
      assertProblem(server.post("/sessions", padded("{}", limit + 1)), 413, "too_large");
      assertThat(
              server.post("/sessions/" + session + "/send", "{}").json().path("received").asInt())
          .isEqualTo(4);
    }
  }

  private static Answer chunked(TestServer server, String target, String body) throws IOException {
    try (HttpSocket socket = server.connect()) {
      StringBuilder chunks = new StringBuilder();
      for (int at = 0; at < body.length(); at += 1000) {
        String chunk = body.substring(at, Math.min(body.length(), at + 1000));
        chunks.append(Integer.toHexString(chunk.length())).append("\r\n" + chunk + "\r\n");
      }
      return socket
          .request("POST", target, null, "Transfer-Encoding: chunked")
          .write(chunks + "0\r\n\r\n")
          .answer();
    }
  }

  @Test
  @Of(Setting.LIMITS_BATCH_BYTES)
  void a_poll_answers_with_as_much_as_the_limit_allows_and_the_rest_next_time() throws IOException {
    int limit = 4000;
    try (TestServer server =
        start(Setting.LIMITS_MESSAGE_BYTES, 1000, Setting.LIMITS_BATCH_BYTES, limit)) {
      String session = server.open("{\"endpoint\":\"/echo\"}");
      for (int i = 0; i < 20; i++) {
        server.post("/sessions/" + session + "/send", batch(quoted(500)));
      }
      int after = 0;
      int polls = 0;
      for (; after < 20; polls++) {
        JsonNode answer = server.get("/sessions/" + session + "/poll?after=" + after).json();
        assertThat(answer.path("first").asInt()).isEqualTo(after + 1);
        assertThat(answer.path("messages")).hasSizeBetween(1, limit / 500);
        after += answer.path("messages").size();
      }
      assertThat(polls).isEqualTo(3);
    }
  }

  @Test
  @Of(Setting.LIMITS_HEADER_BYTES)
  void headers_over_the_limit_are_431_and_end_the_connection() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_HEADER_BYTES, 2000)) {
      for (String target : List.of("/health", "/ws", "/channels/x", "/", "/footbridge.js")) {
        try (HttpSocket socket = server.connect()) {
          Answer answer =
              socket.request("GET", target, null, "X-Large: " + "x".repeat(2000)).answer();
          assertProblem(answer, 431, "headers_too_large");
          assertThat(answer.header("Connection")).isEqualTo("close");
          assertThat(socket.endsByServer()).isTrue();
        }
      }
      assertProblem(server.get("/channels/x?" + "x".repeat(2000)), 431, "headers_too_large");
      assertThat(server.get("/channels/x", "X-Large: " + "x".repeat(1800)).status()).isEqualTo(200);
    }
  }

  @Test
  @Of(Setting.LIMITS_HEADER_BYTES)
  void headers_far_over_the_limit_are_not_even_read() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_HEADER_BYTES, 1000);
        HttpSocket socket = server.connect()) {
      socket.write("GET /health HTTP/1.1\r\nHost: x\r\n");
      boolean refused = false;
      try {
        for (int i = 0; i < 10_000 && !refused; i++) {
          socket.write("X-" + i + ": " + "x".repeat(1000) + "\r\n");
          refused = socket.in().available() > 0;
        }
        assertThat(socket.line()).startsWith("HTTP/1.1 4");
      } catch (java.net.SocketException ended) {
        refused = true;
      }
      assertThat(refused).isTrue();
    }
  }

  @Test
  @Of(Setting.LIMITS_HEADER_TIMEOUT_MILLIS)
  void headers_that_come_too_slowly_end_the_connection() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_HEADER_TIMEOUT_MILLIS, 300);
        HttpSocket socket = server.connect()) {
      socket.write("GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      assertThat(socket.endsByServer()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/sessions", "/channels/x"})
  @Of(Setting.LIMITS_BODY_TIMEOUT_MILLIS)
  void a_body_that_comes_too_slowly_ends_the_connection(String target) throws IOException {
    try (TestServer server = limited(Setting.LIMITS_BODY_TIMEOUT_MILLIS, 300);
        HttpSocket socket = server.connect()) {
      socket.write("POST " + target + " HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
      assertThat(socket.endsByServer()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: 30000", "Transfer-Encoding: chunked"})
  @Of(Setting.LIMITS_BODY_TIMEOUT_MILLIS)
  void a_body_that_was_refused_is_not_waited_for_either(String framing) throws IOException {
    try (TestServer server =
            TestServer.start(
                builder ->
                    builder
                        .set(Setting.LIMITS_BODY_TIMEOUT_MILLIS, 300)
                        .set(Setting.LIMITS_MESSAGE_BYTES, 5000)
                        .set(Setting.LIMITS_BATCH_BYTES, 5000));
        HttpSocket socket = server.connect()) {
      socket.write(
          "POST /sessions HTTP/1.1\r\nHost: x\r\n"
              + framing
              + "\r\n\r\n7000\r\n"
              + " ".repeat(6000));
      assertProblem(socket.answer(), 413, "too_large");
      assertThat(socket.endsByServer()).isTrue();
    }
  }

  @Test
  @Of(Setting.LIMITS_KEEP_ALIVE_SECONDS)
  void a_connection_that_asks_nothing_more_is_ended() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_KEEP_ALIVE_SECONDS, 1);
        HttpSocket socket = server.connect()) {
      assertThat(socket.request("GET", "/channels/x", null).answer().status()).isEqualTo(200);
      assertThat(socket.endsByServer()).isTrue();
    }
  }

  @Test
  @Of({Setting.PROBE_MAX_SECONDS, Setting.LIMITS_PROBES})
  void probes_are_short_and_few() throws IOException {
    try (TestServer server = start(Setting.PROBE_MAX_SECONDS, 1, Setting.LIMITS_PROBES, 0)) {
      assertProblem(server.get("/probe/stream"), 503, "unavailable");
      assertThat(server.get("/probe/poll").status()).isEqualTo(200);
    }
    try (TestServer server = limited(Setting.PROBE_MAX_SECONDS, 1)) {
      String ping = "{\"op\":\"ping\"}\n";
      assertThat(server.get("/probe/stream?seconds=1000").text())
          .startsWith(ping + "{\"op\":\"bye\"");
      assertThat(server.get("/probe/poll?wait=1000").text()).isEqualTo("{\"op\":\"pong\"}");
    }
  }

  @Test
  @Of(Setting.LIMITS_PROBES_PER_ADDRESS)
  void an_address_has_few_probes_and_leaves_those_of_others() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_PROBES_PER_ADDRESS, 1);
        HttpSocket held = server.connect()) {
      held.request("GET", "/probe/poll?wait=100", null);
      await().until(() -> server.get("/probe/stream?seconds=0").status() == 503);
      assertProblem(server.get("/probe/poll?wait=1"), 503, "unavailable");
      try (HttpSocket other = HttpSocket.connect(server.port(), "127.0.0.2")) {
        assertThat(other.request("GET", "/probe/poll?wait=1", null).answer().status())
            .isEqualTo(200);
      }
      held.kill();
      await().until(() -> server.get("/probe/poll?wait=1").status() == 200);
    }
  }

  // ---- sessions ----

  @Test
  @Of(Setting.LIMITS_OPENINGS)
  void the_oldest_opening_is_forgotten_when_there_are_too_many() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_OPENINGS, 2)) {
      String first = server.open("{\"key\":\"a\"}");
      String second = server.open("{\"key\":\"b\"}");
      assertThat(server.open("{\"key\":\"a\",\"again\":true}")).isEqualTo(first);
      String third = server.open("{\"key\":\"c\"}");
      assertThat(server.open("{\"key\":\"b\",\"again\":true}")).isEqualTo(second);
      assertThat(server.open("{\"key\":\"c\",\"again\":true}")).isEqualTo(third);
      assertThat(server.open("{\"key\":\"a\",\"again\":true}")).isNotEqualTo(first);
      assertThat(server.get("/sessions/" + first + "/poll").status()).isEqualTo(200);
    }
    try (TestServer server = limited(Setting.LIMITS_OPENINGS, 0)) {
      String first = server.open("{\"key\":\"a\"}");
      assertThat(server.open("{\"key\":\"a\",\"again\":true}")).isNotEqualTo(first);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"LIMITS_SESSIONS", "LIMITS_SESSIONS_PER_ADDRESS"})
  @Of({Setting.LIMITS_SESSIONS, Setting.LIMITS_SESSIONS_PER_ADDRESS})
  void one_session_too_many_is_told_to_come_later(Setting setting) throws IOException {
    try (TestServer server = limited(setting, 2)) {
      String first = server.open();
      server.open();

      Answer refused = server.post("/sessions", "");
      assertProblem(refused, 429, "rate_limited");
      assertThat(Integer.parseInt(refused.header("Retry-After"))).isPositive();
      try (FrameSocket socket = FrameSocket.open(server, "/ws")) {
        assertRefused(socket, "rate_limited");
      }

      // Those that there are go on, and whoever leaves makes room.
      assertThat(server.get("/sessions/" + first + "/poll").status()).isEqualTo(200);
      server.ask("DELETE", "/sessions/" + first, null);
      try (FrameSocket socket = FrameSocket.open(server, "/ws")) {
        assertThat(socket.value().path("op").asText()).isEqualTo("welcome");
      }
    }
  }

  @Test
  @Of(Setting.SESSION_TTL_SECONDS)
  void a_session_lives_only_so_long_without_a_connection() throws IOException {
    try (TestServer server = limited(Setting.SESSION_TTL_SECONDS, 1)) {
      String abandoned = server.open();
      String kept = server.open();
      try (HttpSocket stream = server.connect()) {
        stream.request("GET", "/sessions/" + kept + "/stream", null).head();
        await().atMost(Duration.ofSeconds(10)).until(() -> server.footbridge().sessions() == 1);
        assertProblem(server.get("/sessions/" + abandoned + "/poll"), 410, "session_gone");
        assertThat(server.post("/sessions/" + kept + "/send", "{}").status()).isEqualTo(200);
      }
    }
  }

  @Test
  @Of(Setting.SESSION_PING_SECONDS)
  void a_connection_on_which_nothing_happens_is_pinged() throws IOException {
    try (TestServer server = limited(Setting.SESSION_PING_SECONDS, 1);
        HttpSocket events = server.connect();
        HttpSocket stream = server.connect();
        HttpSocket feed = server.connect();
        HttpSocket lines = server.connect();
        FrameSocket ours =
            FrameSocket.open(server, "/ws", "Sec-WebSocket-Protocol: footbridge.v1");
        FrameSocket plain = FrameSocket.open(server, "/ws")) {
      String ping = "{\"op\":\"ping\"}";
      assertThat(lineOf(events, "/sessions/" + server.open() + "/events", "*/*", ping))
          .isEqualTo("data: " + ping);
      assertThat(lineOf(stream, "/sessions/" + server.open() + "/stream", "*/*", ping))
          .isEqualTo(ping);
      assertThat(lineOf(feed, "/channels/x", "text/event-stream", "ping")).isEqualTo(": ping");
      assertThat(lineOf(lines, "/channels/x", "application/x-ndjson", ping)).isEqualTo(ping);
      ours.await("ping");
      plain.await("ping");
      FrameSocket.Frame next = plain.read();
      assertThat(next.head()).isEqualTo(FrameSocket.PING);
    }
  }

  private static String lineOf(HttpSocket socket, String target, String accept, String wanted)
      throws IOException {
    Answer head = socket.request("GET", target, null, "Accept: " + accept).head();
    EventLines lines = new EventLines(socket.body(head));
    return lines.next(line -> line.contains(wanted));
  }

  /** The lines of a response that stays open. */
  private record EventLines(java.io.InputStream body) {
    String next(Predicate<String> wanted) throws IOException {
      StringBuilder line = new StringBuilder();
      while (true) {
        int next = body.read();
        if (next < 0) {
          throw new IOException("the response has ended");
        }
        if (next != '\n') {
          line.append((char) next);
        } else if (wanted.test(line.toString())) {
          return line.toString();
        } else {
          line.setLength(0);
        }
      }
    }
  }

  @Test
  @Of(Setting.WEBSOCKET_ATTACH_SECONDS)
  void a_web_socket_without_a_session_may_wait_only_so_long() throws IOException {
    try (TestServer server = limited(Setting.WEBSOCKET_ATTACH_SECONDS, 1);
        FrameSocket attached = FrameSocket.openLate(server);
        FrameSocket waiting = FrameSocket.openLate(server)) {
      attached.text("{\"op\":\"attach\",\"session\":\"" + server.open() + "\"}");
      attached.await("welcome");
      assertThat(waiting.value().toString())
          .isEqualTo("{\"op\":\"bye\",\"code\":\"timeout\",\"reconnect\":true,\"delay\":0}");
      assertThat(waiting.awaitClose().closeCode()).isEqualTo(1008);
      assertThat(waiting.read()).isNull();
      attached.text("{\"op\":\"ping\"}");
      assertThat(attached.await("pong")).isNotNull();
    }
  }

  @Test
  @Of({Setting.SESSION_BUFFER_BYTES, Setting.SESSION_WINDOW_MILLIS})
  void whoever_takes_and_never_acknowledges_is_sent_back_and_loses_nothing() throws IOException {
    int total = 100;
    try (TestServer server =
        start(Setting.SESSION_BUFFER_BYTES, 4096, Setting.SESSION_WINDOW_MILLIS, 10)) {
      List<SessionClient> clients = new ArrayList<>();
      List<Transport> transports = List.of(Transport.SSE, Transport.STREAM, Transport.WEBSOCKET);
      for (Transport transport : transports) {
        SessionClient client = SessionClient.open(server, transport);
        client.command("{\"op\":\"subscribe\",\"id\":0,\"channel\":\"x\"}");
        clients.add(client.withoutAcknowledging());
      }
      publish(server, total);

      for (int i = 0; i < clients.size(); i++) {
        int returns = receiveAll(clients.get(i), transports.get(i), 1 + total, "window");
        assertThat(returns).isBetween(1, total);
        assertThat(data(clients.get(i), "x")).isEqualTo(range(1, total));
      }
    }
  }

  @Test
  @Of(Setting.SESSION_BUFFER_BYTES)
  void whoever_asks_on_without_taking_its_answers_is_ended() throws IOException {
    try (TestServer server = limited(Setting.SESSION_BUFFER_BYTES, 1024)) {
      publish(server, 100);
      String session = server.open();
      String ask = "{\"op\":\"history\",\"id\":1,\"channel\":\"x\",\"limit\":100}";
      server.post("/sessions/" + session + "/send", batch(ask, ask, ask));
      await().until(() -> server.footbridge().sessions() == 0);
      assertProblem(server.get("/sessions/" + session + "/poll"), 410, "session_gone");
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Transport.class,
      names = {"SSE", "STREAM"})
  @Of(Setting.STREAM_BYTES)
  void a_stream_that_has_carried_enough_is_begun_anew_and_loses_nothing(Transport transport)
      throws IOException {
    int total = 500;
    try (TestServer server = limited(Setting.STREAM_BYTES, 4096);
        SessionClient client = SessionClient.open(server, transport)) {
      client.command("{\"op\":\"subscribe\",\"id\":0,\"channel\":\"x\"}");
      publish(server, total);

      assertThat(receiveAll(client, transport, 1 + total, "rotate")).isPositive();
      assertThat(data(client, "x")).isEqualTo(range(1, total));
    }
  }

  @Test
  @Of(Setting.STREAM_BYTES)
  void a_feed_that_has_carried_enough_is_begun_anew_and_loses_nothing() throws IOException {
    int total = 5000;
    try (TestServer server = limited(Setting.STREAM_BYTES, 4096)) {
      List<Integer> received = new ArrayList<>();
      String epoch = server.get("/channels/x").json().path("epoch").asText();
      String lastId = epoch + ":0";
      publish(server, total);
      int feeds = 0;
      for (; received.size() < total; feeds++) {
        try (HttpSocket socket = server.connect()) {
          socket.request(
              "GET", "/channels/x", null, "Accept: text/event-stream", "Last-Event-ID: " + lastId);
          EventReader events = new EventReader(socket.body(socket.head()));
          for (EventReader.Event event = events.next();
              received.size() < total && event != null;
              event = received.size() < total ? events.next() : null) {
            received.add(Answer.parse(event.data()).path("data").asInt());
          }
          lastId = events.lastId();
        }
      }
      assertThat(received).isEqualTo(range(1, total));
      assertThat(feeds).isGreaterThan(1);
    }
  }

  /** Comes back whenever the server says so; tells how often it did. */
  private static int receiveAll(SessionClient client, Transport transport, int count, String code) {
    int returns = 0;
    while (client.received().size() < count) {
      await()
          .atMost(Duration.ofSeconds(20))
          .pollInterval(Duration.ofMillis(10))
          .until(() -> client.received().size() >= count || client.connection().isOver());
      if (client.connection().isOver()) {
        Ending ending = client.connection().awaitEnding();
        assertThat(ending.code()).isEqualTo(code);
        assertThat(ending.reconnect()).isTrue();
        assertThat(ending.value().path("delay").isInt()).isTrue();
        assertThat(client.connect(transport).awaitAttached().path("resumed").asBoolean()).isTrue();
        returns++;
      }
    }
    return returns;
  }

  // ---- polls ----

  @ParameterizedTest
  @ValueSource(strings = {"50", "1000000"})
  @Of(Setting.POLL_MAX_WAIT_SECONDS)
  void a_poll_is_held_no_longer_than_the_limit(String wait) throws IOException {
    try (TestServer server = limited(Setting.POLL_MAX_WAIT_SECONDS, 1)) {
      long begun = System.nanoTime();
      JsonNode answer = server.get("/sessions/" + server.open() + "/poll?wait=" + wait).json();
      assertThat(answer.path("messages")).isEmpty();
      assertThat(answer.path("interval").isInt()).isTrue();
      Duration took = Duration.ofNanos(System.nanoTime() - begun);
      assertThat(took).isBetween(Duration.ofMillis(900), Duration.ofSeconds(10));

      JsonNode top = server.get("/channels/x").json();
      String since = top.path("epoch").asText() + ":0";
      assertThat(server.get("/channels/x?since=" + since + "&wait=" + wait).json()).isEqualTo(top);
    }
  }

  @Test
  @Of({Setting.POLL_INTERVAL_SECONDS, Setting.POLL_BUDGET_PER_SECOND})
  void when_there_are_too_many_empty_polls_they_are_asked_to_come_less_often() throws IOException {
    try (TestServer server =
        start(Setting.POLL_INTERVAL_SECONDS, 3, Setting.POLL_BUDGET_PER_SECOND, 10)) {
      String poll = "/sessions/" + server.open() + "/poll";
      assertThat(server.get(poll).json().path("interval").asInt()).isEqualTo(3);
      await()
          .atMost(Duration.ofSeconds(20))
          .pollInterval(Duration.ofMillis(1))
          .until(() -> server.get(poll).json().path("interval").asInt() >= 6);
      await()
          .atMost(Duration.ofSeconds(20))
          .pollInterval(Duration.ofMillis(600))
          .until(() -> server.get(poll).json().path("interval").asInt() == 3);
    }
  }

  // ---- the hub ----

  @Test
  @Of(Setting.LIMITS_CHANNELS_PER_SESSION)
  void a_session_may_subscribe_to_so_many_channels() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_CHANNELS_PER_SESSION, 2);
        SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      assertFine(client.command("{\"op\":\"subscribe\",\"id\":1,\"channel\":\"a\"}"));
      assertFine(client.command("{\"op\":\"subscribe\",\"id\":2,\"channel\":\"b\"}"));
      assertFine(client.command("{\"op\":\"subscribe\",\"id\":3,\"channel\":\"a\"}"));
      assertError(
          client.command("{\"op\":\"subscribe\",\"id\":4,\"channel\":\"c\"}"), "rate_limited");
      assertFine(client.command("{\"op\":\"unsubscribe\",\"id\":5,\"channel\":\"a\"}"));
      assertFine(client.command("{\"op\":\"subscribe\",\"id\":6,\"channel\":\"c\"}"));

      String accept = "Accept: text/event-stream";
      assertProblem(server.get("/channels/a,b,c", accept), 413, "too_large");
      assertProblem(
          server.post("/sessions", "{\"subscribe\":[\"a\",\"b\",\"c\"]}"), 429, "rate_limited");
    }
  }

  @Test
  @Of(Setting.LIMITS_PROCEDURES_PER_SESSION)
  void a_session_may_register_so_many_procedures() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_PROCEDURES_PER_SESSION, 1);
        SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      assertFine(client.command("{\"op\":\"register\",\"id\":1,\"procedure\":\"a\"}"));
      assertFine(client.command("{\"op\":\"register\",\"id\":2,\"procedure\":\"a\"}"));
      assertError(
          client.command("{\"op\":\"register\",\"id\":3,\"procedure\":\"b\"}"), "rate_limited");
      assertFine(client.command("{\"op\":\"unregister\",\"id\":4,\"procedure\":\"a\"}"));
      assertFine(client.command("{\"op\":\"register\",\"id\":5,\"procedure\":\"b\"}"));
    }
  }

  @Test
  @Of(Setting.LIMITS_CALLS_PER_SESSION)
  void a_session_may_wait_for_so_many_calls() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_CALLS_PER_SESSION, 1);
        SessionClient callee = SessionClient.open(server, Transport.LONGPOLL_GET);
        SessionClient caller = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      assertFine(callee.command("{\"op\":\"register\",\"id\":1,\"procedure\":\"a\"}"));
      caller.send("{\"op\":\"call\",\"id\":1,\"procedure\":\"a\"}");
      JsonNode invoke = callee.awaitValue(value -> value.path("op").asText().equals("invoke"));
      assertError(caller.command("{\"op\":\"call\",\"id\":2,\"procedure\":\"a\"}"), "rate_limited");

      callee.send(
          "{\"op\":\"result\",\"data\":17,\"invocation\":" + invoke.path("invocation") + "}");
      JsonNode reply =
          caller.awaitValue(
              value -> value.path("op").asText().equals("reply") && value.path("id").asInt() == 1);
      assertThat(reply.path("data").asInt()).isEqualTo(17);
      assertError(
          caller.command("{\"op\":\"call\",\"id\":3,\"procedure\":\"nobody\"}"), "no_callee");
    }
  }

  @Test
  @Of({Setting.LIMITS_PUBLISH_PER_SECOND, Setting.LIMITS_PUBLISH_BURST})
  void whoever_publishes_too_much_is_refused_and_nobody_else() throws IOException {
    try (TestServer server =
            start(Setting.LIMITS_PUBLISH_PER_SECOND, 1, Setting.LIMITS_PUBLISH_BURST, 60);
        SessionClient eager = SessionClient.open(server, Transport.LONGPOLL_GET);
        SessionClient modest = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      List<String> outcomes = new ArrayList<>();
      for (int i = 0; i < 130; i++) {
        JsonNode reply =
            eager.command(
                "{\"op\":\"publish\",\"id\":%d,\"channel\":\"x\",\"data\":1}".formatted(i));
        outcomes.add(reply.at("/error/code").asText("fine"));
      }
      long refused = outcomes.stream().filter(code -> code.equals("rate_limited")).count();
      assertThat(outcomes.subList(0, 60)).containsOnly("fine");
      assertThat(refused).isPositive();
      assertThat(outcomes).containsOnly("fine", "rate_limited");
      assertThat(server.get("/channels/x").json().path("offset").asInt())
          .isEqualTo(130 - (int) refused);
      assertFine(modest.command("{\"op\":\"publish\",\"id\":1,\"channel\":\"x\",\"data\":1}"));

      Answer answer = server.post("/channels/x", "1");
      for (int i = 0; i < 130 && answer.status() == 200; i++) {
        answer = server.post("/channels/x", "1");
      }
      assertProblem(answer, 429, "rate_limited");
      assertThat(answer.header("Retry-After")).isNotNull();
    }
  }

  @Test
  @Of({Setting.LIMITS_ANSWER_MESSAGES, Setting.LIMITS_ANSWER_BYTES})
  void an_answer_has_only_so_much_history_and_says_where_it_ends() throws IOException {
    try (TestServer server = limited(Setting.LIMITS_ANSWER_MESSAGES, 5)) {
      publish(server, 20);
      String epoch = server.get("/channels/x").json().path("epoch").asText();
      assertThat(offsets(server.get("/channels/x?limit=100").json())).isEqualTo(range(16, 20));
      assertThat(offsets(server.get("/channels/x?since=" + epoch + ":3").json()))
          .isEqualTo(range(4, 8));
      try (SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
        JsonNode reply =
            client.command("{\"op\":\"history\",\"id\":1,\"channel\":\"x\",\"limit\":100}");
        assertThat(offsets(reply.path("data"))).isEqualTo(range(16, 20));
      }
    }
    try (TestServer server = limited(Setting.LIMITS_ANSWER_BYTES, 1024)) {
      publish(server, 100);
      Answer newest = server.get("/channels/x");
      assertThat(newest.body().length).isBetween(512, 1024 + 100);
      assertThat(offsets(newest.json())).endsWith(100);
      String since = newest.json().path("epoch").asText() + ":3";
      Answer next = server.get("/channels/x?since=" + since);
      assertThat(next.body().length).isBetween(512, 1024 + 100);
      assertThat(offsets(next.json())).startsWith(4, 5, 6);
    }
  }

  @Test
  void a_name_has_1_to_128_characters_of_a_few_kinds() throws IOException {
    try (TestServer server = TestServer.start();
        SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      List<String> good = List.of("n", "n".repeat(128), "aZ09_.:@~-");
      List<String> bad =
          List.of("", "n".repeat(129), "a b", "a/b", "a,b", "é", "\\u0000", "a\\n", "a*", "a%");
      for (String name : good) {
        assertThat(server.get("/channels/" + name).status()).as(name).isEqualTo(200);
        assertFine(
            client.command(
                "{\"op\":\"subscribe\",\"id\":\"%s\",\"channel\":\"%s\"}".formatted(name, name)));
      }
      for (String name : bad) {
        assertError(
            client.command(
                "{\"op\":\"subscribe\",\"id\":\"%s\",\"channel\":\"%s\"}".formatted(name, name)),
            "malformed");
      }
      for (String name : List.of("", "n".repeat(129), "a%20b", "a%2Fb", "%C3%A9", "%00", "a*")) {
        int status = server.get("/channels/" + name).status();
        assertThat(status).as(name).isIn(400, 404);
        assertThat(server.post("/channels/" + name, "1").status()).as(name).isEqualTo(status);
      }
    }
  }

  // ---- the store ----

  @Test
  @Of(Setting.STORE_MEMORY_CHANNELS)
  void there_are_only_so_many_channels() throws IOException {
    try (TestServer server = limited(Setting.STORE_MEMORY_CHANNELS, 2);
        SessionClient client = SessionClient.open(server, Transport.LONGPOLL_GET)) {
      assertThat(server.post("/channels/a", "1").status()).isEqualTo(200);
      assertThat(server.post("/channels/b", "1").status()).isEqualTo(200);

      Answer refused = server.post("/channels/c", "1");
      assertProblem(refused, 503, "unavailable");
      assertThat(refused.header("Retry-After")).isNotNull();
      assertThat(server.get("/channels/c").status()).isEqualTo(200);
      assertProblem(server.get("/channels/c", "Accept: text/event-stream"), 503, "unavailable");
      // The channels of a feed that fails for one of them are not kept for nobody.
      assertProblem(server.get("/channels/a,b,c", "Accept: text/event-stream"), 503, "unavailable");
      assertError(
          client.command("{\"op\":\"subscribe\",\"id\":1,\"channel\":\"c\"}"), "unavailable");
      assertError(
          client.command("{\"op\":\"publish\",\"id\":2,\"channel\":\"c\",\"data\":1}"),
          "unavailable");
      assertFine(client.command("{\"op\":\"subscribe\",\"id\":3,\"channel\":\"a\"}"));
      assertThat(server.get("/health").status()).isEqualTo(200);
    }
  }

  @Test
  @Of(Setting.STORE_MEMORY_BYTES)
  void all_channels_together_keep_only_so_much_and_tell_of_the_gap() throws IOException {
    try (TestServer server = limited(Setting.STORE_MEMORY_BYTES, 10_000)) {
      publish(server, 500);
      JsonNode page = server.get("/channels/x").json();
      assertThat(page.path("offset").asInt()).isEqualTo(500);
      assertThat(page.path("messages")).hasSizeBetween(10, 200);
      JsonNode gap =
          assertProblem(
              server.get("/channels/x?since=" + page.path("epoch").asText() + ":1"), 409, "gap");
      assertThat(gap.path("offset").asInt()).isEqualTo(500);
    }
  }

  @Test
  @Of({Setting.HISTORY_COUNT, Setting.HISTORY_BYTES, Setting.HISTORY_AGE_SECONDS})
  void a_channel_keeps_only_so_much() throws IOException {
    try (TestServer server = limited(Setting.HISTORY_COUNT, 7)) {
      publish(server, 20);
      assertThat(offsets(server.get("/channels/x").json())).isEqualTo(range(14, 20));
    }
    try (TestServer server = limited(Setting.HISTORY_BYTES, 1000)) {
      publish(server, 100);
      JsonNode page = server.get("/channels/x").json();
      assertThat(offsets(page)).endsWith(99, 100).hasSizeLessThan(20);
    }
    try (TestServer server = limited(Setting.HISTORY_AGE_SECONDS, 1)) {
      publish(server, 3);
      assertThat(server.get("/channels/x").json().path("messages")).hasSize(3);
      await()
          .atMost(Duration.ofSeconds(10))
          .until(() -> server.get("/channels/x").json().path("messages").isEmpty());
      assertThat(server.get("/channels/x").json().path("offset").asInt()).isEqualTo(3);
    }
  }

  // ---- what they have in common ----

  private static TestServer limited(Setting setting, long value) throws IOException {
    return start(setting, value, setting, value);
  }

  private static TestServer start(Setting one, long oneValue, Setting other, long otherValue)
      throws IOException {
    return TestServer.start(
        builder ->
            builder.set(one, oneValue).set(other, otherValue).endpoint(Echo.PATH, new Echo()));
  }

  private static String quoted(int octets) {
    return "\"" + "x".repeat(octets - 2) + "\"";
  }

  private static String batch(String... values) {
    return "{\"messages\":[" + String.join(",", values) + "]}";
  }

  private static String padded(String json, int length) {
    return json + " ".repeat(length - json.length());
  }

  private static void publish(TestServer server, int count) {
    for (int i = 1; i <= count; i++) {
      server.footbridge().publish("x", i).toCompletableFuture().join();
    }
  }
}
