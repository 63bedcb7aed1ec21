package dev.footbridge.session;

import dev.footbridge.io.Lane;

/**
 * A connection that a session's messages go down on. At most one is attached to a session. The
 * session calls {@link #ready}, {@link #end} and {@link #check} with itself locked, on any thread:
 * they must only hand over to the receiver's own lane, where {@link Session#take} is called.
 */
public interface Receiver {
  /** The lane of the connection's I/O thread. */
  Lane lane();

  /** Whether messages come up on the same connection, as on a WebSocket. */
  boolean duplex();

  /** Whether it stays attached after it has carried messages; a poll does not. */
  boolean streaming();

  /** There is something to {@link Session#take}; said once until it is taken. */
  void ready();

  /** It is no longer attached; it says so to its client and ends. Called at most once. */
  void end(Bye bye);

  /**
   * Time has passed: look after the connection.
   *
   * @param nowNanos the monotonic clock
   */
  void check(long nowNanos);

  /** Whether the connection has taken all that it was handed. */
  boolean idle();
}
