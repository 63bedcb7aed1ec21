package dev.footbridge.endpoint;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Makes the endpoint of a new session, or of one that has moved. */
@FunctionalInterface
public interface EndpointFactory {
  /**
   * Called once for each new session, before its {@code welcome}; may be called on any thread and
   * must not block.
   *
   * @return the endpoint; or, exceptionally, a {@link dev.footbridge.wire.ProtocolException} that
   *     is the client's answer
   */
  CompletionStage<? extends Endpoint> open(OpenRequest request, Peer peer);

  /**
   * Makes the endpoint of a session that was elsewhere, in place of the one there; as {@link
   * #open}. Sessions of endpoints that do not offer it cannot move, which is the default.
   *
   * @return the endpoint; or, exceptionally, a {@link dev.footbridge.wire.ProtocolException}, after
   *     which nothing of it is left
   */
  default CompletionStage<? extends Endpoint> restore(RestoreRequest request, Peer peer) {
    return CompletableFuture.failedStage(
        new ProtocolException(ErrorCode.SESSION_GONE, "Sessions of this endpoint cannot move."));
  }
}
