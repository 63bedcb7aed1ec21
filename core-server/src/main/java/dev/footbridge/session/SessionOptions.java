package dev.footbridge.session;

/**
 * What all sessions of a node have in common.
 *
 * @param bufferBytes octets of unacknowledged messages that a session holds
 * @param messageBytes the largest message that a client may send
 * @param batchBytes the largest body of a request with messages
 * @param ttlNanos how long a session lives without a connection
 * @param pingNanos how long a connection may be silent before it is pinged
 * @param windowNanos how long a session with a full buffer waits for an acknowledgement before it
 *     ends the connection
 */
public record SessionOptions(
    int bufferBytes,
    int messageBytes,
    int batchBytes,
    long ttlNanos,
    long pingNanos,
    long windowNanos) {}
