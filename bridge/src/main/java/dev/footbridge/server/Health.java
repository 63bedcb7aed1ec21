package dev.footbridge.server;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.Routes;
import dev.footbridge.node.Node;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * {@code GET /health}: 200 only if a real WebSocket handshake with this server and a round trip
 * through the store have just succeeded, else 503. What was found is shared for a second, so that
 * asking often costs nothing.
 */
final class Health implements HttpHandler {
  private static final Duration LIMIT = Duration.ofSeconds(2);
  private static final long SHARED_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final String CHANNEL = "footbridge.health";

  private final Node node;
  private @Nullable HttpClient client;
  private @Nullable URI self;
  private @Nullable CompletableFuture<Void> latest;
  private long latestNanos;

  Health(Node node) {
    this.node = node;
  }

  /** Where this server can be reached from itself. */
  synchronized void listensOn(int port, String host, String basePath) {
    String address = host.equals("0.0.0.0") || host.equals("::") ? "127.0.0.1" : host;
    String bracketed = address.indexOf(':') >= 0 ? "[" + address + "]" : address;
    self = URI.create("ws://" + bracketed + ":" + port + basePath + "/ws");
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws ProtocolException {
    Routes.require(exchange, "GET");
    Exchanges.await(
        exchange,
        check()
            .handle(
                (fine, failure) -> {
                  if (failure != null) {
                    throw new java.util.concurrent.CompletionException(
                        new ProtocolException(
                            ErrorCode.UNAVAILABLE,
                            "A WebSocket handshake or a round trip through the store failed."));
                  }
                  return JsonWriter.object().text("status", "up").bytes();
                }),
        json -> Exchanges.json(exchange, node.timer(), 200, json));
  }

  private synchronized CompletableFuture<Void> check() {
    long now = node.nanoClock().getAsLong();
    CompletableFuture<Void> shared = latest;
    if (shared != null && (!shared.isDone() || now - latestNanos < SHARED_NANOS)) {
      return shared;
    }
    latestNanos = now;
    CompletableFuture<Void> fresh =
        handshake()
            .thenCompose(opened -> node.hub().history(CHANNEL, null, 1))
            .thenAccept(page -> {})
            .toCompletableFuture()
            .orTimeout(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    latest = fresh;
    return fresh;
  }

  private CompletionStage<?> handshake() {
    URI target = self;
    if (target == null) {
      return CompletableFuture.failedStage(new IllegalStateException("not listening yet"));
    }
    if (client == null) {
      client = HttpClient.newBuilder().connectTimeout(LIMIT).build();
    }
    CompletableFuture<Object> welcomed = new CompletableFuture<>();
    var opening =
        client
            .newWebSocketBuilder()
            .connectTimeout(LIMIT)
            .subprotocols(dev.footbridge.websocket.WebSocketHandler.SUBPROTOCOL)
            .buildAsync(
                // No session of its own: the refusal is a whole round trip as well.
                URI.create(target + "?session=h.AAAAAAAAAAAAAAAAAAAAAA"),
                new WebSocket.Listener() {
                  @Override
                  public @Nullable CompletionStage<?> onText(
                      WebSocket socket, CharSequence data, boolean last) {
                    welcomed.complete(data);
                    socket.abort();
                    return null;
                  }

                  @Override
                  public void onError(WebSocket socket, Throwable error) {
                    welcomed.completeExceptionally(error);
                  }
                });
    return opening.thenCompose(socket -> welcomed);
  }
}
