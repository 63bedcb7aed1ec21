package dev.footbridge.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.ChannelStore.Following;
import dev.footbridge.support.Stage;
import dev.footbridge.support.Together;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.ProtocolException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What every {@link ChannelStore} promises. A store's own test extends this, says how the store is
 * opened and how time passes for it, and adds what is its own.
 */
public abstract class ChannelStoreContract {
  private static final int EVERYTHING = Integer.MAX_VALUE;
  private static final Retention PLENTY =
      new Retention(10_000, 1L << 30, Duration.ofHours(1).toNanos());

  /** An empty store; closed by whoever implements this when the test is over. */
  protected abstract ChannelStore open(Function<String, Retention> retention);

  /** Lets time pass, or what the store takes for it. */
  protected abstract void letPass(Duration time);

  /** Now, as messages carry it. */
  protected abstract long timeMillis();

  private ChannelStore open() {
    return open(name -> PLENTY);
  }

  private ChannelStore keeping(int count, long bytes, Duration age) {
    return open(name -> new Retention(count, bytes, age.toNanos()));
  }

  protected static Publication publication(String channel, String json) {
    return keyed(channel, json, null, null);
  }

  private static Publication keyed(
      String channel, String json, @Nullable String user, @Nullable String key) {
    return new Publication(channel, json.getBytes(UTF_8), user, key);
  }

  protected static Position publish(ChannelStore store, String channel, String json) {
    return Stage.get(store.publish(publication(channel, json)));
  }

  /** Publishes 1, 2, 3 … and gives the place of the last. */
  private static Position publishMany(ChannelStore store, String channel, int count) {
    Position last = null;
    for (int i = 1; i <= count; i++) {
      last = publish(store, channel, Integer.toString(i));
    }
    return last;
  }

  private static Page read(ChannelStore store, String channel, @Nullable Position since) {
    return Stage.get(store.read(channel, since, EVERYTHING));
  }

  private static List<Long> offsets(List<LogEntry> entries) {
    return entries.stream().map(LogEntry::offset).toList();
  }

  private static List<Long> fromTo(long first, long last) {
    return LongStream.rangeClosed(first, last).boxed().toList();
  }

  private static Position at(Position like, long offset) {
    return new Position(like.epoch(), offset);
  }

  // ---- order ----

  @Test
  void offsets_are_1_2_3_in_each_channel_of_its_own() {
    ChannelStore store = open();
    Position first = publish(store, "a", "1");
    assertThat(first.offset()).isEqualTo(1);
    assertThat(publish(store, "a", "2")).isEqualTo(at(first, 2));
    assertThat(publish(store, "b", "1").offset()).isEqualTo(1);
    assertThat(publish(store, "a", "3")).isEqualTo(at(first, 3));
  }

  @Test
  void an_epoch_can_stand_in_a_position() throws ProtocolException {
    Position position = publish(open(), "a", "1");
    assertThat(Position.parse(position.toString())).isEqualTo(position);
  }

  @Test
  void two_lives_of_a_channel_have_two_epochs() {
    assertThat(publish(open(), "a", "1").epoch()).isNotEqualTo(publish(open(), "a", "1").epoch());
  }

  @Test
  void a_message_says_where_it_stands_who_sent_it_when_and_what() throws ProtocolException {
    ChannelStore store = open();
    long before = timeMillis();
    Stage.get(store.publish(keyed("a", "{\"x\" : 1.50}", "ann", null)));
    publish(store, "a", "null");
    List<LogEntry> entries = read(store, "a", null).entries();

    JsonObject message = Json.object(entries.get(0).message().json());
    assertThat(message.names())
        .containsExactlyInAnyOrder("op", "channel", "offset", "data", "user", "time");
    assertThat(message.text("op")).isEqualTo("message");
    assertThat(message.text("channel")).isEqualTo("a");
    assertThat(message.integer("offset", 0, 0, 9)).isEqualTo(1);
    assertThat(new String(message.raw("data"), UTF_8)).isEqualTo("{\"x\" : 1.50}");
    assertThat(message.text("user")).isEqualTo("ann");
    assertThat(message.integer("time", 0, 0, Long.MAX_VALUE)).isBetween(before, timeMillis());
    assertThat(Json.object(entries.get(1).message().json()).names()).doesNotContain("user");
  }

  @Test
  void publishers_that_publish_together_get_one_total_order() {
    ChannelStore store = open();
    List<List<Position>> places =
        Together.call(
            4,
            publisher ->
                () -> {
                  List<Position> mine = new ArrayList<>();
                  for (int i = 0; i < 200; i++) {
                    mine.add(publish(store, "a", Integer.toString(publisher)));
                  }
                  return mine;
                });
    Set<Long> taken = new HashSet<>();
    for (List<Position> mine : places) {
      assertThat(mine.stream().map(Position::offset)).isSorted();
      mine.forEach(position -> taken.add(position.offset()));
    }
    assertThat(taken).hasSize(800).contains(1L, 800L);
    assertThat(offsets(read(store, "a", null).entries())).isEqualTo(fromTo(1, 800));
  }

