/**
 * WebSocket (RFC 6455) from the bytes up: the opening handshake, the frame codec, and what stands
 * on them to make a connection.
 *
 * <p>The codec does no I/O. {@link dev.footbridge.websocket.FrameDecoder} takes buffers and calls a
 * {@link dev.footbridge.websocket.FrameHandler}; {@link dev.footbridge.websocket.FrameEncoder}
 * gives bytes. Neither knows of sockets, threads, sessions or channels, so both can be tested byte
 * by byte and serve the server side and the relay's client side alike.
 *
 * <p>Who may enter: the transport of this package, and the relay, which speaks to other WebSocket
 * servers. Sessions, the hub and the store never do; to them a WebSocket is one transport among
 * several.
 *
 * <p>Threads: this package starts none. Every connection, with its decoder and validator, belongs
 * to one I/O thread at a time and is not thread-safe; the static helpers hold no state and may be
 * called from anywhere.
 *
 * <p>No extension is negotiated, so the reserved bits of every frame must be zero.
 */
@NullMarked
package dev.footbridge.websocket;

import org.jspecify.annotations.NullMarked;
