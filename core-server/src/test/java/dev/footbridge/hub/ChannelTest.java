package dev.footbridge.hub;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.support.ManualClock;
import dev.footbridge.support.ManualTimer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ChannelTest {
  private static final Position OLD = new Position("old", 7);
  private static final Position NEW = new Position("new", 2);

  /** Its log begins anew between the look at its top and the answer that tells it. */
  private static final class Restless implements ChannelStore {
    @Override
    public CompletionStage<Position> publish(Publication publication) {
      return new CompletableFuture<>();
    }

    @Override
    public CompletionStage<Page> read(String channel, @Nullable Position since, int limit) {
      return new CompletableFuture<>();
    }

    @Override
    public CompletionStage<Following> follow(String channel, Follower follower) {
      follower.reset(NEW);
      return CompletableFuture.completedStage(
          new Following() {
            @Override
            public Position top() {
              return OLD;
            }

            @Override
            public void stop() {}
          });
    }
  }

  @Test
  void a_reset_that_comes_before_the_answer_counts() {
    Hub hub =
        new Hub(
            new Restless(),
            new MemoryPresenceStore(),
            Colleagues.NONE,
            () -> "node",
            new ManualTimer(new ManualClock()));
    Channel channel = new Channel(hub, "news");
    channel.follow();
    assertThat(channel.ready().toCompletableFuture()).isDone();
    assertThat(channel.top()).isEqualTo(NEW);
  }
}