  // ---- reading ----

  @Test
  void a_channel_that_nobody_has_published_to_is_empty() {
    ChannelStore store = open();
    Page page = read(store, "a", null);
    assertThat(page.top().offset()).isZero();
    assertThat(page.reached()).isTrue();
    assertThat(page.entries()).isEmpty();
    assertThat(read(store, "a", page.top()).reached()).isTrue();
  }

  @Test
  void what_is_published_after_a_channel_was_looked_at_follows_that_place() {
    ChannelStore store = open();
    Position empty = read(store, "a", null).top();
    assertThat(publish(store, "a", "1")).isEqualTo(at(empty, 1));
    assertThat(offsets(read(store, "a", empty).entries())).containsExactly(1L);
  }

  @Test
  void without_a_place_the_newest_are_read_oldest_first() {
    ChannelStore store = open();
    Position top = publishMany(store, "a", 10);
    Page page = Stage.get(store.read("a", null, 3));
    assertThat(page.top()).isEqualTo(top);
    assertThat(page.reached()).isTrue();
    assertThat(offsets(page.entries())).containsExactly(8L, 9L, 10L);
    assertThat(Stage.get(store.read("a", null, 0)).entries()).isEmpty();
    assertThat(Stage.get(store.read("a", null, 11)).entries()).hasSize(10);
  }

  @Test
  void after_a_place_the_next_are_read_oldest_first() {
    ChannelStore store = open();
    Position top = publishMany(store, "a", 10);
    Page page = Stage.get(store.read("a", at(top, 4), 3));
    assertThat(page.top()).isEqualTo(top);
    assertThat(page.reached()).isTrue();
    assertThat(offsets(page.entries())).containsExactly(5L, 6L, 7L);
    assertThat(offsets(read(store, "a", at(top, 0)).entries())).isEqualTo(fromTo(1, 10));
  }

  @Test
  void nothing_follows_the_top() {
    ChannelStore store = open();
    Page page = read(store, "a", publishMany(store, "a", 3));
    assertThat(page.reached()).isTrue();
    assertThat(page.entries()).isEmpty();
  }

  @Test
  void a_place_beyond_the_top_or_in_another_epoch_is_not_reached() {
    ChannelStore store = open();
    Position top = publishMany(store, "a", 3);
    for (Position elsewhere : List.of(at(top, 4), new Position("other", 1))) {
      Page page = read(store, "a", elsewhere);
      assertThat(page.reached()).isFalse();
      assertThat(page.entries()).isEmpty();
      assertThat(page.top()).isEqualTo(top);
    }
  }

  @Test
  void a_limit_of_nothing_asks_only_whether_a_place_is_reached() {
    ChannelStore store = open();
    Position top = publishMany(store, "a", 3);
    Page page = Stage.get(store.read("a", at(top, 1), 0));
    assertThat(page.reached()).isTrue();
    assertThat(page.entries()).isEmpty();
    assertThat(Stage.get(store.read("a", at(top, 9), 0)).reached()).isFalse();
  }

  // ---- how much is kept ----

  @Test
  void the_newest_are_kept_up_to_a_count() {
    ChannelStore store = keeping(3, 1 << 20, Duration.ofHours(1));
    assertOnlyTheNewestAreKept(store, publishMany(store, "a", 10), 3);
  }

  @Test
  void the_newest_are_kept_up_to_so_many_octets() {
    int size = publication("a", "1").encode(1, timeMillis()).size();
    ChannelStore store = keeping(1000, 3L * size + 1, Duration.ofHours(1));
    assertOnlyTheNewestAreKept(store, publishMany(store, "a", 9), 3);
  }

  @Test
  void the_newest_are_kept_for_a_time() {
    ChannelStore store = keeping(1000, 1 << 20, Duration.ofSeconds(60));
    publishMany(store, "a", 5);
    letPass(Duration.ofSeconds(31));
    Position top = publishMany(store, "a", 4);
    assertThat(offsets(read(store, "a", null).entries())).isEqualTo(fromTo(1, 9));
    letPass(Duration.ofSeconds(31));
    assertOnlyTheNewestAreKept(store, top, 4);
  }

