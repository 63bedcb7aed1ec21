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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whoever takes its messages slowly has a bounded buffer, then the history, then a gap. */
class SlowSubscriberTest {
  /** Room for about ten messages. */
  private static final int BUFFER = 1000;

  private static TestHub keeping(int messages) {
    return TestHub.builder().buffer(BUFFER).keeping(messages).build();
  }

  private static TestClient slowSubscriber(TestHub hub, String fields) {
    TestClient client = hub.client();
    client.acknowledges(false);
    hub.settle();
    client.command("subscribe", channel("news") + fields);
    hub.settle();
    return client;
  }

  /** Takes all, acknowledging as it comes, until nothing more comes. */
  private static List<JsonNode> takeAll(TestHub hub, TestClient client) {
    client.acknowledges(true);
    hub.settle();
    List<JsonNode> heard = new ArrayList<>(client.heard());
    heard.removeIf(value -> value.get("op").textValue().equals("reply"));
    return heard;
  }

  @Test
  void no_more_than_its_buffer_waits_for_it_and_then_nothing_is_missing() {
    TestHub hub = keeping(10_000);
    TestClient publisher = hub.client();
    TestClient slow = slowSubscriber(hub, "");
    publish(hub, publisher, "news", 2000);
    List<JsonNode> handed = slow.heard();
    assertThat(handed.stream().mapToInt(value -> value.toString().length()).sum())
        .isBetween(BUFFER / 2, BUFFER);
    List<JsonNode> messages = handed.subList(1, handed.size());
    List<Long> all = new ArrayList<>(offsets(messages));
    all.addAll(offsets(takeAll(hub, slow)));
    assertThat(all).isEqualTo(fromTo(1, 2000));
    publish(hub, publisher, "news", 1);
    assertThat(offsets(slow.heard())).containsExactly(2001L);
  }

  @Test
  void recovering_more_than_the_buffer_holds_loses_and_repeats_nothing() {
    TestHub hub = keeping(10_000);
    JsonNode top = publish(hub, hub.client(), "news", 1000);
    TestClient slow = slowSubscriber(hub, "," + since(top, 0));
    List<JsonNode> handed = slow.heard();
    List<Long> all = new ArrayList<>(offsets(handed.subList(1, handed.size())));
    assertThat(all).hasSizeLessThan(20);
    all.addAll(offsets(takeAll(hub, slow)));
    assertThat(all).isEqualTo(fromTo(1, 1000));
  }

  @Test
  void more_of_the_last_messages_than_the_buffer_holds_come_without_loss() {
    TestHub hub = keeping(10_000);
    publish(hub, hub.client(), "news", 200);
    TestClient slow = slowSubscriber(hub, ",\"last\":100");
    List<JsonNode> handed = slow.heard();
    List<Long> all = new ArrayList<>(offsets(handed.subList(1, handed.size())));
    all.addAll(offsets(takeAll(hub, slow)));
    assertThat(all).isEqualTo(fromTo(101, 200));
  }

  @Test
  void what_a_new_subscription_brings_waits_for_a_session_that_is_full_already() {
    for (boolean recovers : List.of(true, false)) {
      TestHub hub = keeping(10_000);
      TestClient publisher = hub.client();
      TestClient slow = slowSubscriber(hub, "");
      publish(hub, publisher, "news", 50);
      JsonNode top = publish(hub, publisher, "other", 9);
      slow.heard();
      String fields = channel("other") + "," + (recovers ? since(top, 4) : "\"last\":5");
      assertThat(hub.exchange(slow, "subscribe", fields)).hasSize(1);
      List<JsonNode> rest = takeAll(hub, slow);
      rest.removeIf(message -> message.get("channel").textValue().equals("news"));
      assertThat(offsets(rest)).isEqualTo(fromTo(5, 9));
    }
  }

  @Test
  void what_the_history_no_longer_has_is_a_gap_and_then_it_goes_on() {
    TestHub hub = keeping(100);
    TestClient publisher = hub.client();
    TestClient slow = slowSubscriber(hub, "");
    JsonNode top = publish(hub, publisher, "news", 2000);
    List<JsonNode> handed = slow.heard();
    List<Long> before = offsets(handed.subList(1, handed.size()));
    List<JsonNode> rest = takeAll(hub, slow);

    int at = 0;
    long last = before.get(before.size() - 1);
    while (rest.get(at).get("op").textValue().equals("message")) {
      assertThat(rest.get(at++).get("offset").longValue()).isEqualTo(++last);
    }
    JsonNode gap = rest.get(at);
    assertThat(gap.get("op").textValue()).isEqualTo("gap");
    assertThat(gap.get("channel").textValue()).isEqualTo("news");
    assertThat(gap.get("epoch")).isEqualTo(top.get("epoch"));
    assertThat(gap.get("offset").longValue()).isGreaterThan(last);
    assertThat(offsets(rest.subList(at + 1, rest.size())))
        .isEqualTo(fromTo(gap.get("offset").longValue() + 1, 2000));
    publish(hub, publisher, "news", 2);
    assertThat(offsets(slow.heard())).containsExactly(2001L, 2002L);
  }

  @Test
  void nobody_else_notices() {
    TestHub hub = keeping(10);
    TestClient quick = hub.client();
    hub.ask(quick, "subscribe", channel("news"));
    slowSubscriber(hub, "");
    publish(hub, hub.client(), "news", 500);
    assertThat(offsets(quick.heard())).isEqualTo(fromTo(1, 500));
  }

  @Test
  void every_channel_of_a_slow_session_goes_on_when_there_is_room() {
    TestHub hub = keeping(10_000);
    TestClient publisher = hub.client();
    TestClient slow = slowSubscriber(hub, "");
    slow.command("subscribe", channel("other"));
    hub.settle();
    for (int i = 0; i < 50; i++) {
      publish(hub, publisher, "news", 1);
      publish(hub, publisher, "other", 1);
    }
    List<JsonNode> all = new ArrayList<>(slow.heard());
    all.addAll(takeAll(hub, slow));
    all.removeIf(value -> value.get("op").textValue().equals("reply"));
    for (String name : List.of("news", "other")) {
      assertThat(
              offsets(all.stream().filter(m -> m.get("channel").textValue().equals(name)).toList()))
          .isEqualTo(fromTo(1, 50));
    }
  }

  @Test
  void a_message_larger_than_the_buffer_arrives() {
    TestHub hub = keeping(10_000);
    TestClient publisher = hub.client();
    TestClient slow = slowSubscriber(hub, "");
    publish(hub, publisher, "news", 3);
    hub.ask(publisher, "publish", channel("news") + ",\"data\":\"" + "x".repeat(3 * BUFFER) + "\"");
    publish(hub, publisher, "news", 3);
    List<JsonNode> handed = slow.heard();
    List<Long> all = new ArrayList<>(offsets(handed.subList(1, handed.size())));
    all.addAll(offsets(takeAll(hub, slow)));
    assertThat(all).isEqualTo(fromTo(1, 7));
  }
}
