/**
 * A session on a connection that stays open: what WebSocket, Server-Sent Events and HTTP streaming
 * have in common. What differs between them, the bytes around a message, is a {@link
 * dev.footbridge.stream.Framing}.
 *
 * <p>A connection's objects belong to its I/O thread; other threads reach them through its lane.
 */
@NullMarked
package dev.footbridge.stream;

import org.jspecify.annotations.NullMarked;
