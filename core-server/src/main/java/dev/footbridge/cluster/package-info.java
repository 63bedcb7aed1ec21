/**
 * Many nodes as one: leases, who the other nodes are, which node owns which session, and what
 * happens to sessions whose node has gone. Knows the store and the sessions, and nothing of HTTP
 * servers: whoever holds a request is told where its session is and forwards it there.
 *
 * <p>Everything here is driven by stages and one timing wheel; nothing blocks.
 */
@NullMarked
package dev.footbridge.cluster;

import org.jspecify.annotations.NullMarked;
