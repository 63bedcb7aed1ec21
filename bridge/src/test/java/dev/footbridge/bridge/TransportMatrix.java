package dev.footbridge.bridge;

import static dev.footbridge.testclient.Values.data;
import static dev.footbridge.testclient.Values.history;
import static dev.footbridge.testclient.Values.messages;
import static dev.footbridge.testclient.Values.range;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.testclient.Connection;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.Ending;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What every transport promises, and that a session can go from any one to any other. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class TransportMatrix {
  private static final AtomicInteger NAMES = new AtomicInteger();

  private static TestServer server;

  /** The server, or several that share a store; with {@link Echo}. */
  abstract TestServer start() throws IOException;

  @BeforeAll
  void startAll() throws IOException {
    server = start();
  }

  @AfterAll
  void stop() {
    server.close();
  }

  // ---- each transport ----

  @ParameterizedTest
  @EnumSource(Transport.class)
  void text_messages_go_up_and_come_back_unchanged(Transport transport) throws IOException {
    List<String> texts =
        List.of(
            "plain",
            "",
            "Grüße, Łódź, 東京, עברית",
            "\uD83D\uDE80 and \uD83D\uDC69\u200D\uD83D\uDE80",
            "separators \u2028 and \u2029 end a line in JavaScript",
            "\0 a NUL, \u0001, \u001f, \u007f",
            "line\r\nbreaks\n\nand data: fields\n",
            "</script> \" \\ / ' `",
            "\uFEFF\uFFFD\uFFFF");

    try (SessionClient client = SessionClient.open(server, transport, Echo.PATH)) {
      texts.forEach(client::text);

      assertThat(client.awaitReceived(texts.size()))
          .extracting(JsonNode::textValue)
          .containsExactlyElementsOf(texts);
      client.awaitConfirmed();
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void binary_messages_go_up_and_come_back_unchanged(Transport transport) throws IOException {
    Random random = new Random(42);
    List<byte[]> messages = new ArrayList<>();
    for (int size : new int[] {0, 1, 2, 3, 125, 126, 127, 65_535, 65_536, 100_000}) {
      byte[] message = new byte[size];
      random.nextBytes(message);
      messages.add(message);
    }

    try (SessionClient client = SessionClient.open(server, transport, Echo.PATH)) {
      messages.forEach(client::binary);

      List<JsonNode> received = client.awaitReceived(messages.size());
      for (int i = 0; i < messages.size(); i++) {
        assertThat(received.get(i).path("op").textValue()).isEqualTo("binary");
        assertThat(received.get(i).path("data").binaryValue()).isEqualTo(messages.get(i));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_message_of_one_mebibyte_goes_through(Transport transport) throws IOException {
    String large = "0123456789abcdef".repeat(1 << 16);

    try (SessionClient client = SessionClient.open(server, transport, Echo.PATH)) {
      client.text("before");
      client.text(large);
      client.text("after");

      List<JsonNode> received = client.awaitReceived(3);
      assertThat(received.get(1).textValue().equals(large)).isTrue();
      assertThat(received.get(2).textValue()).isEqualTo("after");
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void an_empty_message_is_a_message(Transport transport) throws IOException {
    try (SessionClient client = SessionClient.open(server, transport)) {
      String channel = subscribe(client);
      for (String data : List.of("\"\"", "null", "{}", "[]", "0", "false")) {
        client.command(
            "{\"op\":\"publish\",\"id\":\"p\",\"channel\":\""
                + channel
                + "\",\"data\":"
                + data
                + "}");
      }

      client.awaitValue(value -> value.path("offset").asInt() == 6);
      assertThat(messages(client, channel))
          .extracting(message -> message.path("data").toString())
          .containsExactly("\"\"", "null", "{}", "[]", "0", "false");
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_burst_of_ten_thousand_messages_arrives_whole_and_in_order(Transport transport)
      throws IOException {
    int burst = 10_000;
    try (SessionClient client = SessionClient.open(server, transport)) {
      String channel = subscribe(client);
      for (int i = 1; i <= burst; i++) {
        server.footbridge().publish(channel, i);
      }

      client.awaitReceived(burst + 1);
      assertThat(data(client, channel)).isEqualTo(range(1, burst));
      assertThat(messages(client, channel))
          .extracting(message -> message.path("offset").asInt())
          .isEqualTo(range(1, burst));
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_newer_connection_takes_over_and_the_older_is_told(Transport transport) throws IOException {
    try (SessionClient client = SessionClient.open(server, transport)) {
      String channel = subscribe(client);
      Connection older = client.connection();

      client.connect(transport);
      Ending ending = older.awaitEnding();

      assertThat(ending.code()).isEqualTo("superseded");
      assertThat(ending.reconnect()).isFalse();
      server.footbridge().publish(channel, "still here");
      client.awaitValue(value -> value.path("data").asText().equals("still here"));
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_session_goes_on_after_its_connection_was_cut_again_and_again(Transport transport)
      throws IOException {
    int rounds = 5;
    int perRound = 40;
    try (SessionClient client = SessionClient.open(server, transport, Echo.PATH)) {
      for (int round = 0; round < rounds; round++) {
        for (int i = 1; i <= perRound; i++) {
          client.text("message " + (round * perRound + i));
        }
        // Something of the round has come back, much of it is under way.
        client.awaitReceived(round * perRound + 1);
        client.kill();
        client.connect(transport);
      }

      assertThat(client.awaitReceived(rounds * perRound))
          .extracting(JsonNode::textValue)
          .isEqualTo(
              IntStream.rangeClosed(1, rounds * perRound).mapToObj(i -> "message " + i).toList());
      client.awaitConfirmed();
    }
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_welcome_after_a_loss_says_that_nothing_was_lost(Transport transport) throws IOException {
    try (SessionClient client = SessionClient.open(server, transport)) {
      String channel = subscribe(client);
      long before = client.after();
      client.kill();
      server.footbridge().publish(channel, 1);

      JsonNode welcome = client.connect(transport).awaitAttached();

      if (!transport.isPoll()) {
        assertThat(welcome.path("resumed").booleanValue()).isTrue();
        assertThat(welcome.path("session").textValue()).isEqualTo(client.id());
        assertThat(welcome.path("after").longValue()).isEqualTo(before);
        assertThat(welcome.path("received").longValue()).isEqualTo(1);
        assertThat(welcome.path("subscribed").has(channel)).isTrue();
      }
      client.awaitReceived(2);
      assertThat(data(client, channel)).containsExactly(1);
    }
  }

  // ---- every ordered pair ----

  static Stream<Arguments> pairs() {
    return Stream.of(Transport.values())
        .flatMap(from -> Stream.of(Transport.values()).map(to -> Arguments.of(from, to)));
  }

  @ParameterizedTest(name = "from {0} to {1}")
  @MethodSource("pairs")
  void every_message_of_both_directions_arrives_once_and_in_order(Transport from, Transport to)
      throws Exception {
    int total = 600;
    String published = "up-" + NAMES.incrementAndGet();
    try (SessionClient client = SessionClient.open(server, from)) {
      String channel = subscribe(client);
      for (int i = 1; i <= total; i++) {
        server.footbridge().publish(channel, i);
        client.send(
            "{\"op\":\"publish\",\"id\":"
                + i
                + ",\"channel\":\""
                + published
                + "\",\"data\":"
                + i
                + "}");
        if (i == total / 3) {
          // Some has gone both ways, the rest is under way or waits.
          client.awaitReply(client.received().get(0).path("id"));
          client.awaitReceived(20);
        } else if (i == total / 2) {
          client.kill();
        } else if (i == 2 * total / 3) {
          client.connect(to);
        }
      }

      client.awaitConfirmed();
      client.awaitReceived(1 + 2 * total);
      assertThat(client.received()).hasSize(1 + 2 * total);
      assertThat(data(client, channel)).isEqualTo(range(1, total));
      assertThat(replies(client)).isEqualTo(range(1, total));
      assertThat(history(server, published)).isEqualTo(range(1, total));
    }
  }

  // ---- what they have in common ----

  private static String subscribe(SessionClient client) {
    String channel = "down-" + NAMES.incrementAndGet();
    JsonNode reply =
        client.command("{\"op\":\"subscribe\",\"id\":\"s\",\"channel\":\"" + channel + "\"}");
    assertThat(reply.has("error")).as(reply.toString()).isFalse();
    return channel;
  }

  private static List<Integer> replies(SessionClient client) {
    return client.received().stream()
        .filter(value -> value.path("op").asText().equals("reply"))
        .filter(value -> value.path("id").isInt())
        .map(value -> value.path("id").asInt())
        .toList();
  }
}
