package dev.footbridge.channelapi;

import static dev.footbridge.channelapi.Messages.channel;
import static dev.footbridge.channelapi.Messages.fromTo;
import static dev.footbridge.channelapi.Messages.offsets;
import static dev.footbridge.channelapi.Messages.publish;
import static dev.footbridge.channelapi.Messages.since;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.store.memory.MemoryChannelStore;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.TestClient;
import dev.footbridge.support.TestHub;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A store that is a network away fails at times; the hub says so, or asks again. */
class UnreliableStoreTest {
  private final ProtocolException away =
      new ProtocolException(ErrorCode.UNAVAILABLE, "The store cannot be reached.");

  private final FailingStore store = new FailingStore();
  private final TestHub hub = TestHub.builder().store(store).buffer(1000).build();
  private final TestClient publisher = hub.client();
  private final TestClient client = hub.client();

  /** The memory store, with a switch for each thing that can fail. */
  private static final class FailingStore implements ChannelStore {
    private final ManualClock clock = new ManualClock();
    private final List<Follower> followers = new ArrayList<>();
    private MemoryChannelStore memory = newLife();
    private @Nullable Throwable publishing;
    private @Nullable CompletionStage<Position> held;
    private @Nullable Throwable reading;
    private @Nullable Throwable following;

    private MemoryChannelStore newLife() {
      Retention retention = new Retention(10_000, 1 << 24, Long.MAX_VALUE);
      return new MemoryChannelStore(name -> retention, 100, 1 << 24, clock, clock);
    }

    /** All logs are lost and begin again; followers are told, as by a store far away. */
    void loseEverything(String channel) {
      memory = newLife();
      Follower all =
          new Follower() {
            @Override
            public void appended(LogEntry entry) {
              followers.forEach(follower -> follower.appended(entry));
            }

            @Override
            public void reset(Position top) {}
          };
      Position top = memory.follow(channel, all).toCompletableFuture().join().top();
      followers.forEach(follower -> follower.reset(top));
    }

    private static <T> CompletionStage<T> unless(
        @Nullable Throwable failure, CompletionStage<T> stage) {
      return failure == null ? stage : CompletableFuture.failedStage(failure);
    }

    @Override
    public CompletionStage<Position> publish(Publication publication) {
      if (held != null) {
        return held;
      }
      return publishing == null
          ? memory.publish(publication)
          : CompletableFuture.failedStage(publishing);
    }

    @Override
    public CompletionStage<Page> read(String channel, @Nullable Position since, int limit) {
      return unless(reading, memory.read(channel, since, limit));
    }

    @Override
    public CompletionStage<Following> follow(String channel, Follower follower) {
      if (following != null) {
        return CompletableFuture.failedStage(following);
      }
      followers.add(follower);
      return memory.follow(channel, follower);
    }
  }

  @Test
  void a_publication_that_fails_is_no_success() {
    store.publishing = away;
    assertThat(hub.error(client, "publish", channel("news") + ",\"data\":1"))
        .isEqualTo("unavailable");
    store.publishing = null;
    assertThat(publish(hub, client, "news", 1).get("offset").longValue()).isEqualTo(1);
  }

  private static String keyed(String channel, String key) {
    return channel(channel) + ",\"data\":1,\"key\":\"" + key + "\"";
  }

  @Test
  void what_follows_a_publication_that_failed_waits_until_that_is_sent_again() {
    store.publishing = away;
    assertThat(hub.error(client, "publish", keyed("news", "one"))).isEqualTo("unavailable");
    store.publishing = null;
    assertThat(hub.error(client, "publish", keyed("news", "two"))).isEqualTo("unavailable");
    hub.ask(client, "publish", keyed("other", "two"));
    hub.ask(publisher, "publish", keyed("news", "three"));
    hub.ask(client, "publish", channel("news") + ",\"data\":1");
    store.publishing = away;
    assertThat(hub.error(client, "publish", keyed("news", "one"))).isEqualTo("unavailable");
    assertThat(hub.error(client, "publish", keyed("news", "two"))).isEqualTo("unavailable");
    store.publishing = null;
    assertThat(hub.ask(client, "publish", keyed("news", "one")).get("offset").longValue())
        .isEqualTo(3);
    assertThat(hub.ask(client, "publish", keyed("news", "two")).get("offset").longValue())
        .isEqualTo(4);
  }

