package dev.footbridge.hub;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.io.Lane;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.store.memory.MemoryChannelStore;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualExecutor;
import dev.footbridge.support.ManualTimer;
import dev.footbridge.support.Script;
import dev.footbridge.support.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Delivery to subscribers on lanes that run only when they are told to. */
class SubscriptionTest {
  private static final Retention RETENTION = new Retention(10_000, 1 << 24, 1000);

  private final ManualClock clock = new ManualClock();
  private final MemoryChannelStore store =
      new MemoryChannelStore(name -> RETENTION, 10, 1 << 24, clock, clock);
  private final Hub hub =
      new Hub(store, new MemoryPresenceStore(), Colleagues.NONE, () -> "m", new ManualTimer(clock));
  private final ManualExecutor first = new ManualExecutor();
  private final ManualExecutor second = new ManualExecutor();
  private final List<Lane> lanes = List.of(new Lane(first), new Lane(second));
  private String epoch = "";

  /** Writes down what it is told, as long as it has room. */
  private final class Listener implements Subscriber {
    private final List<Long> heard = new ArrayList<>();
    private Lane lane = lanes.get(0);
    private int room = Integer.MAX_VALUE;
    private Subscription subscription;
    private long begin;

    @Override
    public boolean deliver(Subscription from, LogEntry entry) {
      assertThat(from).isSameAs(subscription);
      if (room == 0) {
        return false;
      }
      room--;
      heard.add(entry.offset());
      return true;
    }

    @Override
    public boolean gap(Subscription from, Position next) {
      throw new AssertionError("Nothing was lost.");
    }

    @Override
    public Lane lane() {
      return lane;
    }

    private Listener subscribe() {
      Hub.Begun begun = Stage.get(hub.subscribe("news", this, null, 0));
      subscription = begun.subscription();
      begin = begun.top().offset();
      subscription.start();
      return this;
    }

    private void move(Lane to) {
      lane = to;
      subscription.move();
    }
  }

  private long publish() {
    Position place =
        Stage.get(hub.publish(new Publication("news", "1".getBytes(US_ASCII), null, null)));
    epoch = place.epoch();
    return place.offset();
  }

  private void settle() {
    while (first.waiting() + second.waiting() > 0) {
      first.run();
      second.run();
    }
  }

  @Example
  void however_many_messages_and_subscribers_there_are_a_lane_has_one_task() {
    List<Listener> listeners = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      listeners.add(new Listener().subscribe());
    }
    for (int i = 0; i < 30; i++) {
      publish();
    }
    assertThat(first.waiting()).isEqualTo(1);
    assertThat(second.waiting()).isZero();
    settle();
    assertThat(listeners).allSatisfy(listener -> assertThat(listener.heard).hasSize(30));
  }

  @Example
  void a_subscriber_that_has_moved_is_told_on_its_new_lane_only() {
    Listener listener = new Listener().subscribe();
    listener.move(lanes.get(1));
    settle();
    publish();
    first.run();
    assertThat(listener.heard).isEmpty();
    second.run();
    assertThat(listener.heard).containsExactly(1L);
  }

  @Example
  void a_message_published_just_before_a_move_arrives() {
    Listener listener = new Listener().subscribe();
    publish();
    listener.move(lanes.get(1));
    settle();
    assertThat(listener.heard).containsExactly(1L);
  }

  @Example
  void nothing_is_told_after_the_end() {
    Listener listener = new Listener().subscribe();
    publish();
    listener.subscription.end();
    listener.subscription.end();
    settle();
    publish();
    settle();
    assertThat(listener.heard).isEmpty();
  }

  @Example
  void a_subscription_that_never_began_can_end_and_keeps_nothing() {
    publish();
    Listener listener = new Listener();
    Stage.get(hub.subscribe("news", listener, null, 1)).subscription().end();
    assertNobodyFollows();
  }

  @Example
  void when_the_last_subscription_ends_nobody_follows_the_channel_any_more() {
    publish();
    Listener one = new Listener().subscribe();
    Listener other = new Listener().subscribe();
    one.subscription.end();
    one.subscription.end();
    publish();
    settle();
    assertThat(other.heard).containsExactly(2L);
    other.subscription.end();
    assertNobodyFollows();
  }

  /** A log that is followed is never dropped, however old. */
  private void assertNobodyFollows() {
    String before = epoch;
    clock.advance(10_000);
    store.sweep();
    publish();
    assertThat(epoch).isNotEqualTo(before);
  }

  @Property(tries = 3000, edgeCases = EdgeCasesMode.NONE)
  void whoever_comes_moves_waits_and_goes_everybody_hears_everything_in_order(
      @ForAll("histories") Script history) {
    List<Listener> listeners = new ArrayList<>();
    long top = 0;
    while (history.step()) {
      int choice = history.choose(8);
      Listener listener =
          listeners.isEmpty() ? null : listeners.get(history.choose(listeners.size()));
      if (choice == 0) {
        top = publish();
      } else if (choice == 1 || listener == null) {
        listeners.add(new Listener().subscribe());
      } else {
        switch (choice) {
          case 2 -> listener.move(lanes.get(history.choose(2)));
          case 3 -> listener.room = history.choose(3);
          case 4 -> {
            listener.room = Integer.MAX_VALUE;
            listener.subscription.resume();
          }
          case 5 -> {
            listener.subscription.end();
            listeners.remove(listener);
            assertHeardFrom(listener, listener.begin + listener.heard.size());
          }
          case 6 -> first.run();
          default -> second.run();
        }
      }
    }
    for (Listener listener : listeners) {
      listener.room = Integer.MAX_VALUE;
      listener.subscription.resume();
    }
    settle();
    for (Listener listener : listeners) {
      assertHeardFrom(listener, Math.max(top, listener.begin));
      listener.subscription.end();
    }
    clock.advance(10_000);
    store.sweep();
  }

  private static void assertHeardFrom(Listener listener, long top) {
    assertThat(listener.heard)
        .isEqualTo(LongStream.rangeClosed(listener.begin + 1, top).boxed().toList());
  }

  @Provide
  Arbitrary<Script> histories() {
    return Script.scripts(5, 60);
  }
}
