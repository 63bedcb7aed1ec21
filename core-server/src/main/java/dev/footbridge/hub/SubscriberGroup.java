package dev.footbridge.hub;

import dev.footbridge.io.Lane;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The subscribers of one channel that live on one lane. However many messages are published while
 * the lane is busy, one task walks the group once and takes every subscriber to the channel's top.
 *
 * <p>Guarded by itself; the walk runs on the lane.
 */
final class SubscriberGroup implements Runnable {
  private final Lane lane;
  private final AtomicBoolean marked = new AtomicBoolean();
  private @Nullable Subscription[] members = new Subscription[4];
  private int size;

  SubscriberGroup(Lane lane) {
    this.lane = lane;
  }

  Lane lane() {
    return lane;
  }

  /** There is something new in the channel. Any thread. */
  void mark() {
    if (!marked.get() && marked.compareAndSet(false, true)) {
      lane.execute(this);
    }
  }

  @Override
  public synchronized void run() {
    marked.set(false);
    // From the end: a member that leaves meanwhile has its place taken by the last one, which has
    // had its turn.
    for (int i = size - 1; i >= 0; i--) {
      Subscription member = i < size ? members[i] : null;
      if (member != null) {
        member.pump();
      }
    }
  }

  synchronized void add(Subscription subscription) {
    if (size == members.length) {
      members = Arrays.copyOf(members, size * 2);
    }
    members[size] = subscription;
    subscription.place(this, size++);
  }

  synchronized void remove(Subscription subscription) {
    if (subscription.group() != this) {
      return;
    }
    int at = subscription.indexInGroup();
    Subscription last = members[--size];
    members[size] = null;
    if (at != size && last != null) {
      members[at] = last;
      last.place(this, at);
    }
    subscription.place(null, -1);
  }
}
