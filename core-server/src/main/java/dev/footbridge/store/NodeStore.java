package dev.footbridge.store;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * The nodes that share a store, and their leases. All times are the store's own, so that clocks of
 * nodes need not agree. Safe for any thread; never blocks. A stage fails with a {@link
 * dev.footbridge.wire.ProtocolException} ({@code unavailable}) when the store cannot do it now.
 */
public interface NodeStore {
  /**
   * A node as the store knows it.
   *
   * @param id its name in the ids of its sessions
   * @param address {@code host:port} of its internal listener
   * @param draining whether it gives its sessions away and takes none
   * @param leaseMillis how much of its lease is left; 0 or less if it has ended
   */
  record Peer(String id, String address, boolean draining, long leaseMillis) {}

  /**
   * A node that was declared dead or has left.
   *
   * @param millis how long ago
   */
  record Departed(String id, long millis) {}

  /**
   * What a renewal found.
   *
   * @param renewed false if this node was declared dead: it must take another name, and own no
   *     session that it has not claimed again
   * @param known whether the store knew this node before; if it did and does not now, it has lost
   *     its data
   * @param peers all nodes that have not departed, this one too
   * @param departed those that have, for longer than their sessions live
   */
  record Renewal(boolean renewed, boolean known, List<Peer> peers, List<Departed> departed) {}

  /**
   * Begins or renews a lease.
   *
   * @param leaseMillis how long from the moment at which the store does this
   * @param knows the nodes that this one has learned of: those whom it would ask for a promise
   *     without the store
   */
  CompletionStage<Renewal> renew(
      String id, String address, boolean draining, long leaseMillis, Collection<String> knows);

  /**
   * Declares a node dead if its lease has ended. It can never renew it afterwards.
   *
   * @param by who does
   * @param strangerMillis so much longer the lease counts if the node did not know of that one when
   *     it last renewed, and so cannot have asked it for anything
   * @return after how many milliseconds it is allowed; 0 if the node is dead now
   */
  CompletionStage<Long> declareDead(String id, String by, long strangerMillis);

  /** The node goes; whatever it still owned can be claimed at once. */
  CompletionStage<?> leave(String id);

  /**
   * A secret that all nodes of the store share: the proposal of whoever came first.
   *
   * @param proposal visible ASCII characters
   */
  CompletionStage<String> secret(String proposal);
}
