package dev.footbridge.session;

import dev.footbridge.wire.Value;
import java.util.ArrayList;
import java.util.List;

/** Values that have come up and do not count yet. Guarded by its session. */
final class WaitingRoom {
  /** So small a value takes more in the heap than it says. */
  private static final int OVERHEAD = 64;

  private final List<Value> values = new ArrayList<>();
  private long room;

  /**
   * @param bytes octets that may wait; one value always may
   */
  WaitingRoom(long bytes) {
    room = bytes;
  }

  /** False if there is no room. */
  boolean add(Value value) {
    room -= value.size() + OVERHEAD;
    if (room < 0 && !values.isEmpty()) {
      return false;
    }
    values.add(value);
    return true;
  }

  List<Value> values() {
    return values;
  }
}
