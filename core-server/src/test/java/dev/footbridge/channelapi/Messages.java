package dev.footbridge.channelapi;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Short words for what the tests of the hub's commands say and look at. */
final class Messages {
  private Messages() {}

  static String channel(String name) {
    return "\"channel\":\"" + name + "\"";
  }

  static String since(JsonNode position, long offset) {
    return "\"since\":" + position(position.get("epoch").textValue(), offset);
  }

  static String position(String epoch, long offset) {
    return "{\"epoch\":\"" + epoch + "\",\"offset\":" + offset + "}";
  }

  /** Publishes the next {@code count} numbers and gives the place of the last. */
  static JsonNode publish(TestHub hub, TestClient client, String name, int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> hub.ask(client, "publish", channel(name) + ",\"data\":" + i))
        .reduce((first, second) -> second)
        .orElseThrow();
  }

  static List<Long> fromTo(long first, long last) {
    return LongStream.rangeClosed(first, last).boxed().toList();
  }

  static List<Long> offsets(List<JsonNode> messages) {
    return messages.stream()
        .map(
            message -> {
              assertThat(message.get("op").textValue()).isEqualTo("message");
              return message.get("offset").longValue();
            })
        .toList();
  }
}