  private static void assertOnlyTheNewestAreKept(ChannelStore store, Position top, int count) {
    long first = top.offset() - count + 1;
    Page newest = read(store, "a", null);
    assertThat(newest.top()).isEqualTo(top);
    assertThat(newest.reached()).isTrue();
    assertThat(offsets(newest.entries())).isEqualTo(fromTo(first, top.offset()));
    Page oldest = read(store, "a", at(top, first - 1));
    assertThat(oldest.reached()).isTrue();
    assertThat(offsets(oldest.entries())).isEqualTo(fromTo(first, top.offset()));
    Page tooFarBack = read(store, "a", at(top, first - 2));
    assertThat(tooFarBack.reached()).isFalse();
    assertThat(tooFarBack.entries()).isEmpty();
    assertThat(tooFarBack.top()).isEqualTo(top);
  }

  @Test
  void a_channel_that_keeps_nothing_counts_on() {
    ChannelStore store = keeping(0, 1 << 20, Duration.ofHours(1));
    Position top = publishMany(store, "a", 3);
    assertThat(top.offset()).isEqualTo(3);
    assertThat(read(store, "a", null).entries()).isEmpty();
    assertThat(read(store, "a", top).reached()).isTrue();
    assertThat(read(store, "a", at(top, 2)).reached()).isFalse();
  }

  @Test
  void offsets_of_a_channel_that_is_followed_go_on_after_all_that_was_kept_is_too_old() {
    ChannelStore store = keeping(1000, 1 << 20, Duration.ofSeconds(60));
    Stage.get(store.follow("a", new Listener()));
    Position top = publishMany(store, "a", 3);
    letPass(Duration.ofSeconds(61));
    assertThat(read(store, "a", null).entries()).isEmpty();
    assertThat(read(store, "a", top).reached()).isTrue();
    assertThat(publish(store, "a", "4")).isEqualTo(at(top, 4));
  }

  @Test
  void each_channel_keeps_what_its_name_says() {
    ChannelStore store =
        open(name -> new Retention(name.equals("a") ? 1 : 2, 1 << 20, PLENTY.ageNanos()));
    publishMany(store, "a", 5);
    publishMany(store, "b", 5);
    assertThat(read(store, "a", null).entries()).hasSize(1);
    assertThat(read(store, "b", null).entries()).hasSize(2);
  }

  // ---- keys ----

  @Test
  void a_publication_with_the_same_key_counts_once() {
    ChannelStore store = open();
    Position place = Stage.get(store.publish(keyed("a", "1", "ann", "k")));
    publish(store, "a", "2");
    assertThat(Stage.get(store.publish(keyed("a", "3", "ann", "k")))).isEqualTo(place);
    assertThat(offsets(read(store, "a", null).entries())).containsExactly(1L, 2L);
  }

  @Test
  void a_key_is_one_for_its_channel_and_its_user() {
    ChannelStore store = open();
    List<Publication> different =
        List.of(
            keyed("a", "1", "ann", "k"),
            keyed("a", "1", "bob", "k"),
            keyed("a", "1", null, "k"),
            keyed("a", "1", "", "k"),
            keyed("a", "1", "ann", "l"),
            keyed("a", "1", "ann", null),
            keyed("a", "1", "a\0b", "c"),
            keyed("a", "1", "a", "b\0c"),
            keyed("a", "1", "a:b", "c"),
            keyed("a", "1", "a", "b:c"));
    different.forEach(publication -> Stage.get(store.publish(publication)));
    assertThat(read(store, "a", null).top().offset()).isEqualTo(different.size());
    assertThat(Stage.get(store.publish(keyed("b", "1", "ann", "k"))).offset()).isEqualTo(1);
  }

  @Test
  void publications_without_a_key_all_count() {
    ChannelStore store = open();
    assertThat(publishMany(store, "a", 3).offset()).isEqualTo(3);
  }

  @Test
  void a_key_is_kept_for_five_minutes_from_its_first_use() {
    ChannelStore store = open();
    Position place = Stage.get(store.publish(keyed("a", "1", "ann", "k")));
    letPass(Duration.ofSeconds(200));
    assertThat(Stage.get(store.publish(keyed("a", "1", "ann", "k")))).isEqualTo(place);
    letPass(Duration.ofSeconds(99));
    assertThat(Stage.get(store.publish(keyed("a", "1", "ann", "k")))).isEqualTo(place);
    letPass(Duration.ofSeconds(2));
    assertThat(Stage.get(store.publish(keyed("a", "1", "ann", "k")))).isEqualTo(at(place, 2));
  }

  @Test
  void a_key_outlives_its_message() {
    ChannelStore store = keeping(1, 1 << 20, Duration.ofSeconds(10));
    Position place = Stage.get(store.publish(keyed("a", "1", "ann", "k")));
    publishMany(store, "a", 5);
    letPass(Duration.ofSeconds(60));
    assertThat(Stage.get(store.publish(keyed("a", "1", "ann", "k")))).isEqualTo(place);
  }

