package dev.footbridge.endpoint;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.List;
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
   * Looks at messages that come together with the opening of a session, before anything has an
   * effect; they are received when it has opened, if {@link Endpoint#check} finds nothing either.
   *
   * @param messages what counts among them
   * @return how many messages should come down because of them, for whose sake the answer to the
   *     opening may wait for a moment; 0, the default, answers at once with what is there
   * @throws ProtocolException where one is none that the endpoint knows; the session is not opened
   */
  default int expect(OpenRequest request, List<Value> messages) throws ProtocolException {
    return 0;
  }

  /**
   * Whether a request for a session that is there already comes from the client that opened it. It
   * has shown the secret name that the opening has.
   *
   * @param endpoint the session's, which this factory has made
   * @param sameToken whether the credential is the one that the session was opened with; by default
   *     that is what is asked for
   * @return where it does not, the request opens a session of its own; exceptionally, a {@link
   *     dev.footbridge.wire.ProtocolException} that is the client's answer
   */
  default CompletionStage<Boolean> isOpenedBy(
      Endpoint endpoint, OpenRequest request, boolean sameToken) {
    return CompletableFuture.completedStage(sameToken);
  }

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
