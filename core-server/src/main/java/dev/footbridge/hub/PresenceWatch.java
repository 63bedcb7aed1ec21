package dev.footbridge.hub;

import dev.footbridge.io.Lane;
import dev.footbridge.wire.Message;
import java.util.function.Supplier;

/**
 * One watcher's place in what is told of a channel's presence. As a {@link Subscription} is, it is
 * a cursor: the watcher pulls what comes after it when it has room. One that has fallen too far
 * behind is told the present state instead, so that nobody's coming and going can harm whoever
 * reads slowly.
 *
 * <p>Guarded by itself; the watcher is called with it locked, on its lane.
 */
final class PresenceWatch {
  private final Presence presence;
  private final String id;
  private final Hub.PresenceWatcher watcher;
  private final Supplier<Lane> lane;
  private long cursor;
  private boolean stalled;
  private boolean ended;

  /**
   * @param id the watcher's own public name, since nobody is told of itself
   * @param cursor what was told before this does not concern it
   */
  PresenceWatch(
      Presence presence, String id, Hub.PresenceWatcher watcher, Supplier<Lane> lane, long cursor) {
    this.presence = presence;
    this.id = id;
    this.watcher = watcher;
    this.lane = lane;
    this.cursor = cursor;
  }

  Lane lane() {
    return lane.get();
  }

  /** Tells all that there is and that has room. On the lane. */
  synchronized void pump() {
    while (!ended && !stalled) {
      PresenceNews.Next next = presence.after(cursor, id);
      if (next == null) {
        return;
      }
      Message message = next.message();
      if (message != null && !watcher.changed(message)) {
        stalled = true;
        return;
      }
      cursor = next.number();
    }
  }

  /** There is room again. Any thread. */
  void resume() {
    boolean goOn;
    synchronized (this) {
      goOn = stalled;
      stalled = false;
    }
    if (goOn) {
      lane().execute(this::pump);
    }
  }

  /** Nothing is told after it returns. */
  synchronized void end() {
    ended = true;
  }
}
