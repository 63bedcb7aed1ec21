package dev.footbridge.testclient;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What the tests look for in values. They publish whole numbers, so that order is easily seen. */
public final class Values {
  private Values() {}

  /** The whole numbers between two, both included. */
  public static List<Integer> range(int first, int last) {
    return IntStream.rangeClosed(first, last).boxed().toList();
  }

  /** The numbers published in a page of history. */
  public static List<Integer> data(JsonNode page) {
    return field(page, "data");
  }

  /** The offsets in a page of history. */
  public static List<Integer> offsets(JsonNode page) {
    return field(page, "offset");
  }

  private static List<Integer> field(JsonNode page, String name) {
    List<Integer> numbers = new ArrayList<>();
    page.path("messages").forEach(message -> numbers.add(message.path(name).asInt()));
    return numbers;
  }

  /** The numbers in a channel's history. */
  public static List<Integer> history(TestServer server, String channel) throws IOException {
    Answer answer = server.get("/channels/" + channel);
    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
    return data(answer.json());
  }

  /** The messages of a channel that a client has got. */
  public static List<JsonNode> messages(SessionClient client, String channel) {
    return client.received().stream()
        .filter(value -> value.path("op").asText().equals("message"))
        .filter(value -> value.path("channel").asText().equals(channel))
        .toList();
  }

  /** The numbers of a channel that a client has got. */
  public static List<Integer> data(SessionClient client, String channel) {
    return messages(client, channel).stream().map(value -> value.path("data").asInt()).toList();
  }

  /** Checks that a reply is no error. */
  public static void assertFine(JsonNode reply) {
    assertThat(reply.has("error")).as(reply.toString()).isFalse();
  }

  /** Checks that a reply is an error with the code and a sentence. */
  public static void assertError(JsonNode reply, String code) {
    assertThat(reply.at("/error/code").asText()).as(reply.toString()).isEqualTo(code);
    assertThat(reply.at("/error/message").asText()).endsWith(".");
  }
}
