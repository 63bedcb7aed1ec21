package dev.footbridge.hub;

import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subscriber's place in one channel. Messages are not pushed at a subscription: it is told that
 * there may be some and pulls what comes after its cursor, from the channel's newest messages in
 * memory or, further back, from the store. So catching up, live delivery, a full buffer and a move
 * to another thread are all the same thing, and none of them can lose, repeat or reorder: a message
 * is delivered when it is the one after the cursor, and only then.
 *
 * <p>Guarded by itself; which group it is in is guarded by {@code membership}, which is taken
 * before a group's lock. {@link #start}, {@link #move} and {@link #end} must not be called from
 * within the subscriber's own methods.
 */
public final class Subscription {
  private static final Logger LOG = LoggerFactory.getLogger(Subscription.class);

  /** Entries asked of the store at a time. */
  static final int PAGE = 256;

  private final Channel channel;
  private final Subscriber subscriber;
  private String epoch;
  private long cursor;
  private List<LogEntry> backlog;
  private int backlogAt;
  private @Nullable Position gap;
  private @Nullable Position beforeGap;
  private boolean started;
  private boolean reading;
  private boolean ended;
  private boolean stalled;
  private volatile @Nullable PresenceWatch watch;

  private final Object membership = new Object();

  // Guarded by the group.
  private volatile @Nullable SubscriberGroup group;
  private int indexInGroup;

  Subscription(Channel channel, Subscriber subscriber, Position cursor, List<LogEntry> backlog) {
    this.channel = channel;
    this.subscriber = subscriber;
    this.epoch = cursor.epoch();
    this.cursor = cursor.offset();
    this.backlog = backlog;
  }

  /** The channel's name. */
  public String channel() {
    return channel.name();
  }

  /** The channel's top, as this node knows it. */
  public Position top() {
    return channel.top();
  }

  /**
   * Where the subscriber has got to; as long as it has not been told of a gap, before that: who
   * goes on from there is told then.
   */
  public synchronized Position position() {
    return beforeGap != null ? beforeGap : new Position(epoch, cursor);
  }

  /** Begins delivery; once. */
  public void start() {
    synchronized (membership) {
      synchronized (this) {
        if (ended) {
          return;
        }
        started = true;
      }
      channel.group(subscriber.lane()).add(this);
    }
    pump();
  }

  /** Ends delivery: nothing is delivered after it returns. */
  public void end() {
    synchronized (membership) {
      synchronized (this) {
        if (ended) {
          return;
        }
        ended = true;
        dropBacklog();
      }
      leaveGroup();
    }
    channel.release();
  }

  /** There is room again. Any thread. */
  public void resume() {
    boolean goOn;
    synchronized (this) {
      goOn = stalled;
      stalled = false;
    }
    if (goOn) {
      subscriber.lane().execute(this::pump);
    }
    PresenceWatch presence = watch;
    if (presence != null) {
      presence.resume();
    }
  }

  /** The subscriber has another lane now. Any thread. */
  public void move() {
    synchronized (membership) {
      synchronized (this) {
        if (!started || ended) {
          return;
        }
      }
      leaveGroup();
      channel.group(subscriber.lane()).add(this);
    }
    subscriber.lane().execute(this::pump);
  }

  private void leaveGroup() {
    SubscriberGroup home = group;
    if (home != null) {
      home.remove(this);
    }
  }

  /** Delivers all that there is and that has room. */
  synchronized void pump() {
    while (started && !ended && !reading && !stalled) {
      if (!epoch.equals(channel.epoch())) {
        jump(channel.top());
      }
      if (gap != null) {
        if (!subscriber.gap(this, gap)) {
          stalled = true;
          return;
        }
        gap = null;
        beforeGap = null;
        continue;
      }
      LogEntry next = next();
      if (next == null) {
        return;
      }
      if (!subscriber.deliver(this, next)) {
        // A subscriber that waits holds no messages: it reads them again when there is room.
        dropBacklog();
        stalled = true;
        return;
      }
      cursor = next.offset();
    }
  }

  /** The entry after the cursor; null if there is none yet or it is being fetched. */
  private @Nullable LogEntry next() {
    if (backlogAt < backlog.size()) {
      return backlog.get(backlogAt++);
    }
    dropBacklog();
    if (cursor >= channel.topOffset()) {
      return null;
    }
    LogEntry entry = channel.recent(epoch, cursor + 1);
    if (entry == null) {
      fetch();
    }
    return entry;
  }

  private void fetch() {
    reading = true;
    Stages.on(
        channel.store().read(channel.name(), new Position(epoch, cursor), PAGE),
        page -> subscriber.lane().execute(() -> fetched(page)),
        failure -> {
          LOG.warn("Reading the history of {} failed: {}", channel.name(), failure.toString());
          channel.hub().later(() -> subscriber.lane().execute(this::retry));
        });
  }

  private synchronized void fetched(Page page) {
    reading = false;
    if (page.reached()) {
      backlog = page.entries();
      backlogAt = 0;
    } else {
      jump(page.top());
    }
    pump();
  }

  private synchronized void retry() {
    reading = false;
    pump();
  }

  private void jump(Position to) {
    if (beforeGap == null) {
      beforeGap = new Position(epoch, cursor);
    }
    gap = to;
    epoch = to.epoch();
    cursor = to.offset();
    dropBacklog();
  }

  private void dropBacklog() {
    backlog = List.of();
    backlogAt = 0;
  }

  Lane lane() {
    return subscriber.lane();
  }

  /** It watches who is present, too, and is to be told of room as well. */
  void watch(PresenceWatch presence) {
    watch = presence;
  }

  @Nullable SubscriberGroup group() {
    return group;
  }

  int indexInGroup() {
    return indexInGroup;
  }

  void place(@Nullable SubscriberGroup group, int index) {
    this.group = group;
    this.indexInGroup = index;
  }
}
