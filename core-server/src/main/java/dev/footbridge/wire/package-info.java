/**
 * The one JSON codec: values as they come in ({@link dev.footbridge.wire.Value}), messages as they
 * go out ({@link dev.footbridge.wire.Message}), and the error codes that both speak of.
 *
 * <p>Everything here is immutable or confined to its caller; nothing here does I/O or knows of
 * sessions, channels or transports. Every other package may enter.
 */
@NullMarked
package dev.footbridge.wire;

import org.jspecify.annotations.NullMarked;
