package dev.footbridge.cluster;

import dev.footbridge.session.Session;
import dev.footbridge.store.NodeStore.Peer;

/** Where a session is. */
public sealed interface Place {
  /** On this node. */
  record Here(Session session) implements Place {}

  /** On another node, or on its way to one that will know. */
  record There(Peer peer) implements Place {}
}
