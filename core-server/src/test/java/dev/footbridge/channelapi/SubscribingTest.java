package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static dev.footbridge.channelapi.Messages.fromTo;
import static dev.footbridge.channelapi.Messages.offsets;
import static dev.footbridge.channelapi.Messages.publish;
import static dev.footbridge.channelapi.Messages.since;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.io.Lane;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SubscribingTest {
  private final TestHub hub = TestHub.roomy();
  private final TestClient publisher = hub.client("pat");
  private final TestClient client = hub.client("ann");

  @Test
  void the_reply_tells_the_channels_top_and_live_messages_follow() {
    JsonNode top = publish(hub, publisher, "news", 3);
    JsonNode reply = hub.ask(client, "subscribe", channel("news"));
    assertThat(reply.get("epoch")).isEqualTo(top.get("epoch"));
    assertThat(reply.get("offset").longValue()).isEqualTo(3);
    assertThat(reply.get("recovered").booleanValue()).isTrue();

    publish(hub, publisher, "news", 2);
    List<JsonNode> heard = client.heard();
    assertThat(offsets(heard)).containsExactly(4L, 5L);
    assertThat(heard.get(1).get("channel").textValue()).isEqualTo("news");
    assertThat(heard.get(1).get("data").intValue()).isEqualTo(1);
    assertThat(heard.get(1).get("user").textValue()).isEqualTo("pat");
  }

  @Test
  void a_channel_that_does_not_exist_yet_has_the_top_0() {
    assertThat(hub.ask(client, "subscribe", channel("new")).get("offset").longValue()).isZero();
    publish(hub, publisher, "new", 1);
    assertThat(offsets(client.heard())).containsExactly(1L);
  }

  @Test
  void a_publisher_that_subscribes_hears_itself() {
    hub.ask(client, "subscribe", channel("news"));
    List<JsonNode> heard = hub.exchange(client, "publish", channel("news") + ",\"data\":1");
    assertThat(heard).hasSize(2);
  }

  @Test
  void after_the_reply_comes_what_was_published_since_a_position() {
    JsonNode top = publish(hub, publisher, "news", 10);
    List<JsonNode> heard = hub.exchange(client, "subscribe", channel("news") + "," + since(top, 4));
    assertThat(heard.get(0).at("/data/recovered").booleanValue()).isTrue();
    assertThat(heard.get(0).at("/data/offset").longValue()).isEqualTo(10);
    assertThat(offsets(heard.subList(1, heard.size()))).isEqualTo(fromTo(5, 10));
    publish(hub, publisher, "news", 1);
    assertThat(offsets(client.heard())).containsExactly(11L);
  }

  @Test
  void however_much_was_published_since_a_position_comes_in_order() {
    JsonNode top = publish(hub, publisher, "news", 1500);
    List<JsonNode> heard = hub.exchange(client, "subscribe", channel("news") + "," + since(top, 0));
    assertThat(offsets(heard.subList(1, heard.size()))).isEqualTo(fromTo(1, 1500));
  }

  @Test
  void a_position_that_the_history_does_not_reach_is_told_and_live_messages_follow() {
    TestHub forgetful = TestHub.builder().keeping(3).build();
    TestClient writer = forgetful.client();
    TestClient reader = forgetful.client();
    JsonNode top = publish(forgetful, writer, "news", 10);
    for (String since :
        List.of(since(top, 6), since(top, 50), "\"since\":" + Messages.position("other", 2))) {
      JsonNode reply = forgetful.ask(reader, "subscribe", channel("news") + "," + since);
      assertThat(reply.get("recovered").booleanValue()).isFalse();
      assertThat(reply.get("offset").longValue()).isEqualTo(top.get("offset").longValue());
      top = publish(forgetful, writer, "news", 1);
      assertThat(offsets(reader.heard())).containsExactly(top.get("offset").longValue());
      forgetful.ask(reader, "unsubscribe", channel("news"));
    }
  }

  @Test
  void the_last_few_messages_come_first_if_asked_for() {
    publish(hub, publisher, "news", 10);
    List<JsonNode> heard = hub.exchange(client, "subscribe", channel("news") + ",\"last\":3");
    assertThat(heard.get(0).at("/data/recovered").booleanValue()).isTrue();
    assertThat(offsets(heard.subList(1, heard.size()))).containsExactly(8L, 9L, 10L);
    publish(hub, publisher, "news", 1);
    assertThat(offsets(client.heard())).containsExactly(11L);
  }

  @Test
  void more_of_the_last_messages_than_there_are_or_are_allowed_are_as_many_as_there_are() {
    publish(hub, publisher, "few", 3);
    assertThat(hub.exchange(client, "subscribe", channel("few") + ",\"last\":1000")).hasSize(4);
    publish(hub, publisher, "many", 150);
    List<JsonNode> heard = hub.exchange(client, "subscribe", channel("many") + ",\"last\":1000");
    assertThat(offsets(heard.subList(1, heard.size()))).isEqualTo(fromTo(51, 150));
  }

  @Test
  void since_beats_last() {
    JsonNode top = publish(hub, publisher, "news", 10);
    List<JsonNode> heard =
        hub.exchange(client, "subscribe", channel("news") + ",\"last\":5," + since(top, 9));
    assertThat(offsets(heard.subList(1, heard.size()))).containsExactly(10L);
  }

  @Test
  void subscribing_again_changes_nothing_and_tells_the_top() {
    JsonNode top = publish(hub, publisher, "news", 3);
    hub.ask(client, "subscribe", channel("news"));
    JsonNode again = hub.ask(client, "subscribe", channel("news") + "," + since(top, 0));
    assertThat(again.get("offset").longValue()).isEqualTo(3);
    assertThat(again.get("epoch")).isEqualTo(top.get("epoch"));
    publish(hub, publisher, "news", 1);
    assertThat(offsets(client.heard())).containsExactly(4L);
  }

  @Test
  void subscribing_again_while_the_first_time_is_under_way_tells_the_top_too() {
    publish(hub, publisher, "news", 3);
    hub.hesitate();
    client.command("subscribe", channel("news"));
    client.command("subscribe", channel("news"));
    hub.settle();
    assertThat(client.heard()).isEmpty();
    hub.decide();
    List<JsonNode> replies = client.heard();
    assertThat(replies).hasSize(2);
    assertThat(replies)
        .allSatisfy(reply -> assertThat(reply.at("/data/offset").longValue()).isEqualTo(3));
    publish(hub, publisher, "news", 1);
    assertThat(offsets(client.heard())).containsExactly(4L);
  }

  @Test
  void subscribing_again_while_the_first_time_is_refused_is_refused_too() {
    hub.hesitate();
    client.command("subscribe", channel("news"));
    client.command("subscribe", channel("news"));
    hub.refuse();
    assertThat(client.heard())
        .hasSize(2)
        .allSatisfy(
            reply -> assertThat(reply.at("/error/code").textValue()).isEqualTo("forbidden"));
    publish(hub, publisher, "news", 1);
    assertThat(client.heard()).isEmpty();
  }

  @Test
  void unsubscribing_while_subscribing_is_under_way_leaves_nothing() {
    hub.hesitate();
    client.command("subscribe", channel("news"));
    client.command("unsubscribe", channel("news"));
    hub.decide();
    assertThat(client.heard()).hasSize(2);
    publish(hub, publisher, "news", 1);
    assertThat(client.heard()).isEmpty();
  }

  @Test
  void nothing_comes_after_the_reply_to_unsubscribe() {
    hub.ask(client, "subscribe", channel("news"));
    publisher.command("publish", channel("news") + ",\"data\":1");
    client.command("unsubscribe", channel("news"));
    hub.settle();
    List<JsonNode> heard = client.heard();
    assertThat(heard.get(heard.size() - 1).get("op").textValue()).isEqualTo("reply");
    publisher.heard();
    publish(hub, publisher, "news", 1);
    assertThat(client.heard()).isEmpty();
  }

  @Test
  void unsubscribing_where_there_is_no_subscription_does_nothing() {
    assertThat(hub.ask(client, "unsubscribe", channel("news"))).isEmpty();
  }

  @Test
  void after_unsubscribing_a_client_can_subscribe_again_and_recover() {
    JsonNode top = hub.ask(client, "subscribe", channel("news"));
    hub.ask(client, "unsubscribe", channel("news"));
    publish(hub, publisher, "news", 3);
    List<JsonNode> heard = hub.exchange(client, "subscribe", channel("news") + "," + since(top, 0));
    assertThat(offsets(heard.subList(1, 4))).isEqualTo(fromTo(1, 3));
  }

  @Test
  void each_channel_has_an_order_of_its_own_in_one_session() {
    hub.ask(client, "subscribe", channel("a"));
    hub.ask(client, "subscribe", channel("b"));
    publish(hub, publisher, "a", 2);
    publish(hub, publisher, "b", 2);
    assertThat(offsets(client.heard())).containsExactly(1L, 2L, 1L, 2L);
  }

  @Test
  void a_channel_that_is_not_for_the_client_is_forbidden_unless_the_command_carries_a_token() {
    assertThat(hub.error(client, "subscribe", channel("secret"))).isEqualTo("forbidden");
    hub.ask(publisher, "publish", channel("other") + ",\"data\":1");
    assertThat(client.heard()).isEmpty();
    hub.ask(client, "subscribe", channel("secret") + ",\"token\":\"key\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\"channel\":5",
        "\"channel\":null",
        "\"channel\":\"\"",
        "\"channel\":\"a b\"",
        "\"channel\":\"news\",\"since\":5",
        "\"channel\":\"news\",\"since\":\"k3:1\"",
        "\"channel\":\"news\",\"since\":{}",
        "\"channel\":\"news\",\"since\":{\"epoch\":\"k3\"}",
        "\"channel\":\"news\",\"since\":{\"offset\":1}",
        "\"channel\":\"news\",\"since\":{\"epoch\":\"k:3\",\"offset\":1}",
        "\"channel\":\"news\",\"since\":{\"epoch\":\"k3\",\"offset\":-1}",
        "\"channel\":\"news\",\"since\":{\"epoch\":\"k3\",\"offset\":1.5}",
        "\"channel\":\"news\",\"since\":{\"epoch\":\"k3\",\"offset\":1e999999999}",
        "\"channel\":\"news\",\"last\":-1",
        "\"channel\":\"news\",\"last\":\"1\"",
        "\"channel\":\"news\",\"presence\":1",
        "\"channel\":\"news\",\"token\":1"
      })
  void a_bad_field_is_malformed_and_subscribes_to_nothing(String fields) {
    assertThat(hub.error(client, "subscribe", fields)).isEqualTo("malformed");
    publish(hub, publisher, "news", 1);
    assertThat(client.heard()).isEmpty();
  }

  @Test
  void a_session_may_have_so_many_channels_and_as_many_again_after_unsubscribing() {
    TestHub small =
        TestHub.builder().limits(new HubLimits(2, 1, 1, 1000, 1000, 100, 10_000)).build();
    TestClient greedy = small.client();
    small.ask(greedy, "subscribe", channel("a"));
    small.ask(greedy, "subscribe", channel("b"));
    assertThat(small.error(greedy, "subscribe", channel("c"))).isEqualTo("rate_limited");
    small.ask(greedy, "subscribe", channel("a"));
    small.ask(greedy, "unsubscribe", channel("a"));
    small.ask(greedy, "subscribe", channel("c"));
    assertThat(small.error(greedy, "subscribe", channel("a"))).isEqualTo("rate_limited");
  }

  @Test
  void a_subscription_that_was_refused_takes_no_place() {
    TestHub small =
        TestHub.builder().limits(new HubLimits(1, 1, 1, 1000, 1000, 100, 10_000)).build();
    TestClient greedy = small.client();
    assertThat(small.error(greedy, "subscribe", channel("secret"))).isEqualTo("forbidden");
    small.ask(greedy, "subscribe", channel("a"));
  }

  @Test
  void messages_wait_while_there_is_no_connection_and_none_is_lost_or_repeated() {
    hub.ask(client, "subscribe", channel("news"));
    publish(hub, publisher, "news", 2);
    client.disconnect();
    publish(hub, publisher, "news", 3);
    Lane other = new Lane(Runnable::run);
    JsonNode welcome = client.connect(other);
    assertThat(welcome.get("resumed").booleanValue()).isTrue();
    assertThat(welcome.at("/subscribed/news/offset").longValue()).isEqualTo(5);
    publish(hub, publisher, "news", 1);
    assertThat(offsets(client.heard())).isEqualTo(fromTo(1, 6));
  }

  @Test
  void a_session_that_ends_hears_nothing_more_and_leaves_no_subscription() {
    hub.ask(client, "subscribe", channel("news"));
    client.session().close("closed");
    hub.settle();
    publish(hub, publisher, "news", 1);
    assertThat(client.heard()).isEmpty();
    assertThat(hub.sessions().count()).isEqualTo(1);
  }
}
