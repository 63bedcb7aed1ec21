/**
 * The HTTP transports: short poll, long poll, Server-Sent Events, HTTP streaming and JSONP, and the
 * requests that open a session, send on it and close it. They know HTTP and sessions and nothing of
 * channels.
 *
 * <p>A request's objects belong to its connection's I/O thread; sessions reach them through its
 * lane.
 */
@NullMarked
package dev.footbridge.bridge.transport;

import org.jspecify.annotations.NullMarked;
