package dev.footbridge.store.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.ChannelStoreContract;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class RedisChannelStoreTest extends ChannelStoreContract {
  private static final Retention PLENTY =
      new Retention(10_000, 1L << 30, Duration.ofHours(1).toNanos());

  private static final String AGE =
      """
      for _, key in ipairs(redis.call('KEYS', '*')) do
        local kind = redis.call('TYPE', key).ok
        if kind == 'stream' then
          local entries = redis.call('XRANGE', key, '-', '+')
          local left = redis.call('PTTL', key)
          redis.call('DEL', key)
          for _, entry in ipairs(entries) do
            redis.call('XADD', key, entry[1], 't', string.format('%.0f', entry[2][2] - ARGV[1]),
              'm', entry[2][4])
          end
          if left > 0 and #entries > 0 then
            redis.call('PEXPIRE', key, left)
          end
        elseif kind == 'hash' and redis.call('HEXISTS', key, 'oldest') == 1 then
          redis.call('HSET', key, 'oldest',
            string.format('%.0f', redis.call('HGET', key, 'oldest') - ARGV[1]))
        end
        local left = redis.call('PTTL', key)
        if left > 0 then
          redis.call('PEXPIRE', key, left - ARGV[1])
        end
      end
      return redis.status_reply('OK')
      """;

  @Parameter RedisKind redis;

  @Override
  protected ChannelStore open(Function<String, Retention> retention) {
    return new RedisChannelStore(
        redis.connections(), RedisKind.newPrefix(), retention, RedisKind.timer(), System::nanoTime);
  }

  @Override
  protected void letPass(Duration time) {
    // Redis' own clock cannot be put forward, so all that it keeps is made older instead.
    redis.tell("EVAL", AGE, "0", Long.toString(time.toMillis()));
  }

  @Override
  protected long timeMillis() {
    return System.currentTimeMillis();
  }

  /** Keeps what it hears. */
  private static final class Heard implements ChannelStore.Follower {
    final List<Long> offsets = new CopyOnWriteArrayList<>();
    final List<Position> resets = new CopyOnWriteArrayList<>();

    @Override
    public void appended(LogEntry entry) {
      offsets.add(entry.offset());
    }

    @Override
    public void reset(Position top) {
      resets.add(top);
    }
  }

  @Test
  void two_nodes_on_one_redis_hear_one_order() throws ProtocolException {
    try (RedisConnections other = redis.connect()) {
      String prefix = RedisKind.newPrefix();
      ChannelStore here =
          new RedisChannelStore(
              redis.connections(), prefix, name -> PLENTY, RedisKind.timer(), System::nanoTime);
      ChannelStore there =
          new RedisChannelStore(other, prefix, name -> PLENTY, RedisKind.timer(), System::nanoTime);
      Heard one = new Heard();
      Heard two = new Heard();
      Stage.get(here.follow("a", one));
      Stage.get(there.follow("a", two));
      for (int i = 1; i <= 100; i++) {
        publish(i % 2 == 0 ? here : there, "a", Integer.toString(i));
      }
      await().until(() -> one.offsets.size() == 100 && two.offsets.size() == 100);
      assertThat(one.offsets).isEqualTo(two.offsets).isSorted().startsWith(1L).endsWith(100L);
    }
  }

  @Test
  void what_is_published_while_nothing_can_be_heard_is_read_from_the_log()
      throws ProtocolException {
    RedisChannelStore store =
        new RedisChannelStore(
            redis.connections(),
            RedisKind.newPrefix(),
            name -> PLENTY,
            RedisKind.timer(),
            System::nanoTime);
    Heard heard = new Heard();
    Stage.get(store.follow("a", heard));
    for (int i = 1; i <= 300; i++) {
      if (i % 100 == 50) {
        redis.tell("CLIENT", "KILL", "TYPE", "pubsub");
      }
      publish(store, "a", Integer.toString(i));
    }
    await().until(() -> heard.offsets.size() == 300);
    assertThat(heard.offsets).isSorted().doesNotHaveDuplicates().endsWith(300L);
    assertThat(heard.resets).isEmpty();
  }

  /**
   * Two nodes, some sessions on each that pipeline, and somebody who flushes the scripts. What one
   * session publishes stays in its order: with keys, without, and mixed; and all of it is taken.
   */
  @Test
  void pipelined_publications_keep_their_order_on_a_redis_that_forgets_the_scripts()
      throws Exception {
    int sessions = 3;
    int each = 2000;
    try (RedisConnections other = redis.connect()) {
      String prefix = RedisKind.newPrefix();
      List<ChannelStore> nodes = new ArrayList<>();
      for (RedisConnections connections : List.of(redis.connections(), other)) {
        nodes.add(
            new RedisChannelStore(
                connections,
                prefix,
                name -> new Retention(100_000, 1L << 30, Duration.ofHours(1).toNanos()),
                RedisKind.timer(),
                System::nanoTime));
      }
      List<Thread> publishers = new ArrayList<>();
      Queue<CompletableFuture<Position>> answers = new ConcurrentLinkedQueue<>();
      for (int node = 0; node < nodes.size(); node++) {
        for (int session = 0; session < sessions; session++) {
          ChannelStore store = nodes.get(node);
          String name = node + "-" + session;
          int style = session;
          publishers.add(
              new Thread(
                  () -> {
                    for (int i = 1; i <= each; i++) {
                      boolean keyed = style == 0 || (style == 1 && i % 3 == 0);
                      answers.add(
                          begin(
                                  store,
                                  "[\"" + name + "\"," + i + "]",
                                  keyed ? name + "-" + i : null)
                              .toCompletableFuture());
                    }
                  }));
        }
      }
      publishers.forEach(Thread::start);
      int total = nodes.size() * sessions * each;
      await()
          .pollInterval(Duration.ofMillis(2))
          .atMost(Duration.ofSeconds(60))
          .until(
              () -> {
                redis.tell("SCRIPT", "FLUSH");
                return answers.size() == total
                    && answers.stream().allMatch(CompletableFuture::isDone);
              });
      assertThat(answers).allMatch(answer -> !answer.isCompletedExceptionally());
      Map<String, Integer> last = new HashMap<>();
      Position at = new Position(Stage.get(nodes.get(0).read("a", null, 1)).top().epoch(), 0);
      for (int seen = 0; seen < total; ) {
        List<LogEntry> page = Stage.get(nodes.get(0).read("a", at, 1000)).entries();
        assertThat(page).isNotEmpty();
        for (LogEntry entry : page) {
          JsonObject message = Json.object(entry.message().json());
          String data = new String(message.raw("data"), StandardCharsets.UTF_8);
          String session = data.substring(2, data.indexOf('"', 2));
          int number = Integer.parseInt(data.substring(data.indexOf(',') + 1, data.length() - 1));
          assertThat(number).as(session).isEqualTo(last.merge(session, 1, Integer::sum));
        }
        seen += page.size();
        at = new Position(at.epoch(), seen);
      }
      assertThat(last)
          .hasSize(nodes.size() * sessions)
          .allSatisfy((session, count) -> assertThat(count).isEqualTo(each));
    }
  }

  @Test
  void what_was_published_behind_one_that_is_refused_is_refused_too() {
    CompletableFuture<Object> refusal = new CompletableFuture<>();
    RedisPort full =
        new Passing(redis.connections()) {
          @Override
          public CompletionStage<Object> tryRun(
              String script, boolean whole, List<String> keys, List<byte[]> arguments) {
            return new String(arguments.get(1), StandardCharsets.UTF_8).contains("refused")
                ? refusal
                : super.tryRun(script, whole, keys, arguments);
          }
        };
    ChannelStore store =
        new RedisChannelStore(
            full, RedisKind.newPrefix(), name -> PLENTY, RedisKind.timer(), System::nanoTime);
    CompletionStage<Position> before = begin(store, "1", null);
    CompletionStage<Position> refused = begin(store, "\"refused\"", "k2");
    List<CompletionStage<Position>> behind =
        List.of(begin(store, "3", null), begin(store, "4", "k4"), begin(store, "5", "k5"));
    refusal.completeExceptionally(new ProtocolException(ErrorCode.UNAVAILABLE, "It is full."));
    assertThat(Stage.get(before).offset()).isEqualTo(1);
    assertThat(Stage.refusal(refused).getMessage()).isEqualTo("It is full.");
    assertThat(behind)
        .allSatisfy(
            each -> assertThat(Stage.refusal(each).code()).isEqualTo(ErrorCode.UNAVAILABLE.code()));
    assertThat(Stage.get(begin(store, "6", "k6")).offset()).isEqualTo(2);
  }

  private static CompletionStage<Position> begin(
      ChannelStore store, String json, @Nullable String key) {
    return store.publish(new Publication("a", json.getBytes(StandardCharsets.UTF_8), null, key));
  }

  /** A port that is another. */
  private static class Passing implements RedisPort {
    private final RedisPort port;

    Passing(RedisPort port) {
      this.port = port;
    }

    @Override
    public CompletionStage<Object> run(String script, List<String> keys, List<byte[]> arguments) {
      return port.run(script, keys, arguments);
    }

    @Override
    public CompletionStage<Object> tryRun(
        String script, boolean whole, List<String> keys, List<byte[]> arguments) {
      return port.tryRun(script, whole, keys, arguments);
    }

    @Override
    public CompletionStage<Runnable> hear(String topic, Consumer<byte[]> listener) {
      return port.hear(topic, listener);
    }

    @Override
    public String publishCommand() {
      return port.publishCommand();
    }

    @Override
    public void onReconnect(Runnable action) {
      port.onReconnect(action);
    }
  }

  /** Redis, of which one published message is not heard. */
  private RedisPort deafTo(int number) {
    RedisPort port = redis.connections();
    AtomicInteger count = new AtomicInteger();
    return new Passing(port) {
      @Override
      public CompletionStage<Runnable> hear(String topic, Consumer<byte[]> listener) {
        return port.hear(
            topic,
            message -> {
              if (count.incrementAndGet() != number) {
                listener.accept(message);
              }
            });
      }
    };
  }

  @Test
  void a_message_that_was_not_heard_is_read_when_the_next_one_is() {
    ChannelStore store =
        new RedisChannelStore(
            deafTo(2), RedisKind.newPrefix(), name -> PLENTY, RedisKind.timer(), System::nanoTime);
    Heard heard = new Heard();
    Stage.get(store.follow("a", heard));
    publish(store, "a", "1");
    publish(store, "a", "2");
    publish(store, "a", "3");
    await().atMost(Duration.ofSeconds(3)).until(() -> heard.offsets.size() == 3);
    assertThat(heard.offsets).containsExactly(1L, 2L, 3L);
  }

  @Test
  void a_last_message_that_was_not_heard_is_found_by_a_look_at_the_top() {
    ManualClock clock = new ManualClock();
    RedisChannelStore store =
        new RedisChannelStore(
            deafTo(2), RedisKind.newPrefix(), name -> PLENTY, RedisKind.timer(), clock);
    Heard heard = new Heard();
    Stage.get(store.follow("a", heard));
    publish(store, "a", "1");
    publish(store, "a", "2");
    await().until(() -> heard.offsets.size() == 1);
    clock.advanceSeconds(6);
    store.check();
    await().until(() -> heard.offsets.size() == 2);
  }

  @Test
  void a_store_that_has_lost_its_data_begins_another_epoch() {
    String prefix = RedisKind.newPrefix();
    ManualClock clock = new ManualClock();
    RedisChannelStore store =
        new RedisChannelStore(
            redis.connections(), prefix, name -> PLENTY, RedisKind.timer(), clock);
    Heard heard = new Heard();
    Stage.get(store.follow("a", heard));
    Position before = publish(store, "a", "1");
    await().until(() -> heard.offsets.size() == 1);
    redis.tell("FLUSHALL");
    clock.advanceSeconds(6);
    store.check();
    await().until(() -> heard.resets.size() == 1);
    assertThat(heard.resets.get(0).epoch()).isNotEqualTo(before.epoch());
    assertThat(publish(store, "a", "2").offset()).isEqualTo(1);
    await().until(() -> heard.offsets.size() == 2);
  }

  private RedisChannelStore store(String prefix, ManualClock clock) {
    return new RedisChannelStore(
        redis.connections(), prefix, name -> PLENTY, RedisKind.timer(), clock);
  }

  /** Takes the last message out of a log, as if it had never come to the replica. */
  private void lose(String prefix, long offset) {
    String log = prefix + ":{a}:log";
    String lost =
        "redis.call('XDEL', KEYS[1], ARGV[1] .. '-0')"
            + " redis.call('XSETID', KEYS[1], (ARGV[1] - 1) .. '-0')"
            + " redis.call('HSET', KEYS[2], 'top', ARGV[1] - 1)";
    redis.tellOf(log, "EVAL", lost, "2", log, prefix + ":{a}:meta", Long.toString(offset));
  }

  @Test
  void a_place_that_is_given_out_a_second_time_ends_the_epoch() {
    String prefix = RedisKind.newPrefix();
    RedisChannelStore store = store(prefix, new ManualClock());
    Heard heard = new Heard();
    Position first = Stage.get(store.follow("a", heard)).top();
    publish(store, "a", "1");
    publish(store, "a", "2");
    await().until(() -> heard.offsets.size() == 2);
    lose(prefix, 2);
    // By a node that has not seen what is lost.
    RedisChannelStore other = store(prefix, new ManualClock());
    assertThat(publish(other, "a", "3")).isEqualTo(new Position(first.epoch(), 2));
    await().until(() -> heard.resets.size() == 1);
    assertThat(heard.resets.get(0).epoch()).isNotEqualTo(first.epoch());
    assertThat(publish(store, "a", "4")).isEqualTo(new Position(heard.resets.get(0).epoch(), 3));
    await().until(() -> heard.offsets.equals(List.of(1L, 2L, 3L)));
  }

  @Test
  void a_node_that_has_seen_what_is_lost_gives_no_place_out_a_second_time() {
    String prefix = RedisKind.newPrefix();
    RedisChannelStore store = store(prefix, new ManualClock());
    Heard heard = new Heard();
    Position first = Stage.get(store.follow("a", heard)).top();
    publish(store, "a", "1");
    publish(store, "a", "2");
    await().until(() -> heard.offsets.size() == 2);
    lose(prefix, 2);
    Position place = publish(store, "a", "3");
    assertThat(place.epoch()).isNotEqualTo(first.epoch());
    await().until(() -> heard.resets.size() == 1);
    assertThat(heard.resets.get(0).epoch()).isEqualTo(place.epoch());
  }

  @Test
  void a_place_that_was_given_out_a_second_time_unheard_is_found_by_a_look_at_the_top() {
    String prefix = RedisKind.newPrefix();
    ManualClock clock = new ManualClock();
    RedisChannelStore deaf =
        new RedisChannelStore(deafTo(3), prefix, name -> PLENTY, RedisKind.timer(), clock);
    Heard heard = new Heard();
    Position first = Stage.get(deaf.follow("a", heard)).top();
    publish(deaf, "a", "1");
    publish(deaf, "a", "2");
    await().until(() -> heard.offsets.size() == 2);
    lose(prefix, 2);
    RedisChannelStore other = store(prefix, new ManualClock());
    assertThat(publish(other, "a", "3")).isEqualTo(new Position(first.epoch(), 2));
    clock.advanceSeconds(6);
    deaf.check();
    await().until(() -> heard.resets.size() == 1);
    assertThat(heard.resets.get(0).epoch()).isNotEqualTo(first.epoch());
    assertThat(heard.resets.get(0).offset()).isEqualTo(2);
  }

  @Test
  void a_message_that_is_heard_twice_is_told_once_and_ends_nothing() {
    String prefix = RedisKind.newPrefix();
    RedisChannelStore store = store(prefix, new ManualClock());
    Heard heard = new Heard();
    Position top = Stage.get(store.follow("a", heard)).top();
    publish(store, "a", "1");
    publish(store, "a", "2");
    await().until(() -> heard.offsets.size() == 2);
    byte[] again =
        ("m" + top.epoch() + ":1:{\"offset\":1,\"time\":1}").getBytes(StandardCharsets.UTF_8);
    Stage.get(redis.connections().command(commands -> commands.publish(prefix + ":{a}:m", again)));
    assertThat(publish(store, "a", "3")).isEqualTo(new Position(top.epoch(), 3));
    await().until(() -> heard.offsets.size() == 3);
    assertThat(heard.offsets).containsExactly(1L, 2L, 3L);
    assertThat(heard.resets).isEmpty();
  }
}
