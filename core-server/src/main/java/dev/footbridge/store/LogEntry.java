package dev.footbridge.store;

import dev.footbridge.wire.Message;

/**
 * One published message in its place.
 *
 * @param offset 1 for the first message of an epoch
 * @param message the {@code message} value as subscribers get it, encoded once
 */
public record LogEntry(long offset, Message message) {}
