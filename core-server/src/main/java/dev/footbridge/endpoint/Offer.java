package dev.footbridge.endpoint;

/** What became of a message that was offered to a session. */
public enum Offer {
  /** It has its place in the stream and will reach the client. */
  ACCEPTED,
  /** The buffer is full; the message is not in the stream. */
  OVERFLOWED,
  /** The session has ended. */
  CLOSED
}
