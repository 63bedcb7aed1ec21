package dev.footbridge.store;

import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The logs of all channels. Each channel is one total order: offsets 1, 2, 3 … within an epoch.
 * Safe for any thread; never blocks. A stage fails with a {@link
 * dev.footbridge.wire.ProtocolException} ({@code unavailable}) when the store cannot do it now, and
 * then nothing was promised.
 */
public interface ChannelStore {
  /** Is told of a channel's new entries. */
  interface Follower {
    /**
     * The next entry; offsets follow each other without a hole. Called in order, one at a time,
     * with the store's lock on the channel held: it must be quick and call nothing that waits.
     */
    void appended(LogEntry entry);

    /** The log was lost or began again: what comes next follows the given top. */
    void reset(Position top);
  }

  /** Where following began, and how to end it. */
  interface Following {
    /** The channel's top at the beginning; the first entry told is the one after it. */
    Position top();

    /** Ends it; a call that is under way may still finish. */
    void stop();
  }

  /**
   * Appends a message, or finds the place of the one that was appended with the same key.
   *
   * @return the place of the message
   */
  CompletionStage<Position> publish(Publication publication);

  /**
   * Reads retained entries.
   *
   * @param since read what comes after it; null reads the newest
   * @param limit entries at most, and fewer where they are large; 0 asks only whether {@code since}
   *     is reached
   */
  CompletionStage<Page> read(String channel, @Nullable Position since, int limit);

  /** Tells the follower of every entry from now on. */
  CompletionStage<Following> follow(String channel, Follower follower);
}
