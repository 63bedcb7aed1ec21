package dev.footbridge.hub;

import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.Roster;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Who is present in one channel, while this node has members there.
 *
 * <p><b>Up:</b> what this node's members do gathers for a tenth of a second and is given to the
 * store in one step, so that a herd costs one step and who leaves and comes back within that time
 * was never gone. Nothing is counted: a name that is {@code dirty} is put right in the store,
 * whatever it knows already. So a step that failed is repeated, and everything is announced anew,
 * by making names dirty.
 *
 * <p><b>Down:</b> the store tells what has changed, by whatever node. That keeps the {@code
 * roster}, and becomes {@link PresenceNews} for the watchers, at most once in a tenth of a second.
 *
 * <p>It lives from its first member until the last one's leaving has reached the store. Guarded by
 * itself; watchers, the store and their lanes are called without the lock.
 */
final class Presence implements PresenceStore.Follower {
  private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** How long the nodes have to announce their members to a store that has lost them. */
  static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** Members of a dead node that are taken out in one step. */
  private static final int BATCH = 500;

  /** The cursor of somebody who knows nothing of this presence's news. */
  private static final long BEFORE_ALL = -1;

  private record Local(@Nullable String user, byte[] json, PresenceWatch watch) {
    Member on(String id, String node) {
      return new Member(id, user, node, json);
    }
  }

  private final Presences owner;
  private final String channel;
  private final Map<String, Local> locals = new LinkedHashMap<>();
  private final Roster roster = new Roster();
  private final PresenceNews news;

  /** What the store has of this node's, or may have. */
  private final Map<String, Member> announced = new HashMap<>();

  private final Set<String> dirty = new LinkedHashSet<>();

  /** Names that the store was given, and whose coming or going it has not told of yet. */
  private final Set<String> underWay = new LinkedHashSet<>();

  /** Members that the store has lost and whose nodes may announce them again. */
  private final Map<String, Member> lost = new HashMap<>();

  /** Watches that are told how things stand once their own coming has reached the store. */
  private final List<PresenceWatch> returned = new ArrayList<>();

  /** Completes when the store has told who is there; null from then on. */
  private @Nullable CompletableFuture<Void> beforeKnown = new CompletableFuture<>();

  private long losses;
  private PresenceStore.@Nullable Following following;
  private boolean gathering;
  private boolean due;
  private boolean changing;
  private boolean resting;
  private boolean ended;

  Presence(Presences owner, String channel) {
    this.owner = owner;
    this.channel = channel;
    this.news = new PresenceNews(channel, roster);
  }

  // ---- up ----

  /**
   * Somebody comes in; coming again changes nothing. Null if this presence has just ended.
   *
   * @param returns whether it was here before, on another node or in another process: then it does
   *     not know what has happened since, and is told how things stand
   */
  synchronized @Nullable PresenceWatch join(
      String id,
      @Nullable String user,
      byte[] json,
      Hub.PresenceWatcher watcher,
      Supplier<Lane> lane,
      boolean returns) {
    if (ended) {
      return null;
    }
    Local there = locals.get(id);
    if (there != null) {
      return there.watch();
    }
    PresenceWatch watch =
        new PresenceWatch(this, id, watcher, lane, returns ? BEFORE_ALL : news.top());
    if (returns) {
      returned.add(watch);
    }
    locals.put(id, new Local(user, json, watch));
    touch(id);
    return watch;
  }

  /** Somebody goes. */
  void leave(String id) {
    Local local;
    synchronized (this) {
      local = locals.remove(id);
      if (local != null) {
        touch(id);
      }
    }
    if (local != null) {
      local.watch().end();
    }
  }

  /** Somebody's session goes on at another node, or will: it does not leave. */
  void handOver(String id) {
    Local local;
    synchronized (this) {
      local = locals.remove(id);
      if (local != null) {
        announced.remove(id);
        owner.handedOver(channel, local.on(id, owner.node()));
        touch(id);
      }
    }
    if (local != null) {
      local.watch().end();
    }
  }

  /**
   * No other node has announced a member that was handed over: it leaves, unless it has come back.
   *
   * @return false if this has ended, and somebody else must see to that
   */
  synchronized boolean unclaimed(Member member) {
    if (!ended && !locals.containsKey(member.id())) {
      announced.putIfAbsent(member.id(), member);
      touch(member.id());
    }
    return !ended;
  }

