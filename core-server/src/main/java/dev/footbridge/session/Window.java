package dev.footbridge.session;

/** How long a full buffer has waited for its client to acknowledge. Guarded by its session. */
final class Window {
  private boolean starved;
  private long sinceNanos;

  /** Something was refused for lack of room. */
  void refused(long now) {
    if (!starved) {
      starved = true;
      sinceNanos = now;
    }
  }

  /**
   * Something was acknowledged.
   *
   * @return true if that made the room for which something was refused
   */
  boolean acknowledged(boolean hasRoom, long now) {
    boolean roomAgain = starved && hasRoom;
    starved = starved && !hasRoom;
    sinceNanos = now;
    return roomAgain;
  }

  /** Whether it has waited for longer than that. */
  boolean isOver(long now, long nanos) {
    return starved && now - sinceNanos > nanos;
  }
}
