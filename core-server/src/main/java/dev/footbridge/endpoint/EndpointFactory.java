package dev.footbridge.endpoint;

import java.util.concurrent.CompletionStage;

/** Makes the endpoint of a new session. */
public interface EndpointFactory {
  /**
   * Called once for each new session, before its {@code welcome}; may be called on any thread and
   * must not block.
   *
   * @return the endpoint; or, exceptionally, a {@link dev.footbridge.wire.ProtocolException} that
   *     is the client's answer
   */
  CompletionStage<? extends Endpoint> open(OpenRequest request, Peer peer);
}