  /** Announces all members of this node again. */
  synchronized void announce() {
    locals.keySet().forEach(this::touch);
  }

  private void touch(String id) {
    dirty.add(id);
    if (!gathering && !due) {
      gathering = true;
      owner.after(GATHER_NANOS, this::gathered);
    }
  }

  /** Begins to follow the store; once, by whoever made this. */
  void follow() {
    Stages.on(
        owner.store().follow(channel, this),
        this::followed,
        failure -> {
          owner.after(Hub.RETRY_NANOS, this::follow);
          unknown(failure);
        });
  }

  /** Whoever asks is not kept waiting for a store that does not answer. */
  private void unknown(Throwable failure) {
    CompletableFuture<Void> asked;
    synchronized (this) {
      asked = beforeKnown;
      if (asked != null) {
        beforeKnown = new CompletableFuture<>();
      }
    }
    if (asked != null) {
      asked.completeExceptionally(failure);
    }
  }

  private void followed(PresenceStore.Following begun) {
    synchronized (this) {
      following = begun;
    }
    flush();
  }

  private void gathered() {
    synchronized (this) {
      gathering = false;
      due = true;
    }
    flush();
  }

  private void flush() {
    List<Member> joined = new ArrayList<>();
    List<Member> left = new ArrayList<>();
    PresenceStore.Following over;
    synchronized (this) {
      if (!due || following == null || changing || ended) {
        return;
      }
      due = false;
      take(joined, left);
      changing = !joined.isEmpty() || !left.isEmpty();
      over = endIfUnused();
    }
    stop(over);
    if (!joined.isEmpty() || !left.isEmpty()) {
      Stages.on(
          owner.store().change(channel, joined, left),
          done -> changed(),
          failure -> failed(joined, left));
    }
  }

  private void take(List<Member> joined, List<Member> left) {
    String node = owner.node();
    for (String id : dirty) {
      Local local = locals.get(id);
      Member before = announced.remove(id);
      if (local != null) {
        Member now = local.on(id, node);
        joined.add(now);
        announced.put(id, now);
      } else if (before != null) {
        left.add(before);
      }
      if (local == null ? before != null : roster.get(id) == null) {
        underWay.add(id);
      }
    }
    dirty.clear();
  }

  private void changed() {
    List<PresenceWatch> back;
    PresenceStore.Following over;
    synchronized (this) {
      changing = false;
      over = endIfUnused();
      back = List.copyOf(returned);
      returned.clear();
    }
    stop(over);
    back.forEach(watch -> watch.lane().execute(watch::pump));
    flush();
  }

  /** What was asked may have happened or not: the same names are put right once more. */
  private void failed(List<Member> joined, List<Member> left) {
    synchronized (this) {
      left.forEach(member -> announced.putIfAbsent(member.id(), member));
      left.forEach(member -> dirty.add(member.id()));
      joined.forEach(member -> dirty.add(member.id()));
    }
    owner.after(
        Hub.RETRY_NANOS,
        () -> {
          synchronized (this) {
            changing = false;
            due = true;
          }
          flush();
        });
  }

  /** What is to be stopped, if nobody needs this any more; see {@link #stop}. */
  private PresenceStore.@Nullable Following endIfUnused() {
    if (locals.isEmpty() && dirty.isEmpty() && !changing && !ended && following != null) {
      ended = true;
      owner.forget(channel, this);
      return following;
    }
    return null;
  }

  /** Never with this locked: the store may be calling this just now, with its own lock held. */
  private static void stop(PresenceStore.@Nullable Following over) {
    if (over != null) {
      over.stop();
    }
  }

  /**
   * A node is dead, and its members have not come back elsewhere: those that still have not leave.
   */
  void nodeGone(String node) {
    List<Member> theirs;
    synchronized (this) {
      theirs = roster.members().stream().filter(member -> member.node().equals(node)).toList();
    }
    Stages.on(
        remove(theirs, 0),
        done -> {},
        failure -> {
          if (!hasEnded()) {
            owner.after(Hub.RETRY_NANOS, () -> nodeGone(node));
          }
        });
  }

  private synchronized boolean hasEnded() {
    return ended;
  }

  private CompletionStage<?> remove(List<Member> theirs, int from) {
    if (from >= theirs.size()) {
      return CompletableFuture.completedStage(null);
    }
    int to = Math.min(from + BATCH, theirs.size());
    return owner
        .store()
        .change(channel, List.of(), theirs.subList(from, to))
        .thenCompose(done -> remove(theirs, to));
  }

