package dev.footbridge.bridge.transport;

import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpAttachments;
import io.undertow.server.protocol.http.HttpServerConnection;
import io.undertow.util.Headers;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.xnio.IoUtils;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.conduits.StreamSinkConduit;

/**
 * An HTTP response that stays open and whose bytes we frame ourselves. On HTTP/1.1 that includes
 * the chunks, so that each value is one chunk and several leave in one write.
 *
 * <p>Owned by the connection's I/O thread, except for {@link #abort}.
 */
public final class OpenResponse {
  private final HttpServerExchange exchange;
  private final boolean events;
  private final Runnable gone;
  private final PeerWatch watch;
  private volatile @Nullable StreamSinkChannel sink;

  /**
   * @param events whether it is {@code text/event-stream} or else {@code application/x-ndjson}
   * @param gone is called on the I/O thread when the peer has left, and when the response is
   *     complete; perhaps both
   */
  public OpenResponse(HttpServerExchange exchange, boolean events, Runnable gone) {
    this.exchange = exchange;
    this.events = events;
    this.gone = gone;
    this.watch = new PeerWatch(exchange, gone);
  }

  /** Whether what is written goes out at once; else it must be flushed. */
  public static boolean isRaw(HttpServerExchange exchange) {
    return exchange.getConnection() instanceof HttpServerConnection;
  }

  /** Begins the response. Call when dispatched, and once. */
  public StreamSinkChannel open() {
    exchange.addExchangeCompleteListener(
        (completed, next) -> {
          try {
            gone.run();
          } finally {
            next.proceed();
          }
        });
    exchange
        .getResponseHeaders()
        .put(
            Headers.CONTENT_TYPE,
            events ? "text/event-stream; charset=utf-8" : "application/x-ndjson; charset=utf-8");
    Exchanges.noCaching(exchange);
    if (Exchanges.isHttp11(exchange)) {
      exchange.getResponseHeaders().put(Headers.TRANSFER_ENCODING, "chunked");
      exchange.putAttachment(HttpAttachments.PRE_CHUNKED_RESPONSE, true);
    }
    StreamSinkChannel opened = Objects.requireNonNull(exchange.getResponseChannel());
    sink = opened;
    watch.start();
    return opened;
  }

  /**
   * What the response's chunks can be written to directly once its head is out: on HTTP/1.1 only.
   */
  public Optional<StreamSinkConduit> conduit() {
    return Exchanges.isHttp11(exchange)
            && exchange.getConnection() instanceof HttpServerConnection connection
        ? Optional.of(connection.getOriginalSinkConduit())
        : Optional.empty();
  }

  /** Looks whether the peer has left. */
  public PeerWatch watch() {
    return watch;
  }

  /**
   * Closes the connection, or on HTTP/2 the stream, unless the response is complete. Any thread.
   */
  public void abort() {
    if (exchange.isComplete()) {
      return;
    }
    StreamSinkChannel opened = sink;
    if (opened != null && !isRaw(exchange)) {
      IoUtils.safeClose(opened);
    } else {
      IoUtils.safeClose(exchange.getConnection());
    }
  }
}
