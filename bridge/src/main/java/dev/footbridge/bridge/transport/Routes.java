package dev.footbridge.bridge.transport;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;

/** What methods and paths there are. */
public final class Routes {
  private Routes() {}

  /**
   * Checks the request's method.
   *
   * @throws ProtocolException {@code method_not_allowed}; the answer says which are
   */
  public static void require(HttpServerExchange exchange, String... methods)
      throws ProtocolException {
    for (String method : methods) {
      if (exchange.getRequestMethod().equalToString(method)) {
        return;
      }
    }
    String allowed = String.join(", ", methods);
    exchange.getResponseHeaders().put(Headers.ALLOW, allowed + ", OPTIONS");
    throw new ProtocolException(
        ErrorCode.METHOD_NOT_ALLOWED, "Only " + allowed + " can be asked of this.");
  }

  /** The answer for a path that is none of ours. */
  public static ProtocolException notFound() {
    return new ProtocolException(ErrorCode.NOT_FOUND, "There is nothing here.");
  }
}
