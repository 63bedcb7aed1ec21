package dev.footbridge.store;

import java.util.Map;
import java.util.concurrent.CompletionStage;

/**
 * Which nodes have callees of a procedure, and how many. Safe for any thread; never blocks.
 *
 * <p>What a node has announced is the directory's to keep up: it is announced again when the store
 * was away or has lost it.
 */
public interface CalleeDirectory {
  /**
   * Says how many callees of a procedure this node has from now on.
   *
   * @param count 0 takes the node out
   * @return completes when other nodes can know it; fails with a {@link
   *     dev.footbridge.wire.ProtocolException} ({@code unavailable}) if that may take longer, and
   *     then it is announced later
   */
  CompletionStage<?> announce(String procedure, int count);

  /**
   * The other nodes that have callees of a procedure, each with how many. Nodes that are dead are
   * left out.
   *
   * @param exact whether to ask the store; otherwise it comes from memory where it is known, and
   *     may be a moment old
   */
  CompletionStage<Map<String, Integer>> elsewhere(String procedure, boolean exact);

  /**
   * Whether the last exact look found signs of callees on other nodes that have just gone, and may
   * be on their way to another one.
   */
  default boolean hadLately(String procedure) {
    return false;
  }
}
