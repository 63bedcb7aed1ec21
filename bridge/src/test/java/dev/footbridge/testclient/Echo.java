package dev.footbridge.testclient;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.io.Lane;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** An application that sends every text and every binary message back. */
public final class Echo implements EndpointFactory {
  /** Where the tests register it. */
  public static final String PATH = "/echo";

  @Override
  public CompletionStage<? extends Endpoint> open(OpenRequest request, Peer peer) {
    return CompletableFuture.completedStage(new EchoEndpoint(peer));
  }

  private record EchoEndpoint(Peer peer) implements Endpoint {
    @Override
    public void check(Value value) throws ProtocolException {
      if (value instanceof Value.Command) {
        throw ProtocolException.malformed("Only text and binary messages are sent back.");
      }
    }

    @Override
    public void receive(Value value) {
      if (value instanceof Value.Text text) {
        peer.answer(Message.json(text.json()));
      } else if (value instanceof Value.Binary binary) {
        peer.answer(Message.binary(binary.data()));
      }
    }

    @Override
    public void drained() {}

    @Override
    public void moved(Lane lane) {}

    @Override
    public void closed() {}

    @Override
    public void describe(JsonWriter welcome) {}
  }
}
