package dev.footbridge.hub;

import dev.footbridge.io.Lane;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;

/**
 * Whoever gets a channel's messages. Called by one thread at a time for each subscription, with
 * that subscription locked; must not block.
 */
public interface Subscriber {
  /**
   * The next message of the channel.
   *
   * @return false if there is no room: the same message comes again after {@link
   *     Subscription#resume()}, read from the channel's history if need be
   */
  boolean deliver(Subscription from, LogEntry entry);

  /**
   * What came before is no longer to be had; the next message is the one after the position.
   *
   * @return false if there is no room, as with {@link #deliver}
   */
  boolean gap(Subscription from, Position next);

  /** The lane on which it is to be called. */
  Lane lane();
}
