package dev.footbridge.hub;

import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Who is present in one channel. Changes are gathered for a tenth of a second and told once, so a
 * herd that arrives together costs each watcher one message; somebody who leaves and comes back
 * within that time was never gone. Nobody is told of itself.
 *
 * <p>Guarded by itself; watchers are called without the lock.
 */
final class Presence {
  private static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  /** More than this many who come at once are told how many there are, not who. */
  private static final int HERD = 32;

  /** Somebody who is present and is told of the others. */
  interface Watcher {
    /** Tells of a change. */
    void changed(Message change);
  }

  /**
   * Who is present.
   *
   * @param members each as JSON
   */
  record Snapshot(List<byte[]> members, int count) {}

  private record Member(byte[] json, Watcher watcher) {}

  private final Hub hub;
  private final String channel;
  private final Map<String, Member> members = new LinkedHashMap<>();
  private final Map<String, byte[]> joined = new LinkedHashMap<>();
  private final Map<String, byte[]> left = new LinkedHashMap<>();
  private boolean telling;

  Presence(Hub hub, String channel) {
    this.hub = hub;
    this.channel = channel;
  }

  /** Somebody comes in; coming again changes nothing. */
  synchronized void join(String id, byte[] json, Watcher watcher) {
    if (members.putIfAbsent(id, new Member(json, watcher)) == null && left.remove(id) == null) {
      joined.put(id, json);
      tellSoon();
    }
  }

  /** Somebody goes. */
  synchronized void leave(String id) {
    Member member = members.remove(id);
    if (member != null && joined.remove(id) == null) {
      left.put(id, member.json());
      tellSoon();
    }
  }

  /** Somebody is here who was present all the time; nobody is told. */
  synchronized void rejoin(String id, byte[] json, Watcher watcher) {
    if (members.putIfAbsent(id, new Member(json, watcher)) == null) {
      left.remove(id);
    }
  }

  /** Somebody is present elsewhere from now on; nobody is told. */
  synchronized void handOver(String id) {
    members.remove(id);
  }

  synchronized Snapshot snapshot(int limit) {
    List<byte[]> list = new ArrayList<>(Math.min(limit, members.size()));
    for (Member member : members.values()) {
      if (list.size() == limit) {
        break;
      }
      list.add(member.json());
    }
    return new Snapshot(list, members.size());
  }

  private void tellSoon() {
    if (!telling) {
      telling = true;
      hub.after(GATHER_NANOS, this::tell);
    }
  }

  private void tell() {
    Map<String, byte[]> nowJoined;
    Map<String, byte[]> nowLeft;
    Map<String, Member> watchers;
    int count;
    synchronized (this) {
      telling = false;
      nowJoined = new LinkedHashMap<>(joined);
      nowLeft = new LinkedHashMap<>(left);
      joined.clear();
      left.clear();
      watchers = new LinkedHashMap<>(members);
      count = members.size();
    }
    if (nowJoined.isEmpty() && nowLeft.isEmpty()) {
      return;
    }
    Message toAll = change(nowJoined, nowLeft, count, null);
    Message toHerd = change(Map.of(), nowLeft, count, null);
    watchers.forEach(
        (id, member) -> {
          if (!nowJoined.containsKey(id)) {
            member.watcher().changed(toAll);
          } else if (nowJoined.size() > HERD) {
            // A copy for each of them without itself would be the square of the herd.
            member.watcher().changed(toHerd);
          } else if (nowJoined.size() > 1 || !nowLeft.isEmpty()) {
            member.watcher().changed(change(nowJoined, nowLeft, count, id));
          }
        });
  }

  private Message change(
      Map<String, byte[]> joined, Map<String, byte[]> left, int count, @Nullable String without) {
    JsonWriter json =
        JsonWriter.object().text("op", "presence").text("channel", channel).beginArray("joined");
    joined.forEach(
        (id, member) -> {
          if (!id.equals(without)) {
            json.element(member);
          }
        });
    json.end().beginArray("left");
    left.values().forEach(json::element);
    return Message.json(json.end().number("count", count).bytes());
  }
}
