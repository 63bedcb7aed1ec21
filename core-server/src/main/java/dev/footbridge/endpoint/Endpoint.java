package dev.footbridge.endpoint;

import dev.footbridge.io.Lane;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;

/**
 * What a session is connected to. {@link #receive} and {@link #closed} are called one at a time and
 * in order, though not always on the same thread, and never while the session is locked, as {@link
 * #check} and {@link #describe} are: an endpoint may call any session from them. None of the
 * methods may block.
 */
public interface Endpoint {
  /**
   * Looks at a value before it counts, without any effect. May be called from several threads.
   *
   * @throws ProtocolException where the value is none that this endpoint knows, so that the batch
   *     it stands in is refused as a whole
   */
  void check(Value value) throws ProtocolException;

  /** The next value of the stream. */
  void receive(Value value);

  /** The session's buffer was full and has room again. Any thread. */
  void drained();

  /** The session's messages leave on another lane from now on. Any thread. */
  void moved(Lane lane);

  /** The session has ended; nothing follows. Called once. */
  void closed();

  /** Adds what belongs to the endpoint to a {@code welcome}: {@code user}, {@code subscribed}. */
  void describe(JsonWriter welcome);
}
