package dev.footbridge.bridge;

import static dev.footbridge.testclient.Problems.assertProblem;
import static dev.footbridge.testclient.Values.data;
import static dev.footbridge.testclient.Values.range;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.config.ChannelRule;
import dev.footbridge.store.Position;
import dev.footbridge.store.Retention;
import dev.footbridge.testclient.Answer;
import dev.footbridge.testclient.EventReader;
import dev.footbridge.testclient.HttpSocket;
import dev.footbridge.testclient.TestServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Channels without a session: {@code /channels/NAME}. */
class ChannelEndpointsTest {
  private static final String EVENTS = "Accept: text/event-stream";
  private static final String LINES = "Accept: application/x-ndjson";
  private static final int SHORT_HISTORY = 5;

  private static TestServer server;
  private static int channels;

  @BeforeAll
  static void start() throws IOException {
    Retention little = new Retention(SHORT_HISTORY, 1 << 20, TimeUnit.MINUTES.toNanos(5));
    server = TestServer.start(builder -> builder.channels(new ChannelRule("short-*", little)));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  // ---- publishing ----

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "application/json                  | {\"a\":[1,2]}  | {\"a\":[1,2]}",
        "application/json; charset=utf-8   | \"ä\"          | \"ä\"",
        "application/x-www-form-urlencoded | [1]            | [1]",
        "application/problem+json          | {}             | {}",
        "text/plain                        | hello          | \"hello\"",
        "text/plain;charset=UTF-8          | {\"a\":1}      | \"{\\\"a\\\":1}\"",
        "TEXT/PLAIN                        | ü              | \"ü\"",
      })
  void a_body_is_published_by_its_type(String type, String body, String data) throws IOException {
    String channel = channel();

    Answer answer = server.post("/channels/" + channel, body, "Content-Type: " + type);

    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
    assertThat(answer.json().path("offset").asInt()).isEqualTo(1);
    JsonNode page = history(channel, "");
    assertThat(answer.json().path("epoch")).isEqualTo(page.path("epoch"));
    JsonNode message = page.at("/messages/0");
    assertThat(message.path("op").asText()).isEqualTo("message");
    assertThat(message.path("channel").asText()).isEqualTo(channel);
    assertThat(message.path("offset").asInt()).isEqualTo(1);
    assertThat(message.path("data").toString()).isEqualTo(data);
    assertThat(message.path("time").isIntegralNumber()).isTrue();
  }

  @Test
  void a_body_without_a_type_is_json() throws IOException {
    String channel = channel();
    assertThat(server.post("/channels/" + channel, "17").status()).isEqualTo(200);
    assertThat(history(channel, "").at("/messages/0/data").asInt()).isEqualTo(17);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/xml",
        "image/png",
        "multipart/form-data; boundary=x",
        "text/html",
        "nonsense"
      })
  void another_type_is_not_published(String type) throws IOException {
    String channel = channel();
    assertProblem(
        server.post("/channels/" + channel, "1", "Content-Type: " + type), 415, "unsupported_type");
    assertThat(history(channel, "").path("messages")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "nonsense", "1 2", "NaN", "{\"a\":1,}"})
  void a_body_that_is_no_json_is_not_published(String body) throws IOException {
    String channel = channel();
    assertProblem(server.post("/channels/" + channel, body), 400, "malformed");
    assertThat(history(channel, "").path("messages")).isEmpty();
  }

  @Test
  void line_breaks_between_tokens_are_removed_and_nothing_else() throws IOException {
    String channel = channel();
    server.post("/channels/" + channel, "{\r\n  \"n\": 1.50,\n  \"t\": \"a\\nb\"\r\n}\n");
    Answer answer = server.get("/channels/" + channel);
    assertThat(answer.text()).contains("\"data\":{  \"n\": 1.50,  \"t\": \"a\\nb\"}");
  }

  @Test
  void a_publication_retried_with_its_key_counts_once() throws IOException {
    String channel = channel();
    String path = "/channels/" + channel;
    JsonNode first = server.post(path, "1", "Idempotency-Key: k").json();
    assertThat(server.post(path, "1", "Idempotency-Key: k").json()).isEqualTo(first);
    assertThat(server.post(path, "2", "Idempotency-Key: l").json().path("offset").asInt())
        .isEqualTo(2);
    assertThat(server.post(path, "1", "Idempotency-Key: k").json()).isEqualTo(first);
    assertThat(data(history(channel, ""))).containsExactly(1, 2);
    assertProblem(server.post(path, "1", "Idempotency-Key: " + "k".repeat(257)), 400, "malformed");
  }

  @Test
  void only_a_feed_may_name_several_channels() throws IOException {
    assertProblem(server.post("/channels/a,b", "1"), 400, "malformed");
    assertProblem(server.get("/channels/a,b"), 400, "malformed");
    assertProblem(server.get("/channels/a,a", EVENTS), 400, "malformed");
    assertProblem(server.get("/channels/a,,b", EVENTS), 400, "malformed");
  }

  // ---- history and long polls ----

  @Test
  void the_history_is_what_is_kept() throws IOException {
    String channel = "short-" + channel();
    publish(channel, 1, 8);

    JsonNode page = history(channel, "");

    assertThat(page.path("offset").asInt()).isEqualTo(8);
    assertThat(data(page)).containsExactly(4, 5, 6, 7, 8);
    assertThat(data(history(channel, "?limit=2"))).containsExactly(7, 8);
    assertThat(data(history(channel, "?limit=0"))).isEmpty();
    assertThat(data(history(channel, "?since=" + at(channel, 6)))).containsExactly(7, 8);
    assertThat(data(history(channel, "?since=" + at(channel, 3)))).isEqualTo(range(4, 8));
    assertThat(data(history(channel, "?since=" + at(channel, 8)))).isEmpty();
  }

  @Test
  void a_position_that_cannot_be_reached_is_a_gap() throws IOException {
    String channel = "short-" + channel();
    publish(channel, 1, 8);
    String epoch = history(channel, "").path("epoch").asText();
    for (String since : List.of(epoch + ":2", epoch + ":9", "other:8")) {
      for (String wait : List.of("", "&wait=5")) {
        JsonNode gap =
            assertProblem(
                server.get("/channels/" + channel + "?since=" + since + wait), 409, "gap");
        assertThat(gap.path("epoch").asText()).isEqualTo(epoch);
        assertThat(gap.path("offset").asInt()).isEqualTo(8);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "8",
        "k3",
        "k3:",
        ":8",
        "k3:x",
        "k3:-1",
        "k3:1.5",
        "k3:1,k3:1",
        "k3:99999999999999999999"
      })
  void a_position_that_is_none_is_malformed(String since) throws IOException {
    String path = "/channels/" + channel();
    assertProblem(server.get(path + "?since=" + since), 400, "malformed");
    assertProblem(server.get(path + "?since=" + since, EVENTS), 400, "malformed");
    assertProblem(server.get(path, EVENTS, "Last-Event-ID: " + since), 400, "malformed");
  }

  @Test
  void a_long_poll_waits_for_the_first_message() throws IOException {
    String channel = channel();
    String since = at(channel, 0);
    try (HttpSocket poll = server.connect()) {
      poll.request("GET", "/channels/" + channel + "?wait=20&since=" + since, null);
      publish(channel, 17, 17);
      JsonNode page = poll.answer().json();
      assertThat(data(page)).containsExactly(17);
      assertThat(page.path("offset").asInt()).isEqualTo(1);

      // What is there already is answered at once, on the same connection.
      poll.request("GET", "/channels/" + channel + "?wait=20&since=" + since, null);
      assertThat(data(poll.answer().json())).containsExactly(17);
    }
  }

  @Test
  void a_reader_that_polls_gets_everything_once_and_in_order() throws IOException {
    String channel = channel();
    String since = at(channel, 0);
    int total = 500;
    CompletableFuture<Void> publisher =
        CompletableFuture.runAsync(
            () -> {
              for (int i = 1; i <= total; i++) {
                publish(channel, i, i);
              }
            });
    List<Integer> received = new ArrayList<>();
    try (HttpSocket poll = server.connect()) {
      while (received.size() < total) {
        JsonNode page =
            poll.request("GET", "/channels/" + channel + "?wait=20&since=" + since, null)
                .answer()
                .json();
        received.addAll(data(page));
        JsonNode last = page.path("messages").get(page.path("messages").size() - 1);
        since = page.path("epoch").asText() + ":" + last.path("offset").asInt();
      }
    }
    publisher.join();
    assertThat(received).isEqualTo(range(1, total));
  }

  // ---- feeds ----

  @Test
  void a_feed_brings_what_is_published_from_now_on() throws IOException {
    String channel = channel();
    publish(channel, 1, 3);
    try (Feed feed = Feed.events(channel, "")) {
      assertThat(feed.head.header("Content-Type")).startsWith("text/event-stream");
      assertThat(feed.head.header("Cache-Control")).contains("no-store");
      feed.awaitBegun();
      publish(channel, 4, 6);
      List<EventReader.Event> events = feed.next(3);
      String epoch = history(channel, "").path("epoch").asText();
      assertThat(events)
          .extracting(EventReader.Event::id)
          .containsExactly(epoch + ":4", epoch + ":5", epoch + ":6");
      assertThat(numbers(events)).containsExactly(4, 5, 6);
    }
  }

  @Test
  void a_feed_goes_on_after_its_last_event_id() throws IOException {
    String channel = channel();
    publish(channel, 1, 600);
    String lastId;
    try (Feed feed = Feed.events(channel, at(channel, 0))) {
      assertThat(numbers(feed.next(250))).isEqualTo(range(1, 250));
      lastId = feed.reader.lastId();
      feed.socket.kill();
    }
    publish(channel, 601, 700);
    try (Feed feed = Feed.events(channel, lastId)) {
      publish(channel, 701, 800);
      assertThat(numbers(feed.next(550))).isEqualTo(range(251, 800));
    }
  }

  @Test
  void the_id_that_comes_first_brings_back_whoever_got_nothing() throws IOException {
    String channel = channel();
    String lastId;
    try (Feed feed = Feed.events(channel, "")) {
      lastId = HttpSocket.line(feed.body).substring("id: ".length());
    }
    assertThat(lastId).isEqualTo(at(channel, 0));
    publish(channel, 1, 3);
    try (Feed feed = Feed.events(channel, lastId)) {
      assertThat(numbers(feed.next(3))).containsExactly(1, 2, 3);
    }
  }

  @Test
  void a_feed_whose_history_does_not_reach_back_begins_with_a_gap() throws IOException {
    String channel = "short-" + channel();
    publish(channel, 1, 20);
    String epoch = history(channel, "").path("epoch").asText();
    for (String since : List.of(epoch + ":3", "other:1")) {
      try (Feed feed = Feed.events(channel, since)) {
        EventReader.Event gap = feed.next(1).get(0);
        assertThat(gap.id()).isEqualTo(epoch + ":20");
        JsonNode value = Answer.parse(gap.data());
        assertThat(value.path("op").asText()).isEqualTo("gap");
        assertThat(value.path("channel").asText()).isEqualTo(channel);
        assertThat(value.path("epoch").asText()).isEqualTo(epoch);
        assertThat(value.path("offset").asInt()).isEqualTo(20);
      }
    }
    try (Feed feed = Feed.events(channel, epoch + ":3")) {
      feed.next(1);
      publish(channel, 21, 22);
      assertThat(numbers(feed.next(2))).containsExactly(21, 22);
    }
  }

  @Test
  void several_channels_share_a_feed_and_its_id_tells_of_all_of_them() throws IOException {
    String one = channel();
    String other = channel();
    String names = one + "," + other;
    String start = at(one, 0) + "," + at(other, 0);
    String lastId;
    try (Feed feed = Feed.events(names, start)) {
      publish(one, 1, 2);
      publish(other, 11, 11);
      List<EventReader.Event> events = feed.next(3);
      assertThat(dataOf(events, one)).containsExactly(1, 2);
      assertThat(dataOf(events, other)).containsExactly(11);
      lastId = feed.reader.lastId();
      assertThat(lastId).isEqualTo(at(one, 2) + "," + at(other, 1));
    }
    publish(other, 12, 13);
    publish(one, 3, 3);
    try (Feed feed = Feed.events(names, lastId)) {
      List<EventReader.Event> events = feed.next(3);
      assertThat(dataOf(events, one)).containsExactly(3);
      assertThat(dataOf(events, other)).containsExactly(12, 13);
      assertThat(feed.reader.lastId()).isEqualTo(at(one, 3) + "," + at(other, 3));
    }
    assertProblem(
        server.get("/channels/" + names, EVENTS, "Last-Event-ID: " + at(one, 1)), 400, "malformed");
  }

  @Test
  void a_feed_of_lines_is_one_message_a_line() throws IOException {
    String channel = channel();
    publish(channel, 1, 2);
    try (HttpSocket socket = server.connect()) {
      socket.request("GET", "/channels/" + channel + "?since=" + at(channel, 0), null, LINES);
      Answer head = socket.head();
      assertThat(head.header("Content-Type")).startsWith("application/x-ndjson");
      BufferedReader lines = new BufferedReader(new InputStreamReader(socket.body(head), UTF_8));
      publish(channel, 3, 3);
      for (int i = 1; i <= 3; i++) {
        assertThat(Answer.parse(lines.readLine()).path("data").asInt()).isEqualTo(i);
      }
    }
  }

  @Test
  void several_readers_of_one_channel_see_the_same_order() throws IOException {
    String channel = channel();
    String start = at(channel, 0);
    List<Feed> feeds = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      feeds.add(Feed.events(channel, start));
    }
    List<CompletableFuture<Void>> publishers = new ArrayList<>();
    for (int p = 0; p < 3; p++) {
      int from = 1000 * p;
      publishers.add(CompletableFuture.runAsync(() -> publish(channel, from, from + 99)));
    }
    List<Integer> order = null;
    for (Feed feed : feeds) {
      List<Integer> seen = numbers(feed.next(300));
      assertThat(seen).isEqualTo(order == null ? seen : order).doesNotHaveDuplicates();
      order = seen;
      feed.close();
    }
    publishers.forEach(CompletableFuture::join);
    assertThat(data(history(channel, ""))).isEqualTo(order);
  }

  // ---- what they have in common ----

  /** A feed of events. */
  private static final class Feed implements AutoCloseable {
    private final HttpSocket socket;
    private final Answer head;
    private final InputStream body;
    private final EventReader reader;

    private Feed(HttpSocket socket) throws IOException {
      this.socket = socket;
      this.head = socket.head();
      assertThat(head.status()).as(head.toString()).isEqualTo(200);
      this.body = socket.body(head);
      this.reader = new EventReader(body);
    }

    static Feed events(String names, String lastEventId) throws IOException {
      HttpSocket socket = server.connect();
      socket.request(
          "GET",
          "/channels/" + names,
          null,
          lastEventId.isEmpty()
              ? new String[] {EVENTS}
              : new String[] {EVENTS, "Last-Event-ID: " + lastEventId});
      return new Feed(socket);
    }

    /** It has begun when its first bytes, the id without data, have come. */
    void awaitBegun() {
      await().until(() -> socket.in().available() > 0);
    }

    List<EventReader.Event> next(int count) throws IOException {
      List<EventReader.Event> events = new ArrayList<>();
      while (events.size() < count) {
        EventReader.Event event = reader.next();
        assertThat(event).as("the feed ended after " + events.size()).isNotNull();
        events.add(event);
      }
      return events;
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  private static String channel() {
    channels++;
    return "channel-" + channels;
  }

  private static void publish(String channel, int from, int to) {
    for (int i = from; i <= to; i++) {
      Position position = server.footbridge().publish(channel, i).toCompletableFuture().join();
      assertThat(position.offset()).isPositive();
    }
  }

  private static JsonNode history(String channel, String query) throws IOException {
    Answer answer = server.get("/channels/" + channel + query);
    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
    return answer.json();
  }

  private static String at(String channel, int offset) throws IOException {
    return history(channel, "?limit=0").path("epoch").asText() + ":" + offset;
  }

  private static List<Integer> numbers(List<EventReader.Event> events) {
    return events.stream().map(event -> Answer.parse(event.data()).path("data").asInt()).toList();
  }

  private static List<Integer> dataOf(List<EventReader.Event> events, String channel) {
    return numbers(
        events.stream()
            .filter(event -> Answer.parse(event.data()).path("channel").asText().equals(channel))
            .toList());
  }
}
