package dev.footbridge.store;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The members of one channel in the order in which they came, and how many users they are: each
 * anonymous session counts as one. Every change costs the same however many there are. Not
 * thread-safe.
 */
public final class Roster {
  private final Map<String, Member> members = new LinkedHashMap<>();
  private final Map<String, Integer> sessionsOfUsers = new HashMap<>();
  private int anonymous;

  /** An empty one. */
  public Roster() {}

  /** One with the given members. */
  public Roster(Collection<Member> members) {
    members.forEach(this::put);
  }

  /**
   * Adds a member, or replaces the one of the same name.
   *
   * @return who was replaced, or null
   */
  public @Nullable Member put(Member member) {
    Member before = members.put(member.id(), member);
    if (before != null) {
      count(before.user(), -1);
    }
    count(member.user(), 1);
    return before;
  }

  /**
   * Removes a member.
   *
   * @return who it was, or null if there was none
   */
  public @Nullable Member remove(String id) {
    Member before = members.remove(id);
    if (before != null) {
      count(before.user(), -1);
    }
    return before;
  }

  private void count(@Nullable String user, int change) {
    if (user == null) {
      anonymous += change;
    } else {
      sessionsOfUsers.compute(
          user,
          (name, sessions) -> {
            int now = (sessions == null ? 0 : sessions) + change;
            return now == 0 ? null : now;
          });
    }
  }

  /** The member of that name, or null. */
  public @Nullable Member get(String id) {
    return members.get(id);
  }

  /** All members, as they are now and will be later; not to be changed. */
  public Collection<Member> members() {
    return Collections.unmodifiableCollection(members.values());
  }

  /** Those who came first, with how many there are. */
  public PresenceStore.Excerpt excerpt(int limit) {
    List<Member> first = new ArrayList<>(Math.min(limit, members.size()));
    for (Member member : members.values()) {
      if (first.size() == limit) {
        break;
      }
      first.add(member);
    }
    return new PresenceStore.Excerpt(first, count(), users());
  }

  /** How many sessions. */
  public int count() {
    return members.size();
  }

  /** How many users. */
  public int users() {
    return sessionsOfUsers.size() + anonymous;
  }
}
