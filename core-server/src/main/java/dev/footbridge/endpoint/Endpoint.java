package dev.footbridge.endpoint;

import dev.footbridge.io.Lane;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * What a session is connected to. {@link #receive}, {@link #settle}, {@link #resumeWork}, {@link
 * #closed} and {@link #handedOver} are called one at a time and in order, though not always on the
 * same thread, and never while the session is locked, as {@link #check} and {@link #describe} are:
 * an endpoint may call any session from them. None of the methods may block.
 *
 * <p>An endpoint that can go on on another node, or after a restart, says so by a {@link #state}
 * and is made anew there by {@link EndpointFactory#restore}. It is first asked to {@link #settle};
 * then either {@link #handedOver} follows, or {@link #resumeWork} when the hand-over failed.
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

  /**
   * What another node needs to go on in this endpoint's place, as JSON; it tells {@link
   * Peer#changed()} when that has become another, except for what changes with each message. Any
   * thread; cheap.
   *
   * @return null where this endpoint cannot move
   */
  default byte @Nullable [] state() {
    return null;
  }

  /**
   * Comes to rest so that the session can move: nothing is received from now on. The stage
   * completes when every answer that is owed has been given to the peer, with the final state; from
   * that moment nothing is offered that belongs to the state, until {@link #resumeWork}.
   *
   * @return exceptionally, where it cannot move
   */
  default CompletionStage<byte[]> settle() {
    return CompletableFuture.failedStage(
        new ProtocolException(ErrorCode.UNAVAILABLE, "This endpoint cannot move."));
  }

  /** The session does not move after all: undoes {@link #settle}, whether or not that completed. */
  default void resumeWork() {}

  /**
   * The session lives on elsewhere: lets go of everything that belongs to it here and tells nobody,
   * since nobody has gone away. Called once, instead of {@link #closed}.
   */
  default void handedOver() {
    closed();
  }
}