  @Test
  void what_is_sent_again_is_published_one_after_the_other_and_fails_together() {
    store.publishing = away;
    hub.error(client, "publish", keyed("news", "one"));
    CompletableFuture<Position> held = new CompletableFuture<>();
    store.publishing = null;
    store.held = held;
    client.command("publish", keyed("news", "one"));
    client.command("publish", keyed("news", "two"));
    client.command("publish", keyed("news", "three"));
    hub.settle();
    assertThat(client.heard()).isEmpty();
    store.held = null;
    held.completeExceptionally(away);
    hub.settle();
    assertThat(client.heard())
        .hasSize(3)
        .allSatisfy(
            reply -> assertThat(reply.at("/error/code").textValue()).isEqualTo("unavailable"));
    for (String key : List.of("one", "two", "three")) {
      client.command("publish", keyed("news", key));
    }
    hub.settle();
    assertThat(client.heard())
        .extracting(reply -> reply.at("/data/offset").longValue())
        .containsExactly(1L, 2L, 3L);
    assertThat(hub.ask(client, "publish", keyed("news", "four")).get("offset").longValue())
        .isEqualTo(4);
  }

  @Test
  void one_that_never_sends_it_again_may_publish_after_a_while() {
    store.publishing = away;
    assertThat(hub.error(client, "publish", keyed("news", "one"))).isEqualTo("unavailable");
    store.publishing = null;
    hub.letPass(11, TimeUnit.SECONDS);
    hub.ask(client, "publish", keyed("news", "two"));
  }

  @Test
  void what_went_wrong_inside_is_not_told() {
    store.publishing = new IllegalStateException("password is 1234");
    List<JsonNode> heard = hub.exchange(client, "publish", channel("news") + ",\"data\":1");
    assertThat(heard.get(0).at("/error/code").textValue()).isEqualTo("internal");
    assertThat(heard.toString()).doesNotContain("1234").doesNotContain("IllegalState");
  }

  @Test
  void a_channel_that_cannot_be_followed_is_not_subscribed_to_and_can_be_later() {
    store.following = away;
    assertThat(hub.error(client, "subscribe", channel("news"))).isEqualTo("unavailable");
    store.following = null;
    hub.ask(client, "subscribe", channel("news"));
    publish(hub, publisher, "news", 1);
    assertThat(offsets(client.heard())).containsExactly(1L);
  }

  @Test
  void a_history_that_cannot_be_read_is_said_so_and_subscribes_to_nothing() {
    JsonNode top = publish(hub, publisher, "news", 3);
    store.reading = away;
    assertThat(hub.error(client, "subscribe", channel("news") + "," + since(top, 0)))
        .isEqualTo("unavailable");
    assertThat(hub.error(client, "history", channel("news"))).isEqualTo("unavailable");
    publish(hub, publisher, "news", 1);
    assertThat(client.heard()).isEmpty();
  }

  @Test
  void a_slow_subscriber_whose_history_cannot_be_read_now_gets_it_later() {
    client.acknowledges(false);
    hub.settle();
    client.command("subscribe", channel("news"));
    hub.settle();
    publish(hub, publisher, "news", 1000);
    store.reading = away;
    client.acknowledges(true);
    hub.settle();
    List<JsonNode> heard = new ArrayList<>(client.heard());
    assertThat(heard).hasSizeLessThan(50);
    hub.letPass(1, TimeUnit.SECONDS);
    assertThat(client.heard()).isEmpty();
    store.reading = null;
    hub.letPass(1, TimeUnit.SECONDS);
    heard.addAll(client.heard());
    assertThat(offsets(heard.subList(1, heard.size()))).isEqualTo(fromTo(1, 1000));
  }

  @Test
  void subscribers_of_a_log_that_was_lost_get_a_gap_and_go_on_in_its_new_epoch() {
    JsonNode old = hub.ask(client, "subscribe", channel("news"));
    publish(hub, publisher, "news", 3);
    client.heard();
    store.loseEverything("news");
    hub.settle();
    JsonNode place = publish(hub, publisher, "news", 2);
    List<JsonNode> heard = client.heard();
    JsonNode gap = heard.get(0);
    assertThat(gap.get("op").textValue()).isEqualTo("gap");
    assertThat(gap.get("epoch")).isEqualTo(place.get("epoch")).isNotEqualTo(old.get("epoch"));
    assertThat(gap.get("offset").longValue()).isZero();
    assertThat(offsets(heard.subList(1, heard.size()))).containsExactly(1L, 2L);
    assertThat(
            hub.ask(hub.client(), "subscribe", channel("news") + "," + since(old, 0))
                .get("recovered")
                .booleanValue())
        .isFalse();
  }
}
