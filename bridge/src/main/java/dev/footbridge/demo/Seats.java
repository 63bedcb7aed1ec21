package dev.footbridge.demo;

import dev.footbridge.hub.Hub;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.ProtocolException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A small theatre. A seat belongs to whoever asked first; guarded by itself. */
final class Seats {
  private static final List<String> ROWS = List.of("A", "B", "C", "D", "E", "F");
  private static final int COLUMNS = 12;
  private static final String CHANNEL = "demo:seats";

  private final Hub hub;
  private final LogTail log;
  private final Map<String, String> taken = new TreeMap<>();

  Seats(Hub hub, LogTail log) {
    this.hub = hub;
    this.log = log;
  }

  void register() {
    Demo.register(hub, "demo.seats.list", (data, user) -> list());
    Demo.register(hub, "demo.seats.take", (data, user) -> take(seat(data), user));
    Demo.register(hub, "demo.seats.release", (data, user) -> release(seat(data), user));
  }

  private static String seat(JsonObject data) throws ProtocolException {
    String seat = data.requiredText("seat");
    for (String row : ROWS) {
      for (int column = 1; column <= COLUMNS; column++) {
        if (seat.equals(row + column)) {
          return seat;
        }
      }
    }
    throw new ProtocolException(ErrorCode.NOT_FOUND, "There is no such seat.");
  }

  private synchronized Object list() {
    return Demo.fields("rows", ROWS, "columns", COLUMNS, "taken", new TreeMap<>(taken));
  }

  private synchronized Object take(String seat, String user) throws ProtocolException {
    String holder = taken.putIfAbsent(seat, user);
    if (holder != null && !holder.equals(user)) {
      log.line("warn", user + " wanted seat " + seat + ", but " + holder + " has it.");
      throw ProtocolException.application("taken", "Somebody else has this seat.");
    }
    if (holder == null) {
      // Published under the lock, so that the channel tells of changes in the order they happened.
      Demo.publish(hub, CHANNEL, Demo.fields("seat", seat, "holder", user));
      log.line("info", user + " took seat " + seat + ".");
    }
    return Demo.fields("seat", seat);
  }

  private synchronized Object release(String seat, String user) throws ProtocolException {
    String holder = taken.get(seat);
    if (holder != null && !holder.equals(user)) {
      throw new ProtocolException(ErrorCode.FORBIDDEN, "Somebody else has this seat.");
    }
    if (holder != null) {
      taken.remove(seat);
      Demo.publish(hub, CHANNEL, Demo.fields("seat", seat, "holder", null));
      log.line("info", user + " gave seat " + seat + " back.");
    }
    return Demo.fields("seat", seat);
  }
}
