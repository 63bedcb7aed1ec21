package dev.footbridge.store;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * Who is present in each channel, on all nodes. A channel's roster has each session once, by its
 * public name. Safe for any thread; never blocks. A stage fails with a {@link
 * dev.footbridge.wire.ProtocolException} ({@code unavailable}) when the store cannot do it now;
 * what was asked for may have happened all the same, and asking again does no harm.
 */
public interface PresenceStore {
  /**
   * Keeps a roster of its own by what it is told. Called in order, one at a time, with the store's
   * lock on the channel held: it must be quick and call nothing that waits.
   */
  interface Follower {
    /**
     * The whole roster: at first, and again whenever the store cannot say what has changed.
     *
     * @param lost whether the store may have lost members that are present; their nodes are going
     *     to announce them again
     */
    void reset(List<Member> members, boolean lost);

    /**
     * What has changed.
     *
     * @param joined who is new, and who is present as before but carried by another node or shown
     *     differently
     * @param left the public names of those who are no longer there
     */
    void changed(List<Member> joined, List<String> left);
  }

  /** An end for what was begun. */
  interface Following {
    /** Ends it; a call that is under way may still finish. */
    void stop();
  }

  /**
   * Part of a roster.
   *
   * @param members some of them
   * @param count how many sessions there are in all
   * @param users how many users these belong to; each anonymous session counts as one, since nobody
   *     can tell whose it is
   */
  record Excerpt(List<Member> members, int count, int users) {}

  /**
   * Changes a roster in one step. Who is there already is taken over by the node that is given now,
   * which is no news to people; who is not there, or is carried by another node than the one that
   * is given, does not leave.
   */
  CompletionStage<?> change(String channel, Collection<Member> joined, Collection<Member> left);

  /** Tells the follower the roster, before the stage completes, and from then on what changes. */
  CompletionStage<Following> follow(String channel, Follower follower);

  /**
   * Reads a roster.
   *
   * @param limit members at most
   */
  CompletionStage<Excerpt> read(String channel, int limit);
}
