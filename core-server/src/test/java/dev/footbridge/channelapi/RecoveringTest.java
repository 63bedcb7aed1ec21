package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static dev.footbridge.channelapi.Messages.fromTo;
import static dev.footbridge.channelapi.Messages.offsets;
import static dev.footbridge.channelapi.Messages.position;
import static dev.footbridge.channelapi.Messages.publish;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecoveringTest {
  private final TestHub hub = TestHub.roomy();
  private final TestClient publisher = hub.client();
  private final TestClient client = hub.client();

  private static String positions(String members) {
    return "\"positions\":{" + members + "}";
  }

  private static String at(String name, JsonNode like, long offset) {
    return "\"" + name + "\":" + position(like.get("epoch").textValue(), offset);
  }

  @Test
  void recovering_subscribes_and_brings_what_came_after_each_position() {
    JsonNode a = publish(hub, publisher, "a", 5);
    JsonNode b = publish(hub, publisher, "b", 3);
    List<JsonNode> heard =
        hub.exchange(client, "recover", positions(at("a", a, 3) + "," + at("b", b, 3)));
    JsonNode channels = heard.get(0).at("/data/channels");
    assertThat(channels.at("/a/recovered").booleanValue()).isTrue();
    assertThat(channels.at("/a/offset").longValue()).isEqualTo(5);
    assertThat(channels.at("/b/epoch")).isEqualTo(b.get("epoch"));
    assertThat(offsets(heard.subList(1, heard.size()))).containsExactly(4L, 5L);
    publish(hub, publisher, "b", 1);
    assertThat(offsets(client.heard())).containsExactly(4L);
  }

  @Test
  void a_channel_that_the_session_has_goes_on_from_the_position_that_is_given() {
    JsonNode top = hub.ask(client, "subscribe", channel("a"));
    publish(hub, publisher, "a", 5);
    client.heard();
    List<JsonNode> heard = hub.exchange(client, "recover", positions(at("a", top, 2)));
    assertThat(offsets(heard.subList(1, heard.size()))).isEqualTo(fromTo(3, 5));
    publish(hub, publisher, "a", 1);
    assertThat(offsets(client.heard())).containsExactly(6L);
  }

  @Test
  void a_position_that_is_not_reached_is_told_and_live_messages_follow() {
    JsonNode top = publish(hub, publisher, "a", 5);
    JsonNode reply = hub.ask(client, "recover", positions(at("a", top, 6)));
    assertThat(reply.at("/channels/a/recovered").booleanValue()).isFalse();
    assertThat(reply.at("/channels/a/offset").longValue()).isEqualTo(5);
    publish(hub, publisher, "a", 1);
    assertThat(offsets(client.heard())).containsExactly(6L);
  }

  @Test
  void a_channel_without_a_position_is_just_subscribed_to() {
    publish(hub, publisher, "a", 5);
    JsonNode reply = hub.ask(client, "recover", positions("\"a\":null"));
    assertThat(reply.at("/channels/a/offset").longValue()).isEqualTo(5);
    publish(hub, publisher, "a", 1);
    assertThat(offsets(client.heard())).containsExactly(6L);
  }

  @Test
  void every_one_of_a_hundred_channels_is_recovered() {
    JsonNode[] tops = new JsonNode[100];
    for (int i = 0; i < tops.length; i++) {
      tops[i] = publish(hub, publisher, "c" + i, 2);
    }
    List<JsonNode> heard =
        hub.exchange(
            client,
            "recover",
            positions(
                IntStream.range(0, tops.length)
                    .mapToObj(i -> at("c" + i, tops[i], 1))
                    .collect(Collectors.joining(","))));
    assertThat(heard.get(0).at("/data/channels")).hasSize(tops.length);
    assertThat(offsets(heard.subList(1, heard.size()))).hasSize(tops.length).containsOnly(2L);
  }

  @Test
  void a_channel_that_cannot_be_had_is_told_beside_those_that_can() {
    JsonNode top = publish(hub, publisher, "a", 2);
    List<JsonNode> heard =
        hub.exchange(
            client,
            "recover",
            positions(
                at("a", top, 0)
                    + ","
                    + at("secret", top, 0)
                    + ","
                    + at("b d", top, 0)
                    + ",\"z\":5"));
    JsonNode channels = heard.get(0).at("/data/channels");
    assertThat(channels.at("/a/recovered").booleanValue()).isTrue();
    assertThat(channels.at("/secret/error/code").textValue()).isEqualTo("forbidden");
    assertThat(channels.get("b d").at("/error/code").textValue()).isEqualTo("malformed");
    assertThat(channels.at("/z/error/code").textValue()).isEqualTo("malformed");
    assertThat(offsets(heard.subList(1, heard.size()))).containsExactly(1L, 2L);
  }

  @Test
  void a_refused_recovery_leaves_the_subscription_as_it_was() {
    hub.ask(client, "subscribe", channel("a"));
    JsonNode reply = hub.ask(client, "recover", positions("\"a\":5"));
    assertThat(reply.at("/channels/a/error/code").textValue()).isEqualTo("malformed");
    publish(hub, publisher, "a", 1);
    assertThat(offsets(client.heard())).containsExactly(1L);
  }

  @Test
  void channels_beyond_those_that_a_session_may_have_are_refused_each_for_itself() {
    TestHub small = small(2);
    TestClient greedy = small.client();
    small.ask(greedy, "subscribe", channel("x"));
    JsonNode reply = small.ask(greedy, "recover", positions("\"a\":null,\"b\":null"));
    assertThat(reply.at("/channels/a/recovered").booleanValue()).isTrue();
    assertThat(reply.at("/channels/b/error/code").textValue()).isEqualTo("rate_limited");
    publish(small, small.client(), "a", 1);
    assertThat(offsets(greedy.heard())).containsExactly(1L);
  }

  @Test
  void more_positions_than_a_session_may_have_channels_are_refused_as_a_whole() {
    TestHub small = small(2);
    TestClient greedy = small.client();
    assertThat(small.error(greedy, "recover", positions("\"a\":null,\"b\":null,\"c\":null")))
        .isEqualTo("rate_limited");
    publish(small, small.client(), "a", 1);
    assertThat(greedy.heard()).isEmpty();
  }

  private static TestHub small(int channels) {
    return TestHub.builder().limits(new HubLimits(channels, 1, 1, 1000, 1000, 100, 10_000)).build();
  }

  @Test
  void no_positions_recover_nothing() {
    assertThat(hub.ask(client, "recover", positions("")).get("channels")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\"positions\":null", "\"positions\":5", "\"positions\":[]"})
  void positions_must_be_an_object(String fields) {
    assertThat(hub.error(client, "recover", fields)).isEqualTo("malformed");
  }
}
