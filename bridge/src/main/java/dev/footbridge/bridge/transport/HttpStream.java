package dev.footbridge.bridge.transport;

import dev.footbridge.io.Lane;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Session;
import dev.footbridge.stream.StreamReceiver;
import dev.footbridge.wire.Message;
import io.netty.util.Timer;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.nio.ByteBuffer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A session's messages on an HTTP response that stays open: Server-Sent Events (WHATWG HTML, 9.2)
 * or NDJSON. Ends by itself after so many octets, as a client's memory and some proxies want it.
 */
final class HttpStream extends StreamReceiver {
  private static final byte[] NOTHING = {};

  private final OpenResponse response;
  private final HttpFraming framing;
  private final long maxBytes;

  HttpStream(
      HttpServerExchange exchange,
      Lane lane,
      boolean events,
      LongSupplier nanoClock,
      Timer timer,
      long pingNanos,
      long silenceNanos,
      long maxBytes) {
    super(
        lane,
        !OpenResponse.isRaw(exchange),
        HttpFraming.of(events, Exchanges.isHttp11(exchange)),
        nanoClock,
        timer,
        pingNanos,
        silenceNanos);
    this.response = new OpenResponse(exchange, events, this::lost);
    this.framing = HttpFraming.of(events, Exchanges.isHttp11(exchange));
    this.maxBytes = maxBytes;
  }

  /** The session has been attached; begins to carry it. Called by the exchange's handler. */
  void start(HttpServerExchange exchange, Session session, Message welcome, int paddingBytes) {
    exchange.dispatch(
        SameThreadExecutor.INSTANCE,
        () -> {
          open(response.open());
          if (paddingBytes > 0) {
            framed(framing.padding(paddingBytes));
          }
          begin(session, welcome);
          // The head has gone out with the welcome, unless the socket is full already.
          response.conduit().ifPresent(this::bypass);
        });
  }

  @Override
  public void fill(ByteBuffer out) {
    super.fill(out);
    if (written() > maxBytes && !isOver()) {
      lane().execute(() -> endNow(Bye.ROTATE));
    }
  }

  @Override
  protected byte[] farewell(@Nullable Bye bye) {
    return NOTHING;
  }

  @Override
  protected void finished() {
    response.watch().stop();
    shutdownOutput(framing.end());
  }

  @Override
  protected void abort() {
    response.abort();
  }
}
