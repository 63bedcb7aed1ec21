package dev.footbridge.hub;

import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.Message;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The node's channels and procedures. Safe for any thread; nothing blocks. */
public final class Hub {
  /** How long to wait before a store that failed is asked again. */
  static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final ChannelStore store;
  private final Timer timer;
  private final Procedures procedures;
  private final Presences presences;
  private final ConcurrentHashMap<String, Channel> channels = new ConcurrentHashMap<>();

  /**
   * @param node the name under which this node is present in the stores at the moment; after it has
   *     become another one {@link #announce} must be called
   * @param timer for what happens later; its thread only hands over
   */
  public Hub(
      ChannelStore store,
      PresenceStore presence,
      Colleagues colleagues,
      Supplier<String> node,
      Timer timer) {
    this.store = store;
    this.timer = timer;
    this.presences = new Presences(this, presence, node);
    this.procedures = new Procedures(this, colleagues);
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

  /**
   * Somebody comes into a channel that it has subscribed to.
   *
   * @param id its public name
   * @param user whose session it is; null for an anonymous one
   * @param member what others are shown, as JSON
   */
  public void join(
      Subscription subscription,
      String id,
      @Nullable String user,
      byte[] member,
      PresenceWatcher watcher) {
    subscription.watch(
        presences.join(
            subscription.channel(), id, user, member, watcher, subscription::lane, false));
  }

  /**
   * As {@link #join} for somebody who was there before, on another node or in another process. It
   * is no news to others, and is told how things stand, since it has missed what happened
   * meanwhile.
   */
  public void rejoin(
      Subscription subscription,
      String id,
      @Nullable String user,
      byte[] member,
      PresenceWatcher watcher) {
    subscription.watch(
        presences.join(
            subscription.channel(), id, user, member, watcher, subscription::lane, true));
  }

  /** Somebody goes out of a channel. */
  public void leave(Subscription subscription, String id) {
    presences.leave(subscription.channel(), id);
  }

  /**
   * Somebody's session goes on at another node, or will: it is not told of any more and does not
   * leave. If it comes back nowhere, it leaves when this node is {@linkplain #nodeGone gone}.
   */
  public void handOver(Subscription subscription, String id) {
    presences.handOver(subscription.channel(), id);
  }

  /**
   * Who is present in a channel.
   *
   * @param limit members at most
   */
  public CompletionStage<PresenceStore.Excerpt> present(String channel, int limit) {
    return presences.excerpt(channel, limit);
  }

  /** Says again to the stores who and what is on this node: it has another name now. */
  public void announce() {
    presences.announce();
    procedures.announce();
  }

  /**
   * Another node is dead, and its sessions have had their time to come back elsewhere: those of its
   * members that have not leave. Any number of nodes may do it; watchers are told once.
   */
  public void nodeGone(String node) {
    presences.nodeGone(node);
  }

  /** Is told of those who come and go. */
  public interface PresenceWatcher {
    /**
     * A {@code presence} value. Must not block.
     *
     * @return false if there is no room: after {@link Subscription#resume()} it comes again, or one
     *     that says how things stand then
     */
    boolean changed(Message change);
  }

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
