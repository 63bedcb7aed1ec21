package dev.footbridge.hub;

import dev.footbridge.io.Lane;
import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.EntryRing;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A channel that has subscribers on this node: the newest messages in memory, and who wants them.
 * It lives from its first subscriber to its last; the log itself is the store's.
 *
 * <p>Any thread. The tail is guarded by itself; nothing is called while it is locked.
 */
final class Channel implements ChannelStore.Follower {
  /** The newest messages that are kept at hand; what is older is read from the store. */
  private static final int TAIL_COUNT = 512;

  private static final long TAIL_BYTES = 512 * 1024;

  private final Hub hub;
  private final String name;
  private final CompletableFuture<ChannelStore.Following> following = new CompletableFuture<>();
  private final CopyOnWriteArrayList<SubscriberGroup> groups = new CopyOnWriteArrayList<>();
  private final Object tailLock = new Object();
  private EntryRing tail = new EntryRing(0);
  private volatile String epoch = "";
  private volatile long topOffset;
  private boolean wasReset;
  private int users;
  private boolean closed;

  Channel(Hub hub, String name) {
    this.hub = hub;
    this.name = name;
  }

  String name() {
    return name;
  }

  Hub hub() {
    return hub;
  }

  ChannelStore store() {
    return hub.store();
  }

  String epoch() {
    return epoch;
  }

  long topOffset() {
    return topOffset;
  }

  Position top() {
    synchronized (tailLock) {
      return new Position(epoch, topOffset);
    }
  }

  /** Counts one more user; false if the channel has just ended and a new one must be made. */
  synchronized boolean retain() {
    if (closed) {
      return false;
    }
    users++;
    return true;
  }

  /** Counts one user less; the last one ends the channel. */
  void release() {
    synchronized (this) {
      if (--users > 0 || closed) {
        return;
      }
      closed = true;
    }
    hub.forget(this);
    var unused = following.thenAccept(ChannelStore.Following::stop);
  }

  /** Completes when the channel hears what is published. */
  CompletionStage<ChannelStore.Following> ready() {
    return following;
  }

  /** Begins to hear what is published; once, by whoever made the channel. */
  void follow() {
    var unused =
        store()
            .follow(name, this)
            .whenComplete(
                (begun, failure) -> {
                  if (failure == null) {
                    begin(begun.top());
                    following.complete(begun);
                  } else {
                    following.completeExceptionally(failure);
                  }
                });
  }

  private void begin(Position top) {
    synchronized (tailLock) {
      if (wasReset) {
        // That came later than what it began with.
        return;
      }
      // Entries may have been told before the stage completed: then we are further on already.
      if (topOffset < top.offset()) {
        tail = new EntryRing(top.offset());
        topOffset = top.offset();
      }
      epoch = top.epoch();
    }
  }

  @Override
  public void appended(LogEntry entry) {
    synchronized (tailLock) {
      if (entry.offset() != topOffset + 1) {
        // Told before we know where we began: the entry says so itself.
        tail = new EntryRing(entry.offset() - 1);
      }
      tail.add(entry, 0);
      topOffset = entry.offset();
      while (tail.size() > TAIL_COUNT || (tail.bytes() > TAIL_BYTES && tail.size() > 1)) {
        tail.removeFirst();
      }
    }
    for (SubscriberGroup group : groups) {
      group.mark();
    }
  }

  @Override
  public void reset(Position top) {
    synchronized (tailLock) {
      tail = new EntryRing(top.offset());
      topOffset = top.offset();
      epoch = top.epoch();
      wasReset = true;
    }
    for (SubscriberGroup group : groups) {
      group.mark();
    }
  }

  /** The entry with the offset if it is at hand and the epoch is still the same. */
  @Nullable LogEntry recent(String ofEpoch, long offset) {
    synchronized (tailLock) {
      return epoch.equals(ofEpoch) ? tail.get(offset) : null;
    }
  }

  /** The group of a lane; made when it is first asked for, kept as long as the channel. */
  SubscriberGroup group(Lane lane) {
    for (SubscriberGroup group : groups) {
      if (group.lane() == lane) {
        return group;
      }
    }
    synchronized (groups) {
      for (SubscriberGroup group : groups) {
        if (group.lane() == lane) {
          return group;
        }
      }
      SubscriberGroup group = new SubscriberGroup(lane);
      groups.add(group);
      return group;
    }
  }
}
