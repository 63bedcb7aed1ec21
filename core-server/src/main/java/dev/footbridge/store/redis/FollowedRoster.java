package dev.footbridge.store.redis;

import dev.footbridge.store.PresenceStore;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A roster that is followed: at which version, and what was heard while it is being loaded. Guarded
 * by itself; the follower is called with it locked, so nobody may ask it for anything who holds
 * what the follower needs. {@link #end} is the exception.
 */
final class FollowedRoster {
  /** Changes that are kept while loading; where more come it is loaded once more. */
  private static final int MOST_WAITING = 1000;

  private final RedisPresenceStore store;
  private final String channel;
  private final PresenceStore.Follower follower;
  private final Queue<RosterWire.Delta> waiting = new ArrayDeque<>();
  private String epoch = "";
  private long version;
  private long checks;
  private boolean loading;
  private boolean again;
  private boolean mayBeLost;
  private volatile boolean ended;

  FollowedRoster(RedisPresenceStore store, String channel, PresenceStore.Follower follower) {
    this.store = store;
    this.channel = channel;
    this.follower = follower;
    this.loading = true;
  }

  String channel() {
    return channel;
  }

  synchronized long checks() {
    return checks++;
  }

  boolean hasEnded() {
    return ended;
  }

  /** Nothing is told from now on, but for what is being told just now. Waits for nobody. */
  void end() {
    ended = true;
  }

  /** Something was published. */
  synchronized void heard(byte[] message) {
    RosterWire.Delta delta = RosterWire.delta(message);
    if (delta == null || ended) {
      return;
    }
    if (!loading) {
      apply(delta);
    } else if (waiting.size() < MOST_WAITING) {
      waiting.add(delta);
    } else {
      again = true;
    }
  }

  /** Where the roster is in Redis. */
  synchronized void isAt(String otherEpoch, long otherVersion) {
    // A version below ours is an answer that was overtaken by what we have heard.
    if (!loading && (!otherEpoch.equals(epoch) || otherVersion > version)) {
      reload(false);
    }
  }

  /**
   * Loads it again.
   *
   * @param suspicious whether Redis may have lost something without showing it
   * @return completes when it has been tried, or need not be
   */
  synchronized CompletionStage<?> reload(boolean suspicious) {
    mayBeLost |= suspicious;
    if (loading) {
      again = true;
      return CompletableFuture.completedStage(null);
    }
    if (ended) {
      return CompletableFuture.completedStage(null);
    }
    loading = true;
    return retry();
  }

  private CompletionStage<?> retry() {
    return load(true)
        .exceptionally(
            failure -> {
              if (!hasEnded()) {
                store.later(this::retry);
              }
              return null;
            });
  }

  /** Loads the roster and gives it to the follower. */
  CompletionStage<Void> load(boolean before) {
    return store.fetchAll(channel).thenAccept(read -> loaded(read, before));
  }

  private synchronized void loaded(RosterWire.Read read, boolean before) {
    if (ended) {
      return;
    }
    boolean another = before && !read.epoch().equals(epoch);
    epoch = read.epoch();
    version = read.version();
    loading = false;
    follower.reset(read.members(), mayBeLost || another);
    mayBeLost = false;
    if (again) {
      again = false;
      waiting.clear();
      reload(false);
      return;
    }
    while (!loading && !waiting.isEmpty()) {
      apply(waiting.remove());
    }
  }

  private void apply(RosterWire.Delta delta) {
    if (!delta.epoch().equals(epoch) || delta.version() > version + 1) {
      reload(false);
    } else if (delta.version() == version + 1) {
      version++;
      follower.changed(delta.joined(), delta.left());
    }
  }
}
