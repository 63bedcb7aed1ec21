package dev.footbridge.store.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.PresenceStoreContract;
import dev.footbridge.support.Stage;
import dev.footbridge.wire.ProtocolException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class RedisPresenceStoreTest extends PresenceStoreContract {
  @Parameter RedisKind redis;

  @Override
  protected PresenceStore open() {
    return on(redis.connections(), RedisKind.newPrefix());
  }

  private static RedisPresenceStore on(RedisConnections connections, String prefix) {
    return new RedisPresenceStore(connections, prefix, "gone"::equals, RedisKind.timer());
  }

  @Test
  void what_one_node_changes_another_hears() throws ProtocolException {
    try (RedisConnections other = redis.connect()) {
      String prefix = RedisKind.newPrefix();
      Kept kept = new Kept();
      Stage.get(on(other, prefix).follow("a", kept));
      Stage.get(
          on(redis.connections(), prefix).change("a", List.of(member("1", "ann", "n")), List.of()));
      await().until(() -> kept.nodes().containsKey("1"));
    }
  }

  @Test
  void members_of_a_node_that_is_gone_are_not_there_any_more() {
    PresenceStore store = open();
    Stage.get(
        store.change("a", List.of(member("1", "ann", "gone"), member("2", "bob", "n")), List.of()));
    PresenceStore.Excerpt left = Stage.get(store.read("a", 10));
    assertThat(left.count()).isEqualTo(1);
    assertThat(left.members().get(0).id()).isEqualTo("2");
  }

  @Test
  void whoever_stops_following_does_not_wait_for_a_follower_that_is_being_told() throws Exception {
    PresenceStore store = open();
    CountDownLatch told = new CountDownLatch(1);
    CountDownLatch stopped = new CountDownLatch(1);
    AtomicBoolean inTime = new AtomicBoolean();
    PresenceStore.Follower slow =
        new PresenceStore.Follower() {
          @Override
          public void reset(List<Member> members, boolean lost) {
            if (!members.isEmpty()) {
              changed(members, List.of());
            }
          }

          @Override
          public void changed(List<Member> joined, List<String> left) {
            told.countDown();
            try {
              // As if for a lock that is held by whoever stops.
              inTime.set(stopped.await(5, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
        };
    PresenceStore.Following following = Stage.get(store.follow("a", slow));
    Thread joining =
        new Thread(() -> Stage.get(store.change("a", List.of(member("1", "ann", "n")), List.of())));
    joining.start();
    assertThat(told.await(5, TimeUnit.SECONDS)).isTrue();
    following.stop();
    stopped.countDown();
    joining.join();
    await().untilTrue(inTime);
  }
}
