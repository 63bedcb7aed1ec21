package dev.footbridge.store.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.ChannelStoreContract;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.Stage;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class MemoryChannelStoreTest extends ChannelStoreContract {
  private static final Retention RETENTION =
      new Retention(1000, 1 << 20, Duration.ofSeconds(60).toNanos());

  private final ManualClock clock = new ManualClock();
  private MemoryChannelStore opened;

  @Override
  protected ChannelStore open(Function<String, Retention> retention) {
    opened = new MemoryChannelStore(retention, 1000, 1L << 30, clock, clock);
    return opened;
  }

  @Override
  protected void letPass(Duration time) {
    clock.advance(time.toNanos());
    opened.sweep();
  }

  @Override
  protected long timeMillis() {
    return clock.millis();
  }

  private MemoryChannelStore bounded(int channels, long bytes) {
    opened = new MemoryChannelStore(name -> RETENTION, channels, bytes, clock, clock);
    return opened;
  }

  private static long kept(ChannelStore store, String channel) {
    return Stage.get(store.read(channel, null, Integer.MAX_VALUE)).entries().size();
  }

  @Test
  void no_more_channels_than_the_bound_are_made_and_those_that_are_there_go_on() {
    MemoryChannelStore store = bounded(2, 1 << 20);
    publish(store, "a", "1");
    publish(store, "b", "1");
    assertThat(refusal(store.publish(publication("c", "1"))).code()).isEqualTo("unavailable");
    assertThat(refusal(store.follow("c", new Listener())).code()).isEqualTo("unavailable");
    assertThat(publish(store, "a", "2").offset()).isEqualTo(2);
    assertThat(publish(store, "b", "2").offset()).isEqualTo(2);
  }

  @Test
  void asking_for_channels_that_nobody_has_used_takes_none_of_the_room() {
    MemoryChannelStore store = bounded(1, 1 << 20);
    for (int i = 0; i < 100; i++) {
      Page page = Stage.get(store.read("unknown-" + i, null, 1));
      assertThat(page.reached()).isTrue();
      assertThat(page.top().offset()).isZero();
    }
    publish(store, "a", "1");
    assertThat(Stage.get(store.read("unknown-1", null, 1)).entries()).isEmpty();
  }

  @Test
  void the_beginning_of_an_unused_channel_is_still_a_place_in_it_once_it_is_used() {
    MemoryChannelStore store = bounded(2, 1 << 20);
    Position beginning = Stage.get(store.read("a", null, 1)).top();
    publish(store, "a", "1");
    Page page = Stage.get(store.read("a", beginning, 10));
    assertThat(page.reached()).isTrue();
    assertThat(page.entries()).hasSize(1);
  }

  @Test
  void keys_count_against_the_octets_of_all_channels() {
    MemoryChannelStore store = bounded(2, 1 << 20);
    publish(store, "a", "1");
    long without = store.bytes();
    Stage.get(store.publish(new Publication("a", new byte[] {'1'}, null, "k".repeat(200))));
    assertThat(store.bytes() - without).isGreaterThan(400);
  }

  @Test
  void a_channel_that_nobody_needs_any_more_makes_room() {
    MemoryChannelStore store = bounded(1, 1 << 20);
    Position old = publish(store, "a", "1");
    letPass(Duration.ofSeconds(60));
    assertThat(refusal(store.publish(publication("b", "1"))).code()).isEqualTo("unavailable");
    letPass(Duration.ofSeconds(1));
    publish(store, "b", "1");
    letPass(Duration.ofSeconds(61));
    Position again = publish(store, "a", "1");
    assertThat(again.offset()).isEqualTo(1);
    assertThat(again.epoch()).isNotEqualTo(old.epoch());
    assertThat(Stage.get(store.read("a", old, 1)).reached()).isFalse();
  }

  @Test
  void a_channel_that_is_followed_stays() {
    MemoryChannelStore store = bounded(1, 1 << 20);
    ChannelStore.Following following = Stage.get(store.follow("a", new Listener()));
    Position place = publish(store, "a", "1");
    letPass(Duration.ofDays(1));
    assertThat(publish(store, "a", "2")).isEqualTo(new Position(place.epoch(), 2));
    following.stop();
    letPass(Duration.ofDays(1));
    publish(store, "b", "1");
  }

  @Test
  void a_channel_whose_keys_are_remembered_stays() {
    MemoryChannelStore store = bounded(1, 1 << 20);
    Publication keyed = new Publication("a", "1".getBytes(StandardCharsets.US_ASCII), "ann", "k");
    Position place = Stage.get(store.publish(keyed));
    letPass(Duration.ofSeconds(299));
    assertThat(Stage.get(store.publish(keyed))).isEqualTo(place);
    letPass(Duration.ofSeconds(61));
    publish(store, "b", "1");
  }

  @Test
  void what_is_too_old_is_gone_also_before_the_next_sweep() {
    MemoryChannelStore store = bounded(1, 1 << 20);
    Position place = Stage.get(store.publish(keyed(1)));
    clock.advance(Duration.ofSeconds(61).toNanos());
    assertThat(kept(store, "a")).isZero();
    assertThat(Stage.get(store.publish(keyed(1)))).isEqualTo(place);
    clock.advance(Duration.ofMinutes(4).toNanos());
    assertThat(Stage.get(store.publish(keyed(1))).offset()).isEqualTo(2);
  }

  @Test
  void all_channels_together_hold_no_more_octets_than_the_bound() {
    MemoryChannelStore store = bounded(10, 10_000);
    String data = "\"" + "x".repeat(100) + "\"";
    Position top = null;
    for (int i = 0; i < 300; i++) {
      publish(store, "b" + i % 9, data);
      top = publish(store, "a", data);
      assertThat(store.bytes()).isLessThanOrEqualTo(10_000);
    }
    assertThat(store.bytes()).isGreaterThan(2_000);
    assertThat(top.offset()).isEqualTo(300);
    Page page = Stage.get(store.read("a", null, Integer.MAX_VALUE));
    assertThat(page.top()).isEqualTo(top);
    List<LogEntry> entries = page.entries();
    assertThat(entries.get(entries.size() - 1).offset()).isEqualTo(300);
    assertThat(Stage.get(store.read("a", new Position(top.epoch(), 0), 1)).reached()).isFalse();
  }

  @Test
  void a_message_larger_than_the_bound_is_told_and_not_kept() {
    MemoryChannelStore store = bounded(10, 1000);
    publish(store, "b", "1");
    assertThat(publish(store, "a", "\"" + "x".repeat(2000) + "\"").offset()).isEqualTo(1);
    assertThat(store.bytes()).isLessThanOrEqualTo(1000);
    assertThat(kept(store, "a")).isZero();
  }

  @Test
  void what_is_dropped_is_no_longer_counted() {
    MemoryChannelStore store = bounded(10, 1 << 20);
    publish(store, "a", "1");
    assertThat(store.bytes()).isPositive();
    letPass(Duration.ofSeconds(61));
    assertThat(store.bytes()).isZero();
  }

  @Test
  void only_so_many_keys_are_remembered_the_newest() {
    MemoryChannelStore store = bounded(10, 1L << 30);
    for (int i = 0; i <= MemoryLog.MAX_KEYS; i++) {
      Stage.get(store.publish(keyed(i)));
    }
    assertThat(Stage.get(store.publish(keyed(MemoryLog.MAX_KEYS))).offset())
        .isEqualTo(MemoryLog.MAX_KEYS + 1);
    assertThat(Stage.get(store.publish(keyed(0))).offset()).isEqualTo(MemoryLog.MAX_KEYS + 2);
  }

  private static Publication keyed(int key) {
    return new Publication(
        "a", "1".getBytes(StandardCharsets.US_ASCII), "ann", Integer.toString(key));
  }
}
