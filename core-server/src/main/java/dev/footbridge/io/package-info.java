/**
 * Threads and sockets, and nothing that knows what is said over them: a {@link
 * dev.footbridge.io.Lane} is an I/O thread's queue of work, a {@link dev.footbridge.io.SinkWriter}
 * puts bytes on a connection as fast as it takes them.
 */
@NullMarked
package dev.footbridge.io;

import org.jspecify.annotations.NullMarked;
