package dev.footbridge.server;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.Routes;
import dev.footbridge.io.Stages;
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
 * How the server does, for whoever watches it: 200 or 503.
 *
 * <ul>
 *   <li>{@code /health}, {@code /health/ready}: a real WebSocket handshake with this server and a
 *       round trip through the store, published messages included, have just succeeded, and it is
 *       not going down. What was found is shared for a second, so that asking often costs nothing.
 *   <li>{@code /health/serving}: it is not going down. For balancers: a shared store that is away
 *       is no reason to send clients to another node.
 *   <li>{@code /health/live}: it answers.
 * </ul>
 */
final class Health implements HttpHandler {
  private static final Duration LIMIT = Duration.ofSeconds(2);
  private static final long SHARED_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final byte[] UP = JsonWriter.object().text("status", "up").bytes();
  private static final String CHANNEL = "footbridge.health";

  private final Node node;
  private volatile boolean draining;
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

  /** The server is going down: only that it is alive is still so. */
  void drain() {
    draining = true;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws ProtocolException {
    Routes.require(exchange, "GET", "HEAD");
    String path = exchange.getRelativePath();
    switch (path) {
      case "/health", "/health/ready" -> {
        refuseIfDraining();
        ready(exchange);
      }
      case "/health/serving" -> {
        refuseIfDraining();
        up(exchange);
      }
      case "/health/live" -> up(exchange);
      default -> throw Routes.notFound();
    }
  }

  private void refuseIfDraining() throws ProtocolException {
    if (draining) {
      throw new ProtocolException(ErrorCode.DRAINING, "The server is going down.");
    }
  }

  private void up(HttpServerExchange exchange) {
    Exchanges.json(exchange, node.timer(), 200, UP);
  }

  private void ready(HttpServerExchange exchange) {
    Exchanges.await(
        exchange,
        check()
            .handle(
                (fine, failure) -> {
                  if (failure != null) {
                    throw new java.util.concurrent.CompletionException(
                        new ProtocolException(
                            ErrorCode.UNAVAILABLE, reason(Stages.cause(failure))));
                  }
                  return UP;
                }),
        json -> up(exchange));
  }

  private synchronized CompletableFuture<Void> check() {
    long now = node.nanoClock().getAsLong();
    CompletableFuture<Void> shared = latest;
    if (shared != null && (!shared.isDone() || now - latestNanos < SHARED_NANOS)) {
      return shared;
    }
    latestNanos = now;
    CompletableFuture<Void> fresh =
        said("A WebSocket handshake with this server failed.", handshake())
            .thenCompose(opened -> said("The store does not do its work.", node.checkStore()))
            .thenCompose(
                checked -> said("The store cannot be read.", node.hub().history(CHANNEL, null, 1)))
            .thenAccept(page -> {})
            .toCompletableFuture()
            .orTimeout(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    latest = fresh;
    return fresh;
  }

  private static <T> CompletionStage<T> said(String reason, CompletionStage<T> stage) {
    return stage.exceptionallyCompose(
        failure -> CompletableFuture.failedStage(new IllegalStateException(reason, failure)));
  }

  private static String reason(Throwable failure) {
    return failure instanceof IllegalStateException known && known.getMessage() != null
        ? known.getMessage()
        : "A WebSocket handshake or a round trip through the store took too long.";
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
