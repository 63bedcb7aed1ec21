package dev.footbridge.bridge;

import static dev.footbridge.testclient.Values.range;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A subscriber that stops reading, on every kind of connection that stays open. It costs the server
 * its bound, costs the others nothing, and is never left with a silent hole.
 */
class SlowReaderTest {
  private static final String CHANNEL = "fast";
  private static final int PADDING = 1000;
  private static final int SESSION_BUFFER = 64 * 1024;
  private static final int RECEIVE_BUFFER = 8 * 1024;

  /** More than the kernel's buffers of both ends ever grow to. */
  private static final int MANY = 30_000;

  /** What a full connection may hold: the session's bound and the kernel's buffers. */
  private static final int MOST_UNDER_WAY = 12_000;

  /** How somebody is connected. */
  enum Kind {
    WEBSOCKET,
    SSE,
    STREAM,
    FEED,
    FEED_LINES
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void whoever_reads_again_gets_everything_that_the_history_has(Kind kind) throws IOException {
    try (TestServer server =
            TestServer.start(
                builder ->
                    builder
                        .set(Setting.SESSION_BUFFER_BYTES, SESSION_BUFFER)
                        .set(Setting.HISTORY_BYTES, 1L << 30)
                        .set(Setting.STORE_MEMORY_BYTES, 1L << 30)
                        .set(Setting.STREAM_BYTES, 1L << 30)
                        .set(Setting.HISTORY_COUNT, MANY));
        Slow slow = Slow.begin(server, kind)) {
      int total = MANY / 2;
      publish(server, 1, total);

      List<Integer> received = new ArrayList<>();
      while (received.size() < total) {
        JsonNode value = slow.next();
        assertThat(value.path("op").asText()).as(value.toString()).isEqualTo("message");
        received.add(value.at("/data/n").asInt());
      }

      assertThat(received).isEqualTo(range(1, total));
      publish(server, total + 1, total + 1);
      assertThat(slow.next().at("/data/n").asInt()).isEqualTo(total + 1);
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void whoever_reads_again_too_late_is_told_of_the_gap_and_others_got_everything(Kind kind)
      throws IOException {
    int kept = 100;
    try (TestServer server =
            TestServer.start(
                builder ->
                    builder
                        .set(Setting.SESSION_BUFFER_BYTES, SESSION_BUFFER)
                        .set(Setting.STREAM_BYTES, 1L << 30)
                        .set(Setting.SESSION_WINDOW_MILLIS, 60_000)
                        .set(Setting.HISTORY_COUNT, kept));
        SessionClient other = SessionClient.open(server, Transport.WEBSOCKET);
        Slow slow = Slow.begin(server, kind)) {
      other.command("{\"op\":\"subscribe\",\"id\":0,\"channel\":\"" + CHANNEL + "\"}");
      for (int from = 1; from <= MANY; from += kept / 2) {
        publish(server, from, from + kept / 2 - 1);
        // The other one keeps up, as only its own reading decides.
        other.awaitReceived(from + kept / 2);
      }
      assertThat(
              other.received().stream().skip(1).map(value -> value.at("/data/n").asInt()).toList())
          .isEqualTo(range(1, MANY));

      // First what was under way, in order; then the gap, at the top; then what is new.
      int last = 0;
      JsonNode value = slow.next();
      for (; value.path("op").asText().equals("message"); value = slow.next()) {
        last++;
        assertThat(value.at("/data/n").asInt()).isEqualTo(last);
      }
      assertThat(value.path("op").asText()).isEqualTo("gap");
      assertThat(value.path("channel").asText()).isEqualTo(CHANNEL);
      assertThat(value.path("offset").asInt()).isEqualTo(MANY);
      assertThat(last).isBetween(1, MOST_UNDER_WAY);
      publish(server, MANY + 1, MANY + 3);
      for (int i = 1; i <= 3; i++) {
        assertThat(slow.next().at("/data/n").asInt()).isEqualTo(MANY + i);
      }
    }
  }

  /** Somebody who reads only when asked to. */
  private abstract static class Slow implements AutoCloseable {
    private static final int ACK_EVERY = 20;
    final HttpSocket socket;
    private long count;

    Slow(TestServer server) throws IOException {
      this.socket = HttpSocket.connect(server.port(), RECEIVE_BUFFER);
    }

    static Slow begin(TestServer server, Kind kind) throws IOException {
      return switch (kind) {
        case WEBSOCKET -> new SlowWebSocket(server);
        case SSE, STREAM -> new SlowStream(server, kind == Kind.SSE);
        case FEED, FEED_LINES -> new SlowFeed(server, kind == Kind.FEED);
      };
    }

    /** The next message or gap. */
    JsonNode next() throws IOException {
      JsonNode value = read();
      while (!value.path("op").asText().matches("message|gap|bye")) {
        value = read();
      }
      count++;
      if (count % ACK_EVERY == 0) {
        acknowledge(count);
      }
      return value;
    }

    abstract JsonNode read() throws IOException;

    abstract void acknowledge(long number) throws IOException;

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  private static final class SlowWebSocket extends Slow {
    private final FrameSocket frames;

    SlowWebSocket(TestServer server) throws IOException {
      super(server);
      frames = FrameSocket.open(socket, "/ws", "Sec-WebSocket-Protocol: footbridge.v1");
      frames.text("{\"op\":\"subscribe\",\"id\":0,\"channel\":\"" + CHANNEL + "\"}");
      frames.await("reply");
    }

    @Override
    JsonNode read() throws IOException {
      return frames.value();
    }

    @Override
    void acknowledge(long number) throws IOException {
      // The reply to the subscription was the first message.
      frames.text("{\"op\":\"ack\",\"received\":" + (number + 1) + "}");
    }
  }

  private static final class SlowStream extends Slow {
    private final String session;
    private final HttpSocket up;
    private final Body values;

    SlowStream(TestServer server, boolean events) throws IOException {
      super(server);
      session = server.open("{\"subscribe\":[\"" + CHANNEL + "\"]}");
      up = server.connect();
      socket.request("GET", "/sessions/" + session + (events ? "/events" : "/stream"), null);
      values = new Body(socket, events);
    }

    @Override
    JsonNode read() throws IOException {
      return values.next();
    }

    @Override
    void acknowledge(long number) throws IOException {
      byte[] body = ("{\"received\":" + number + "}").getBytes(UTF_8);
      Answer answer = up.request("POST", "/sessions/" + session + "/send", body).answer();
      assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
    }

    @Override
    public void close() throws IOException {
      up.close();
      super.close();
    }
  }

  private static final class SlowFeed extends Slow {
    private final Body values;

    SlowFeed(TestServer server, boolean events) throws IOException {
      super(server);
      String epoch = server.get("/channels/" + CHANNEL).json().path("epoch").asText();
      socket.request(
          "GET",
          "/channels/" + CHANNEL + "?since=" + epoch + ":0",
          null,
          "Accept: " + (events ? "text/event-stream" : "application/x-ndjson"));
      values = new Body(socket, events);
    }

    @Override
    JsonNode read() throws IOException {
      return values.next();
    }

    @Override
    void acknowledge(long number) {
      // A feed has no session: its events' ids are all that the client remembers.
    }
  }

  /** The values of a response that stays open. */
  private static final class Body {
    private final InputStream body;
    private final EventReader events;

    Body(HttpSocket socket, boolean events) throws IOException {
      Answer head = socket.head();
      assertThat(head.status()).isEqualTo(200);
      this.body = new java.io.BufferedInputStream(socket.body(head), RECEIVE_BUFFER);
      this.events = events ? new EventReader(body) : null;
    }

    JsonNode next() throws IOException {
      String json = events == null ? HttpSocket.line(body) : events.next().data();
      return Answer.parse(json);
    }
  }

  private static void publish(TestServer server, int from, int to) {
    String padding = "x".repeat(PADDING);
    for (int i = from; i <= to; i++) {
      server
          .footbridge()
          .publish(CHANNEL, java.util.Map.of("n", i, "padding", padding))
          .toCompletableFuture()
          .join();
    }
  }
}
