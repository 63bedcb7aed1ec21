package dev.footbridge.store.memory;

import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.Roster;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Rosters in the heap. There are as many members as sessions have joined channels, so their bound
 * is that of the sessions and their subscriptions.
 */
public final class MemoryPresenceStore implements PresenceStore {
  private final ConcurrentHashMap<String, Room> rooms = new ConcurrentHashMap<>();

  @Override
  public CompletionStage<?> change(
      String channel, Collection<Member> joined, Collection<Member> left) {
    while (!room(channel).change(joined, left)) {
      // That one has just ended; the next one is another.
    }
    return CompletableFuture.completedStage(null);
  }

  @Override
  public CompletionStage<Following> follow(String channel, Follower follower) {
    while (true) {
      Following following = room(channel).follow(follower);
      if (following != null) {
        return CompletableFuture.completedStage(following);
      }
    }
  }

  @Override
  public CompletionStage<Excerpt> read(String channel, int limit) {
    Room room = rooms.get(channel);
    return CompletableFuture.completedStage(
        room == null ? new Excerpt(List.of(), 0, 0) : room.read(limit));
  }

  private Room room(String channel) {
    return rooms.computeIfAbsent(channel, Room::new);
  }

  /** One channel's roster and who follows it; ends when there is neither. Guarded by itself. */
  private final class Room {
    private final String channel;
    private final Roster roster = new Roster();
    private List<Follower> followers = List.of();
    private boolean ended;

    Room(String channel) {
      this.channel = channel;
    }

    synchronized boolean change(Collection<Member> joined, Collection<Member> left) {
      if (ended) {
        return false;
      }
      List<Member> in = new ArrayList<>();
      List<String> out = new ArrayList<>();
      for (Member member : joined) {
        Member before = roster.put(member);
        if (before == null || !before.same(member)) {
          in.add(member);
        }
      }
      for (Member member : left) {
        Member present = roster.get(member.id());
        if (present != null && present.node().equals(member.node())) {
          roster.remove(member.id());
          out.add(member.id());
        }
      }
      if (!in.isEmpty() || !out.isEmpty()) {
        followers.forEach(follower -> follower.changed(in, out));
      }
      endIfUnused();
      return true;
    }

    synchronized @Nullable Following follow(Follower follower) {
      if (ended) {
        return null;
      }
      List<Follower> more = new ArrayList<>(followers);
      more.add(follower);
      followers = List.copyOf(more);
      follower.reset(List.copyOf(roster.members()), false);
      return () -> unfollow(follower);
    }

    private synchronized void unfollow(Follower follower) {
      List<Follower> fewer = new ArrayList<>(followers);
      fewer.remove(follower);
      followers = List.copyOf(fewer);
      endIfUnused();
    }

    synchronized Excerpt read(int limit) {
      return roster.excerpt(limit);
    }

    private void endIfUnused() {
      if (followers.isEmpty() && roster.count() == 0 && !ended) {
        ended = true;
        rooms.remove(channel, this);
      }
    }
  }
}