  @Test
  void the_same_key_at_the_same_moment_counts_once() {
    ChannelStore store = open();
    List<Position> places =
        Together.call(4, publisher -> () -> Stage.get(store.publish(keyed("a", "1", "ann", "k"))));
    assertThat(new HashSet<>(places)).hasSize(1);
    assertThat(read(store, "a", null).top().offset()).isEqualTo(1);
  }

  // ---- following ----

  /** Writes down what it is told, and objects to a hole. */
  protected static final class Listener implements ChannelStore.Follower {
    private final List<LogEntry> heard = Collections.synchronizedList(new ArrayList<>());

    /** Has heard nothing yet. */
    public Listener() {}

    @Override
    public void appended(LogEntry entry) {
      heard.add(entry);
    }

    @Override
    public void reset(Position top) {
      throw new AssertionError("Nothing was lost.");
    }

    private List<LogEntry> heard() {
      synchronized (heard) {
        return List.copyOf(heard);
      }
    }

    private void awaitFromTo(long first, long last) {
      await()
          .pollDelay(Duration.ZERO)
          .untilAsserted(() -> assertThat(offsets(heard())).isEqualTo(fromTo(first, last)));
    }
  }

  @Test
  void a_follower_is_told_of_what_is_published_from_its_beginning_on() {
    ChannelStore store = open();
    Position before = publishMany(store, "a", 3);
    Listener listener = new Listener();
    Following following = Stage.get(store.follow("a", listener));
    assertThat(following.top()).isEqualTo(before);
    publishMany(store, "a", 4);
    publishMany(store, "b", 4);
    listener.awaitFromTo(4, 7);
    assertThat(listener.heard().stream().map(entry -> entry.message().toString()))
        .isEqualTo(
            read(store, "a", before).entries().stream()
                .map(entry -> entry.message().toString())
                .toList());
  }

  @Test
  void a_follower_of_a_channel_that_does_not_exist_yet_hears_its_first_message() {
    ChannelStore store = open();
    Listener listener = new Listener();
    Following following = Stage.get(store.follow("a", listener));
    assertThat(following.top().offset()).isZero();
    assertThat(publish(store, "a", "1")).isEqualTo(at(following.top(), 1));
    listener.awaitFromTo(1, 1);
  }

  @Test
  void a_publication_that_repeats_a_key_is_not_told_again() {
    ChannelStore store = open();
    Listener listener = new Listener();
    Stage.get(store.follow("a", listener));
    Stage.get(store.publish(keyed("a", "1", "ann", "k")));
    Stage.get(store.publish(keyed("a", "1", "ann", "k")));
    publish(store, "a", "2");
    listener.awaitFromTo(1, 2);
  }

  @Test
  void a_follower_that_has_stopped_hears_nothing_more_and_others_do() {
    ChannelStore store = open();
    Listener stopped = new Listener();
    Listener other = new Listener();
    Following following = Stage.get(store.follow("a", stopped));
    Stage.get(store.follow("a", other));
    publishMany(store, "a", 2);
    stopped.awaitFromTo(1, 2);
    following.stop();
    publishMany(store, "a", 2);
    other.awaitFromTo(1, 4);
    assertThat(stopped.heard()).hasSize(2);
  }

  @Test
  void a_channel_that_keeps_nothing_is_followed_all_the_same() {
    ChannelStore store = keeping(0, 0, Duration.ZERO);
    Listener listener = new Listener();
    Stage.get(store.follow("a", listener));
    publishMany(store, "a", 3);
    listener.awaitFromTo(1, 3);
  }

  @Test
  void followers_that_begin_while_others_publish_hear_everything_from_there_once_and_in_order() {
    ChannelStore store = open();
    int publishers = 3;
    int each = 300;
    List<Listener> listeners = Collections.synchronizedList(new ArrayList<>());
    List<Long> begins = Collections.synchronizedList(new ArrayList<>());
    Together.call(
        publishers + 1,
        thread ->
            () -> {
              for (int i = 0; i < each; i++) {
                if (thread < publishers) {
                  publish(store, "a", Integer.toString(i));
                } else if (i % 30 == 0) {
                  Listener listener = new Listener();
                  long begin = Stage.get(store.follow("a", listener)).top().offset();
                  listeners.add(listener);
                  begins.add(begin);
                }
              }
              return null;
            });
    IntStream.range(0, listeners.size())
        .forEach(i -> listeners.get(i).awaitFromTo(begins.get(i) + 1, (long) publishers * each));
  }

  protected static ProtocolException refusal(CompletionStage<?> stage) {
    return Stage.refusal(stage);
  }
}
