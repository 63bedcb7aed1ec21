package dev.footbridge.bridge;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.config.Config;
import dev.footbridge.config.Setting;
import dev.footbridge.node.Node;
import dev.footbridge.server.Pages;
import dev.footbridge.server.Server;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.TestServer;
import io.netty.util.HashedWheelTimer;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is over holds nothing any more, however many there were: nothing on the timer either. */
class FinishedStreamsTest {
  private static final int MANY = 100;

  private Server server;
  private HashedWheelTimer timer;
  private long before;

  @BeforeEach
  void start() throws IOException {
    Config config =
        Config.builder()
            .host("127.0.0.1")
            .set(Setting.PORT, 0)
            .set(Setting.STREAM_BYTES, 4096)
            .build();
    server = Server.start(config, Node.Application.open(), node -> new Pages());
    timer = (HashedWheelTimer) server.node().timer();
    before = timer.pendingTimeouts();
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private void assertNothingIsHeld() {
    // What lingers would be there for ten seconds.
    await()
        .atMost(4, SECONDS)
        .untilAsserted(() -> assertThat(timer.pendingTimeouts()).isLessThanOrEqualTo(before + 2));
  }

  @Test
  void probes_that_are_done() throws IOException {
    try (HttpSocket socket = HttpSocket.connect(server.port())) {
      for (int i = 0; i < MANY; i++) {
        socket.request("GET", "/probe/" + (i % 2 == 0 ? "events" : "stream") + "?seconds=0", null);
      }
      for (int i = 0; i < MANY; i++) {
        assertThat(socket.answer().text()).contains("\"done\"");
      }
      assertNothingIsHeld();
    }
  }

  @Test
  void streams_of_a_session_that_newer_ones_have_superseded() throws IOException {
    try (HttpSocket one = HttpSocket.connect(server.port());
        HttpSocket other = HttpSocket.connect(server.port())) {
      String session =
          one.request("POST", "/sessions", new byte[0]).answer().json().path("session").asText();
      HttpSocket older = other;
      HttpSocket newer = one;
      for (int turn = 1; turn <= MANY; turn++) {
        newer.request("GET", "/sessions/" + session + "/events?turn=" + turn, null);
        if (turn > 1) {
          assertThat(older.answer().text()).contains("\"superseded\"");
        }
        HttpSocket next = older;
        older = newer;
        newer = next;
      }
      assertNothingIsHeld();
    }
  }

  @Test
  void feeds_that_have_had_their_octets() throws IOException {
    List<HttpSocket> sockets = new ArrayList<>();
    List<InputStream> feeds = new ArrayList<>();
    try (HttpSocket publisher = HttpSocket.connect(server.port())) {
      String large = '"' + "x".repeat(5000) + '"';
      for (int i = 0; i < 30; i++) {
        HttpSocket socket = HttpSocket.connect(server.port());
        sockets.add(socket);
        socket.request("GET", "/channels/f", null, "Accept: text/event-stream");
        feeds.add(socket.body(socket.head()));
        HttpSocket.line(feeds.get(i));
      }
      publisher.request("POST", "/channels/f", large.getBytes(UTF_8)).answer();
      for (InputStream feed : feeds) {
        String line;
        do {
          line = HttpSocket.line(feed);
        } while (!line.contains("xxx"));
      }
      publisher.request("POST", "/channels/f", large.getBytes(UTF_8)).answer();
      for (InputStream feed : feeds) {
        feed.readAllBytes();
      }
      assertNothingIsHeld();
    } finally {
      for (HttpSocket socket : sockets) {
        socket.close();
      }
    }
  }

  @Test
  void a_probe_whose_last_value_is_not_taken_counts_until_it_is_given_up() throws IOException {
    try (TestServer small = TestServer.start(builder -> builder.set(Setting.LIMITS_PROBES, 1));
        HttpSocket full = HttpSocket.connect(small.port(), 4096)) {
      String request =
          "GET /probe/events?seconds=0&padding=65536 HTTP/1.1\r\nHost: localhost\r\n\r\n";
      full.write(request.repeat(200));
      await()
          .untilAsserted(
              () -> {
                for (int i = 0; i < 50; i++) {
                  assertThat(small.get("/probe/events?seconds=0").status()).isEqualTo(503);
                }
              });
      await().atMost(20, SECONDS).until(() -> small.get("/probe/events?seconds=0").status() == 200);
    }
  }
}
