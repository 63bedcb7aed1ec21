/**
 * What a network does to streams and held requests can be tried here without a session: by a client
 * that looks for a transport, and by a person who looks for the reason.
 *
 * <p>A request's objects belong to its connection's I/O thread.
 */
@NullMarked
package dev.footbridge.bridge.probe;

import org.jspecify.annotations.NullMarked;
