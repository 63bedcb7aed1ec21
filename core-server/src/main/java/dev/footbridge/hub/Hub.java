package dev.footbridge.hub;

import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.Message;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The node's channels and procedures. Safe for any thread; nothing blocks. */
public final class Hub {
  /** How long to wait before a store that failed is asked again. */
  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final ChannelStore store;
  private final Timer timer;
  private final Procedures procedures = new Procedures(this);
  private final ConcurrentHashMap<String, Channel> channels = new ConcurrentHashMap<>();

  /**
   * @param timer for what happens later; its thread only hands over
   */
  public Hub(ChannelStore store, Timer timer) {
    this.store = store;
    this.timer = timer;
  }

  /**
   * How a subscription began.
   *
   * @param subscription not started yet
   * @param top the channel's top at that moment
   * @param recovered whether the history reached back to the position that was asked for; true
   *     where none was
   */
  public record Begun(Subscription subscription, Position top, boolean recovered) {}

  /** Appends a message to its channel. */
  public CompletionStage<Position> publish(Publication publication) {
    return store.publish(publication);
  }

  /**
   * Prepares a subscription. The caller says what it must say first and then calls {@link
   * Subscription#start()}; or {@link Subscription#end()} if it has changed its mind.
   *
   * @param since deliver what comes after it; null for none
   * @param last if {@code since} is null, deliver this many of the newest messages first
   */
  public CompletionStage<Begun> subscribe(
      String name, Subscriber subscriber, @Nullable Position since, int last) {
    Channel channel = use(name);
    return channel
        .ready()
        .thenCompose(
            following ->
                since == null && last == 0
                    ? CompletableFuture.completedStage(new Page(channel.top(), true, List.of()))
                    : store.read(name, since, since == null ? last : Subscription.PAGE))
        .thenApply(page -> begin(channel, subscriber, since, page))
        .whenComplete(
            (begun, failure) -> {
              if (failure != null) {
                channel.release();
              }
            });
  }

  private static Begun begin(
      Channel channel, Subscriber subscriber, @Nullable Position since, Page page) {
    List<LogEntry> entries = page.entries();
    Position cursor = page.top();
    if (since != null && page.reached()) {
      cursor = since;
    } else if (!entries.isEmpty()) {
      cursor = new Position(page.top().epoch(), entries.get(0).offset() - 1);
    }
    return new Begun(
        new Subscription(channel, subscriber, cursor, entries), page.top(), page.reached());
  }

  /** Reads a channel's history; see {@link ChannelStore#read}. */
  public CompletionStage<Page> history(String name, @Nullable Position since, int limit) {
    return store.read(name, since, limit);
  }

  /** Somebody comes into a channel that it has subscribed to. */
  public void join(Subscription subscription, String id, byte[] member, PresenceWatcher watcher) {
    Channel channel = channels.get(subscription.channel());
    if (channel != null) {
      channel.presence().join(id, member, watcher::changed);
    }
  }

  /** Somebody goes out of a channel; it must come before its subscription ends. */
  public void leave(Subscription subscription, String id) {
    Channel channel = channels.get(subscription.channel());
    if (channel != null) {
      channel.presence().leave(id);
    }
  }

  /** As {@link #join} for somebody who was there all the time, on another node or before. */
  public void rejoin(Subscription subscription, String id, byte[] member, PresenceWatcher watcher) {
    Channel channel = channels.get(subscription.channel());
    if (channel != null) {
      channel.presence().rejoin(id, member, watcher::changed);
    }
  }

  /** As {@link #leave} for somebody who is there all the same, on another node or later. */
  public void handOver(Subscription subscription, String id) {
    Channel channel = channels.get(subscription.channel());
    if (channel != null) {
      channel.presence().handOver(id);
    }
  }

  /** Who is present in a channel. */
  public Present present(String name, int limit) {
    Channel channel = channels.get(name);
    if (channel == null) {
      return new Present(List.of(), 0);
    }
    Presence.Snapshot snapshot = channel.presence().snapshot(limit);
    return new Present(snapshot.members(), snapshot.count());
  }

  /** Is told of those who come and go. */
  public interface PresenceWatcher {
    /** A {@code presence} value. Must not block. */
    void changed(Message change);
  }

  /**
   * Who is present.
   *
   * @param members the first of them, each as JSON
   * @param count how many there are in all
   */
  public record Present(List<byte[]> members, int count) {}

  /** The node's procedures. */
  public Procedures procedures() {
    return procedures;
  }

  ChannelStore store() {
    return store;
  }

  /** Calls later, on the timer's thread. */
  public Timeout after(long nanos, Runnable action) {
    return timer.newTimeout(timeout -> action.run(), nanos, TimeUnit.NANOSECONDS);
  }

  void later(Runnable action) {
    var unused = after(RETRY_NANOS, action);
  }

  private Channel use(String name) {
    while (true) {
      Channel channel = channels.get(name);
      if (channel == null) {
        Channel made = new Channel(this, name);
        made.retain();
        channel = channels.putIfAbsent(name, made);
        if (channel == null) {
          made.follow();
          return made;
        }
      }
      if (channel.retain()) {
        return channel;
      }
      channels.remove(name, channel);
    }
  }

  void forget(Channel channel) {
    channels.remove(channel.name(), channel);
  }
}
