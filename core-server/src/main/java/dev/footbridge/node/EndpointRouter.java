package dev.footbridge.node;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.endpoint.RestoreRequest;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Opens a session's endpoint by the path that its client asked for. */
final class EndpointRouter implements EndpointFactory {
  private final Map<String, EndpointFactory> byPath;

  EndpointRouter(Map<String, EndpointFactory> byPath) {
    this.byPath = Map.copyOf(byPath);
  }

  @Override
  public CompletionStage<? extends Endpoint> open(OpenRequest request, Peer peer) {
    EndpointFactory factory = byPath.get(request.endpoint());
    return factory == null ? none() : factory.open(request, peer);
  }

  @Override
  public int expect(OpenRequest request, List<Value> messages) throws ProtocolException {
    EndpointFactory factory = byPath.get(request.endpoint());
    if (factory == null) {
      throw noEndpoint();
    }
    return factory.expect(request, messages);
  }

  @Override
  public CompletionStage<Boolean> isOpenedBy(
      Endpoint endpoint, OpenRequest request, boolean sameToken) {
    EndpointFactory factory = byPath.get(request.endpoint());
    return factory == null
        ? CompletableFuture.failedStage(noEndpoint())
        : factory.isOpenedBy(endpoint, request, sameToken);
  }

  @Override
  public CompletionStage<? extends Endpoint> restore(RestoreRequest request, Peer peer) {
    EndpointFactory factory = byPath.get(request.endpoint());
    return factory == null ? none() : factory.restore(request, peer);
  }

  private static CompletionStage<Endpoint> none() {
    return CompletableFuture.failedStage(noEndpoint());
  }

  private static ProtocolException noEndpoint() {
    return new ProtocolException(ErrorCode.NOT_FOUND, "There is no such endpoint.");
  }
}
