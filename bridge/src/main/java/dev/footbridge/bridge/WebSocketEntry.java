package dev.footbridge.bridge;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.SessionAccess;
import dev.footbridge.http.Requests;
import dev.footbridge.websocket.WebSocketHandler;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;

/**
 * {@code GET /ws}: a WebSocket that attaches to another node's session is forwarded there. One
 * whose session is not to be had is told so by the handler, on the open WebSocket. With {@code
 * attach} the session is looked for, or opened, when the open WebSocket says so.
 */
final class WebSocketEntry implements HttpHandler {
  private final SessionAccess access;
  private final WebSocketHandler here;

  WebSocketEntry(SessionAccess access, WebSocketHandler here) {
    this.access = access;
    this.here = here;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) {
    if (Requests.query(exchange, "attach") != null) {
      here.handleWaiting(exchange, access.isForwarded(exchange), access);
      return;
    }
    String id = Requests.query(exchange, "session");
    if (id == null) {
      here.handleRequest(exchange, null);
    } else {
      access.with(
          exchange,
          id,
          session -> here.handleRequest(exchange, null),
          problem -> {
            try {
              here.handleRequest(exchange, problem);
            } catch (RuntimeException e) {
              Exchanges.fail(exchange, e);
            }
          });
    }
  }
}
