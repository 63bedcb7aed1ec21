package dev.footbridge.session;

import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What a client is told when a connection begins. */
final class Welcome {
  private Welcome() {}

  /**
   * @param resumed whether the client goes on where it was
   * @param after the message before the next that comes down
   * @param describe adds what belongs to the endpoint
   */
  static Message of(
      Sessions owner,
      String id,
      boolean resumed,
      long received,
      long after,
      Consumer<JsonWriter> describe) {
    SessionOptions options = owner.options();
    JsonWriter json =
        JsonWriter.object()
            .text("op", "welcome")
            .text("session", id)
            .flag("resumed", resumed)
            .number("received", received)
            .number("after", after)
            .number("ttl", seconds(options.ttlNanos()))
            .number("ping", seconds(options.pingNanos()));
    describe.accept(json);
    json.beginArray("transports");
    owner.transports().forEach(name -> json.element(JsonWriter.quote(name)));
    json.end()
        .beginObject("limits")
        .number("message", options.messageBytes())
        .number("batch", options.batchBytes())
        .number("buffer", options.bufferBytes())
        .end();
    return Message.json(json.bytes());
  }

  private static long seconds(long nanos) {
    return Math.max(1, TimeUnit.NANOSECONDS.toSeconds(nanos));
  }
}
