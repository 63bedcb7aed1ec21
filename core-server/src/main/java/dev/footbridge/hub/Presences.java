package dev.footbridge.hub;

import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The presence of all channels in which this node has members. Safe for any thread. */
final class Presences {
  private final Hub hub;
  private final PresenceStore store;
  private final Supplier<String> node;

  /** How long another node may take to announce a member that was handed over. */
  static final long HANDED_OVER_NANOS = TimeUnit.MINUTES.toNanos(2);

  private final ConcurrentHashMap<String, Presence> byChannel = new ConcurrentHashMap<>();

  /** Who was handed over and is not announced by another node yet. */
  private final Set<Place> handedOver = ConcurrentHashMap.newKeySet();

  private record Place(String channel, String id) {}

  Presences(Hub hub, PresenceStore store, Supplier<String> node) {
    this.hub = hub;
    this.store = store;
    this.node = node;
  }

  PresenceStore store() {
    return store;
  }

  String node() {
    return node.get();
  }

  void after(long nanos, Runnable action) {
    hub.after(nanos, action);
  }

  PresenceWatch join(
      String channel,
      String id,
      @Nullable String user,
      byte[] json,
      Hub.PresenceWatcher watcher,
      Supplier<Lane> lane,
      boolean returns) {
    while (true) {
      Presence presence = byChannel.get(channel);
      if (presence == null) {
        Presence made = new Presence(this, channel);
        presence = byChannel.putIfAbsent(channel, made);
        if (presence == null) {
          presence = made;
          made.follow();
        }
      }
      PresenceWatch watch = presence.join(id, user, json, watcher, lane, returns);
      if (watch != null) {
        return watch;
      }
      byChannel.remove(channel, presence);
    }
  }

  void leave(String channel, String id) {
    Presence presence = byChannel.get(channel);
    if (presence != null) {
      presence.leave(id);
    }
  }

  void handOver(String channel, String id) {
    Presence presence = byChannel.get(channel);
    if (presence != null) {
      presence.handOver(id);
    }
  }

  /** A member stays in the store as this node's until another node announces it. */
  void handedOver(String channel, Member member) {
    Place place = new Place(channel, member.id());
    if (handedOver.add(place)) {
      after(
          HANDED_OVER_NANOS,
          () -> {
            if (handedOver.remove(place)) {
              unclaimed(channel, member);
            }
          });
    }
  }

  boolean isHandedOver(String channel, String id) {
    return handedOver.contains(new Place(channel, id));
  }

  /** Another node has announced it. */
  void claimed(String channel, String id) {
    handedOver.remove(new Place(channel, id));
  }

  private void unclaimed(String channel, Member member) {
    Presence presence = byChannel.get(channel);
    if (presence == null || !presence.unclaimed(member)) {
      Stages.on(
          store.change(channel, List.of(), List.of(member)),
          done -> {},
          failure -> after(Hub.RETRY_NANOS, () -> unclaimed(channel, member)));
    }
  }

  CompletionStage<PresenceStore.Excerpt> excerpt(String channel, int limit) {
    Presence presence = byChannel.get(channel);
    CompletionStage<PresenceStore.Excerpt> known =
        presence == null ? null : presence.excerpt(limit);
    return known == null ? store.read(channel, limit) : known;
  }

  void announce() {
    byChannel.values().forEach(Presence::announce);
  }

  void nodeGone(String gone) {
    byChannel.values().forEach(presence -> presence.nodeGone(gone));
  }

  void forget(String channel, Presence presence) {
    byChannel.remove(channel, presence);
  }
}
