package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static dev.footbridge.channelapi.Messages.fromTo;
import static dev.footbridge.channelapi.Messages.offsets;
import static dev.footbridge.channelapi.Messages.publish;
import static dev.footbridge.channelapi.Messages.since;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PublishingTest {
  private final TestHub hub = TestHub.roomy();
  private final TestClient client = hub.client("ann");

  private static List<JsonNode> messages(JsonNode history) {
    return StreamSupport.stream(history.get("messages").spliterator(), false).toList();
  }

  // ---- publish ----

  @Test
  void the_reply_tells_the_place_of_the_message() {
    JsonNode first = hub.ask(client, "publish", channel("news") + ",\"data\":{\"a\":1}");
    assertThat(first.get("offset").longValue()).isEqualTo(1);
    JsonNode second = hub.ask(client, "publish", channel("news") + ",\"data\":2");
    assertThat(second.get("offset").longValue()).isEqualTo(2);
    assertThat(second.get("epoch")).isEqualTo(first.get("epoch"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "0", "-1.50e3", "\"ü\\n\"", "[]", "{\"b\" : [1, 2]}", "false"})
  void data_is_any_json_and_comes_as_it_was(String data) {
    hub.ask(client, "publish", channel("news") + ",\"data\":" + data);
    JsonNode history = hub.ask(client, "history", channel("news"));
    assertThat(messages(history).get(0).get("data")).isEqualTo(TestClient.json(data));
  }

  @Test
  void a_publication_retried_with_its_key_counts_once() {
    String publication = channel("news") + ",\"data\":1,\"key\":\"k\"";
    JsonNode place = hub.ask(client, "publish", publication);
    assertThat(hub.ask(client, "publish", publication)).isEqualTo(place);
    assertThat(messages(hub.ask(client, "history", channel("news")))).hasSize(1);
  }

  @Test
  void two_users_may_use_the_same_key() {
    String publication = channel("news") + ",\"data\":1,\"key\":\"k\"";
    hub.ask(client, "publish", publication);
    assertThat(hub.ask(hub.client("bob"), "publish", publication).get("offset").longValue())
        .isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"data\":1",
        "\"channel\":\"news\"",
        "\"channel\":\"a/b\",\"data\":1",
        "\"channel\":\"news\",\"data\":1,\"key\":5",
        "\"channel\":\"news\",\"data\":1,\"key\":\"\""
      })
  void a_bad_field_is_malformed_and_publishes_nothing(String fields) {
    assertThat(hub.error(client, "publish", fields)).isEqualTo("malformed");
    assertThat(messages(hub.ask(client, "history", channel("news")))).isEmpty();
  }

  @Test
  void a_key_has_at_most_256_characters() {
    String head = channel("news") + ",\"data\":1,\"key\":\"";
    hub.ask(client, "publish", head + "k".repeat(256) + "\"");
    assertThat(hub.error(client, "publish", head + "k".repeat(257) + "\"")).isEqualTo("malformed");
  }

  @Test
  void a_channel_that_is_not_for_the_client_is_forbidden() {
    assertThat(hub.error(client, "publish", channel("secret") + ",\"data\":1"))
        .isEqualTo("forbidden");
  }

  @Test
  void a_session_may_publish_so_many_at_once() {
    TestHub strict = TestHub.builder().limits(new HubLimits(10, 1, 1, 1, 3, 100, 10_000)).build();
    TestClient hasty = strict.client();
    publish(strict, hasty, "news", 3);
    assertThat(strict.error(hasty, "publish", channel("news") + ",\"data\":1"))
        .isEqualTo("rate_limited");
    publish(strict, strict.client(), "news", 1);
  }

  @Test
  void publications_keep_their_order_while_permission_is_slow() {
    hub.hesitate();
    client.command("publish", channel("news") + ",\"data\":1");
    client.command("publish", channel("news") + ",\"data\":2");
    hub.decide();
    client.command("publish", channel("news") + ",\"data\":3");
    hub.settle();
    client.heard();
    assertThat(messages(hub.ask(client, "history", channel("news"))))
        .extracting(message -> message.get("data").intValue())
        .containsExactly(1, 2, 3);
  }

  // ---- history ----

  @Test
  void history_is_the_last_hundred_unless_asked_otherwise() {
    JsonNode top = publish(hub, client, "news", 120);
    JsonNode history = hub.ask(client, "history", channel("news"));
    assertThat(history.get("epoch")).isEqualTo(top.get("epoch"));
    assertThat(history.get("offset").longValue()).isEqualTo(120);
    assertThat(offsets(messages(history))).isEqualTo(fromTo(21, 120));
    JsonNode few = hub.ask(client, "history", channel("news") + ",\"limit\":2");
    assertThat(offsets(messages(few))).containsExactly(119L, 120L);
  }

  @Test
  void history_since_a_position_is_what_follows_it() {
    JsonNode top = publish(hub, client, "news", 10);
    JsonNode history =
        hub.ask(client, "history", channel("news") + ",\"limit\":3," + since(top, 4));
    assertThat(offsets(messages(history))).containsExactly(5L, 6L, 7L);
    assertThat(history.get("offset").longValue()).isEqualTo(10);
    assertThat(messages(hub.ask(client, "history", channel("news") + "," + since(top, 10))))
        .isEmpty();
  }

  @Test
  void history_that_does_not_reach_back_is_a_gap() {
    TestHub forgetful = TestHub.builder().keeping(3).build();
    TestClient reader = forgetful.client();
    JsonNode top = publish(forgetful, reader, "news", 10);
    assertThat(forgetful.error(reader, "history", channel("news") + "," + since(top, 6)))
        .isEqualTo("gap");
    assertThat(forgetful.error(reader, "history", channel("news") + "," + since(top, 11)))
        .isEqualTo("gap");
    forgetful.ask(reader, "history", channel("news") + "," + since(top, 7));
  }

  @Test
  void history_has_no_more_messages_than_the_limit_of_an_answer() {
    publish(hub, client, "news", 150);
    JsonNode history = hub.ask(client, "history", channel("news") + ",\"limit\":1000000");
    assertThat(offsets(messages(history))).isEqualTo(fromTo(51, 150));
  }

  @Test
  void history_has_no_more_octets_than_the_limit_of_an_answer_but_one_message_at_least() {
    TestHub strict =
        TestHub.builder().limits(new HubLimits(10, 1, 1, 1000, 1000, 100, 1000)).build();
    TestClient reader = strict.client();
    JsonNode top = null;
    String data = "\"" + "x".repeat(300) + "\"";
    for (int i = 0; i < 10; i++) {
      top = strict.ask(reader, "publish", channel("news") + ",\"data\":" + data);
    }
    assertThat(offsets(messages(strict.ask(reader, "history", channel("news")))))
        .containsExactly(9L, 10L);
    assertThat(
            offsets(messages(strict.ask(reader, "history", channel("news") + "," + since(top, 0)))))
        .containsExactly(1L, 2L);
    strict.ask(reader, "publish", channel("big") + ",\"data\":\"" + "x".repeat(2000) + "\"");
    assertThat(messages(strict.ask(reader, "history", channel("big")))).hasSize(1);
  }

  @Test
  void history_of_a_channel_that_nobody_has_published_to_is_empty() {
    JsonNode history = hub.ask(client, "history", channel("nothing"));
    assertThat(history.get("offset").longValue()).isZero();
    assertThat(messages(history)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\"channel\":\"\"",
        "\"channel\":\"news\",\"limit\":-1",
        "\"channel\":\"news\",\"limit\":\"5\"",
        "\"channel\":\"news\",\"since\":[]"
      })
  void a_bad_field_of_history_is_malformed(String fields) {
    assertThat(hub.error(client, "history", fields)).isEqualTo("malformed");
  }

  @Test
  void history_of_a_channel_that_is_not_for_the_client_is_forbidden() {
    assertThat(hub.error(client, "history", channel("secret"))).isEqualTo("forbidden");
    hub.ask(client, "history", channel("secret") + ",\"token\":\"key\"");
  }
}
