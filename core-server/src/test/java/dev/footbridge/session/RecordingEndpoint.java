package dev.footbridge.session;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.io.Lane;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** An endpoint that writes down what it is told, and refuses one value. */
final class RecordingEndpoint implements Endpoint {
  private final List<Lane> lanes;
  private final Value poison;
  private final List<String> events;

  RecordingEndpoint(List<Lane> lanes, Value poison, List<String> events) {
    this.lanes = lanes;
    this.poison = poison;
    this.events = events;
  }

  static String name(Value value) {
    return value instanceof Value.Text text
        ? new String(text.json(), StandardCharsets.US_ASCII)
        : value.toString();
  }

  @Override
  public void check(Value value) throws ProtocolException {
    if (value == poison) {
      throw ProtocolException.malformed("This value is refused.");
    }
  }

  @Override
  public void receive(Value value) {
    events.add("receive " + name(value));
  }

  @Override
  public void drained() {
    events.add("drained");
  }

  @Override
  public void moved(Lane lane) {
    events.add("moved to lane " + lanes.indexOf(lane));
  }

  @Override
  public void closed() {
    events.add("closed");
  }

  @Override
  public void describe(JsonWriter welcome) {}

  @Override
  public CompletionStage<byte[]> settle() {
    events.add("settle");
    return CompletableFuture.completedStage(new byte[] {'{', '}'});
  }

  @Override
  public void resumeWork() {
    events.add("resumeWork");
  }
}
