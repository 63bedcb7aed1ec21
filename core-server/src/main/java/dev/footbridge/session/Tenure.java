package dev.footbridge.session;

/**
 * Whether this node may act for its sessions. A node that shares them with others holds a lease,
 * and once that has run out another node may have taken them over. So it is asked before each batch
 * of messages leaves and before anything that came counts: two nodes never both speak for one
 * session.
 */
@FunctionalInterface
public interface Tenure {
  /** Nobody else can have the sessions. */
  Tenure FOR_EVER = () -> true;

  /** Whether the node may act now. Any thread; must cost next to nothing. */
  boolean holds();
}
