package dev.footbridge.hub;

import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.Roster;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the watchers of one channel are told. What happens gathers until it is {@linkplain #issue
 * issued} as one numbered piece of news; somebody who leaves and comes back before that was never
 * gone. The newest pieces are kept for those who have no room at the moment; whoever needs an older
 * one is told the present state instead. Guarded by its {@link Presence}.
 */
final class PresenceNews {
  /** More than this many who come at once are told how many there are, not who. */
  private static final int HERD = 32;

  /** Names in one value; where more come and go at once the others are told the present state. */
  static final int MOST_NAMES = 1000;

  /** Pieces that are kept for those who are slow. */
  static final int KEPT = 16;

  private final String channel;
  private final Roster roster;
  private Map<String, Member> joined = new LinkedHashMap<>();
  private Map<String, Member> left = new LinkedHashMap<>();
  private final ArrayDeque<Piece> pieces = new ArrayDeque<>(KEPT);
  private long top;
  private @Nullable Message state;

  /**
   * What a watcher is to be told next.
   *
   * @param number its place when it has been told
   * @param message null if that piece does not concern it
   */
  record Next(long number, @Nullable Message message) {}

  PresenceNews(String channel, Roster roster) {
    this.channel = channel;
    this.roster = roster;
  }

  /** The number of the newest piece. */
  long top() {
    return top;
  }

  /** Somebody is in the roster now. */
  void joined(Member member) {
    if (left.remove(member.id()) == null) {
      joined.put(member.id(), member);
    }
  }

  /** Somebody was taken out of the roster. */
  void left(Member member) {
    if (joined.remove(member.id()) == null) {
      left.put(member.id(), member);
    }
  }

  /** Makes what has gathered the next piece; false if nothing has. */
  boolean issue() {
    if (joined.isEmpty() && left.isEmpty()) {
      return false;
    }
    if (pieces.size() == KEPT) {
      pieces.removeFirst();
    }
    pieces.add(new Piece(joined, left, roster.count(), roster.users()));
    joined = new LinkedHashMap<>();
    left = new LinkedHashMap<>();
    top++;
    state = null;
    return true;
  }

  /** What comes after the cursor for the watcher of that name; null if there is nothing. */
  @Nullable Next after(long cursor, String id) {
    if (cursor >= top) {
      return null;
    }
    long first = top - pieces.size() + 1;
    if (cursor + 1 < first) {
      return new Next(top, state());
    }
    int skip = (int) (cursor + 1 - first);
    for (Piece piece : pieces) {
      if (skip-- == 0) {
        return piece.isTooLargeFor(id)
            ? new Next(top, state())
            : new Next(cursor + 1, piece.message(id));
      }
    }
    throw new IllegalStateException("There is no news after " + cursor + ".");
  }

  private Message state() {
    Message made = state;
    if (made == null) {
      PresenceStore.Excerpt now = roster.excerpt(MOST_NAMES);
      JsonWriter json = value().flag("reset", true).beginArray("members");
      now.members().forEach(member -> json.element(member.json()));
      made = counted(json.end(), now.count(), now.users());
      state = made;
    }
    return made;
  }

  private JsonWriter value() {
    return JsonWriter.object().text("op", "presence").text("channel", channel);
  }

  private static Message counted(JsonWriter json, int count, int users) {
    return Message.json(json.number("count", count).number("users", users).bytes());
  }

  /** What happened within one interval. */
  private final class Piece {
    private final Map<String, Member> joined;
    private final Map<String, Member> left;
    private final int count;
    private final int users;
    private @Nullable Message toAll;
    private @Nullable Message toHerd;

    Piece(Map<String, Member> joined, Map<String, Member> left, int count, int users) {
      this.joined = joined;
      this.left = left;
      this.count = count;
      this.users = users;
    }

    private boolean isHerd(String id) {
      return joined.size() > HERD && joined.containsKey(id);
    }

    boolean isTooLargeFor(String id) {
      // The herd is spared, since each of them would be told a thousand names.
      return joined.size() + left.size() > MOST_NAMES && !isHerd(id);
    }

    @Nullable Message message(String id) {
      if (isHerd(id)) {
        // A copy for each of them without itself would be the square of the herd.
        toHerd = toHerd == null ? encode(Map.of(), null) : toHerd;
        return toHerd;
      }
      if (!joined.containsKey(id)) {
        toAll = toAll == null ? encode(joined, null) : toAll;
        return toAll;
      }
      return joined.size() > 1 || !left.isEmpty() ? encode(joined, id) : null;
    }

    private Message encode(Map<String, Member> names, @Nullable String without) {
      JsonWriter json = value().beginArray("joined");
      names.forEach(
          (id, member) -> {
            if (!id.equals(without)) {
              json.element(member.json());
            }
          });
      json.end().beginArray("left");
      left.values().stream().limit(MOST_NAMES).forEach(member -> json.element(member.json()));
      return counted(json.end(), count, users);
    }
  }
}