  // ---- down ----

  @Override
  public void reset(List<Member> members, boolean mayBeLost) {
    CompletableFuture<Void> asked;
    synchronized (this) {
      Roster now = new Roster(members);
      for (Member member : List.copyOf(roster.members())) {
        if (now.get(member.id()) == null) {
          if (mayBeLost) {
            lost.put(member.id(), member);
          } else if (!lost.containsKey(member.id())) {
            out(member.id());
          }
        }
      }
      // What was there when this node began to follow is not news.
      asked = beforeKnown;
      members.forEach(member -> in(member, asked == null));
      beforeKnown = null;
      underWay.removeIf(id -> now.get(id) == null);
      announced.keySet().stream().filter(id -> now.get(id) == null).toList().forEach(this::touch);
      if (mayBeLost && !lost.isEmpty()) {
        long loss = ++losses;
        owner.after(GRACE_NANOS, () -> giveUp(loss));
      }
    }
    if (asked != null) {
      asked.complete(null);
    }
    tell();
  }

  @Override
  public void changed(List<Member> joined, List<String> left) {
    synchronized (this) {
      joined.forEach(member -> in(member, true));
      left.forEach(this::out);
    }
    tell();
  }

  private void in(Member member, boolean isNews) {
    underWay.remove(member.id());
    lost.remove(member.id());
    if (roster.put(member) == null && isNews) {
      news.joined(member);
    }
    if (!member.node().equals(owner.node())) {
      owner.claimed(channel, member.id());
    } else if (!locals.containsKey(member.id()) && !owner.isHandedOver(channel, member.id())) {
      // Its leaving was lost with what Redis had, or was overtaken by its coming.
      announced.putIfAbsent(member.id(), member);
      touch(member.id());
    }
  }

  private void out(String id) {
    underWay.remove(id);
    Member member = roster.remove(id);
    if (member != null) {
      news.left(member);
    }
    if (locals.containsKey(id)) {
      // Somebody took this node for dead; or it is on its way out and back in.
      touch(id);
    }
  }

  /** Those whom nobody has announced again have gone. */
  private void giveUp(long loss) {
    synchronized (this) {
      if (loss != losses) {
        return;
      }
      Collection<String> gone = List.copyOf(lost.keySet());
      lost.clear();
      gone.forEach(this::out);
    }
    tell();
  }

  private void tell() {
    List<PresenceWatch> watches;
    synchronized (this) {
      if (resting || !news.issue()) {
        return;
      }
      resting = true;
      owner.after(GATHER_NANOS, this::rested);
      watches = locals.values().stream().map(Local::watch).toList();
    }
    // One task for each lane walks its own.
    Map<Lane, List<PresenceWatch>> byLane = new HashMap<>();
    for (PresenceWatch watch : watches) {
      byLane.computeIfAbsent(watch.lane(), lane -> new ArrayList<>()).add(watch);
    }
    byLane.forEach((lane, walk) -> lane.execute(() -> walk.forEach(PresenceWatch::pump)));
  }

  private void rested() {
    synchronized (this) {
      resting = false;
    }
    tell();
  }

  synchronized PresenceNews.@Nullable Next after(long cursor, String id) {
    return news.after(cursor, id);
  }

  /**
   * Who is present, with what this node's members have just done: whoever has joined finds itself.
   *
   * @return null if this has ended
   */
  @Nullable CompletionStage<PresenceStore.Excerpt> excerpt(int limit) {
    CompletableFuture<Void> first;
    synchronized (this) {
      if (ended) {
        return null;
      }
      first = beforeKnown;
    }
    return first == null
        ? CompletableFuture.completedStage(unsettled(limit))
        : first.thenApply(told -> unsettled(limit));
  }

  private synchronized PresenceStore.Excerpt unsettled(int limit) {
    if (dirty.isEmpty() && underWay.isEmpty()) {
      return roster.excerpt(limit);
    }
    Roster soon = new Roster(roster.members());
    Set<String> unsettled = new LinkedHashSet<>(underWay);
    unsettled.addAll(dirty);
    for (String id : unsettled) {
      Local local = locals.get(id);
      if (local != null) {
        soon.put(local.on(id, owner.node()));
      } else if (announced.containsKey(id) || underWay.contains(id)) {
        soon.remove(id);
      }
    }
    return soon.excerpt(limit);
  }
}
