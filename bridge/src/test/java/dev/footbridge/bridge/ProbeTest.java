package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.TestServer;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Probes: what a network does to streams and held requests, without a session. */
class ProbeTest {
  private static final String PING = "{\"op\":\"ping\"}";
  private static final String DONE = "{\"op\":\"bye\",\"code\":\"done\",\"reconnect\":false}";

  private static TestServer server;

  @BeforeAll
  static void start() throws IOException {
    server = TestServer.start(builder -> builder.origin("https://a.example"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static String text(String... values) {
    return String.join("", values);
  }

  private static String events(String... values) {
    StringBuilder text = new StringBuilder();
    for (String value : values) {
      text.append("data: " + value + "\n\n");
    }
    return text.toString();
  }

  @Test
  void a_stream_has_a_value_each_second_a_last_one_and_a_clean_end() throws IOException {
    try (HttpSocket socket = server.connect()) {
      long began = System.nanoTime();
      Answer answer = socket.request("GET", "/probe/stream", null).answer();
      assertThat(answer.text()).isEqualTo(text(PING, "\n", PING, "\n", DONE, "\n"));
      assertThat(Duration.ofNanos(System.nanoTime() - began))
          .isBetween(Duration.ofMillis(1990), Duration.ofSeconds(10));
      assertThat(answer.header("Content-Type")).startsWith("application/x-ndjson");

      // The connection can be used again.
      answer = socket.request("GET", "/probe/events?seconds=1", null).answer();
      assertThat(answer.text()).isEqualTo(events(PING, DONE));
      assertThat(answer.header("Content-Type")).startsWith("text/event-stream");
      assertThat(answer.header("X-Accel-Buffering")).isEqualTo("no");
      assertThat(answer.header("Cache-Control")).isEqualTo("no-store, no-transform");

      answer = socket.request("GET", "/probe/events?seconds=0", null).answer();
      assertThat(answer.text()).isEqualTo(events(PING, DONE));
    }
  }

  @Test
  void the_first_value_comes_at_once() throws IOException {
    try (HttpSocket socket = server.connect()) {
      InputStream body =
          socket.body(socket.request("GET", "/probe/stream?seconds=100", null).head());
      assertThat(HttpSocket.line(body)).isEqualTo(PING);
      assertThat(HttpSocket.line(body)).isEqualTo(PING);
    }
  }

  @Test
  void padding_comes_before_the_first_value() throws IOException {
    String lines = server.get("/probe/stream?seconds=0&padding=2000").text();
    assertThat(lines).startsWith(" ".repeat(2001) + "\n" + PING);
    String events = server.get("/probe/events?seconds=0&padding=2000").text();
    assertThat(events).startsWith(":" + " ".repeat(2000) + "\n\ndata: " + PING);
    assertProblem(server.get("/probe/events?padding=100000"), 400, "malformed");
  }

  @Test
  void a_poll_is_answered_after_its_time() throws IOException {
    assertThat(server.get("/probe/poll").text()).isEqualTo("{\"op\":\"pong\"}");
    long began = System.nanoTime();
    Answer answer = server.get("/probe/poll?wait=1");
    assertThat(answer.text()).isEqualTo("{\"op\":\"pong\"}");
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(990));
    assertThat(answer.header("Cache-Control")).isEqualTo("no-store, no-transform");
    assertThat(answer.header("X-Accel-Buffering")).isEqualTo("no");
  }

  @Test
  void what_else_is_asked_is_answered_as_elsewhere() throws IOException {
    for (String path : List.of("/probe/events", "/probe/stream", "/probe/poll")) {
      assertProblem(server.post(path, ""), 405, "method_not_allowed");
      try (HttpSocket socket = server.connect()) {
        assertThat(socket.request("HEAD", path, null).head().status()).isEqualTo(405);
      }
      Answer preflight = server.ask("OPTIONS", path, null, "Origin: https://a.example");
      assertThat(preflight.status()).isEqualTo(204);
      assertThat(preflight.header("Access-Control-Allow-Origin")).isEqualTo("https://a.example");
      assertProblem(server.get(path, "Origin: https://b.example"), 403, "origin");
    }
    for (String query : List.of("events?seconds=x", "stream?seconds=-1", "poll?wait=1.5")) {
      assertProblem(server.get("/probe/" + query), 400, "malformed");
    }
    for (String path : List.of("/probe", "/probe/", "/probe/x", "/probe/events/x")) {
      assertProblem(server.get(path), 404, "not_found");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"events?seconds=100", "stream?seconds=100", "poll?wait=100"})
  void whoever_leaves_makes_room_and_whoever_is_too_much_is_told_to_come_later(String probe)
      throws IOException {
    try (TestServer small = TestServer.start(builder -> builder.set(Setting.LIMITS_PROBES, 1));
        HttpSocket one = small.connect()) {
      one.request("GET", "/probe/" + probe, null);
      await().until(() -> small.get("/probe/stream?seconds=0").status() == 503);
      Answer refused = small.get("/probe/poll?wait=1");
      assertProblem(refused, 503, "unavailable");
      assertThat(refused.header("Retry-After")).isEqualTo("1");
      one.kill();
      await().until(() -> small.get("/probe/stream?seconds=0").status() == 200);
      // One that is done makes room as well.
      await().until(() -> small.get("/probe/poll?wait=1").status() == 200);
    }
  }

  @Test
  void they_end_when_the_server_goes_down() throws IOException {
    TestServer closing = TestServer.start();
    List<HttpSocket> sockets = new ArrayList<>();
    for (String probe : List.of("events?seconds=100", "stream?seconds=100", "poll?wait=100")) {
      sockets.add(closing.connect().request("GET", "/probe/" + probe, null));
    }
    InputStream events = sockets.get(0).body(sockets.get(0).head());
    assertThat(HttpSocket.line(events)).isEqualTo("data: " + PING);
    InputStream lines = sockets.get(1).body(sockets.get(1).head());
    assertThat(HttpSocket.line(lines)).isEqualTo(PING);
    // Whoever has been answered since then is behind the poll, which is held by now.
    assertThat(closing.get("/probe/poll").status()).isEqualTo(200);

    Thread closer = new Thread(closing::close);
    closer.start();
    assertBye(new String(events.readAllBytes(), UTF_8).strip().replaceFirst("(?s).*data: ", ""));
    assertBye(new String(lines.readAllBytes(), UTF_8).strip().replaceFirst("(?s).*\n", ""));
    assertProblem(sockets.get(2).answer(), 503, "draining");
    for (HttpSocket socket : sockets) {
      socket.close();
    }
  }

  private static void assertBye(String value) {
    JsonNode bye = Answer.parse(value);
    assertThat(bye.path("code").asText()).as(value).isEqualTo("draining");
    assertThat(bye.path("reconnect").asBoolean()).isTrue();
  }
}
