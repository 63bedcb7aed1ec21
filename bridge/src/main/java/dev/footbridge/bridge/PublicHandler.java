package dev.footbridge.bridge;

import dev.footbridge.bridge.feed.ChannelsHandler;
import dev.footbridge.bridge.feed.Feeds;
import dev.footbridge.bridge.probe.ProbeHandler;
import dev.footbridge.bridge.probe.Probes;
import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.Routes;
import dev.footbridge.bridge.transport.SessionAccess;
import dev.footbridge.bridge.transport.SessionHandler;
import dev.footbridge.config.Config;
import dev.footbridge.config.Setting;
import dev.footbridge.http.Origins;
import dev.footbridge.node.Node;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.util.Map;

/**
 * The root of the public listener: limits a request's headers, checks its origin, and leads it to
 * the handler of its path. Whatever a handler throws becomes a problem document; nothing of the
 * server's inside is told.
 */
public final class PublicHandler implements HttpHandler {
  private static final HttpString ALLOW_ORIGIN = new HttpString("Access-Control-Allow-Origin");
  private static final HttpString ALLOW_METHODS = new HttpString("Access-Control-Allow-Methods");
  private static final HttpString ALLOW_HEADERS = new HttpString("Access-Control-Allow-Headers");
  private static final HttpString EXPOSE_HEADERS = new HttpString("Access-Control-Expose-Headers");
  private static final HttpString MAX_AGE = new HttpString("Access-Control-Max-Age");
  private static final int LINE_OVERHEAD = 4;

  private final String basePath;
  private final int maxHeaderBytes;
  private final Origins origins;
  private final Map<String, HttpHandler> byFirstSegment;
  private final HttpHandler pages;

  /**
   * Wires the handlers.
   *
   * @param pages answers what is none of the protocol's paths
   */
  public PublicHandler(
      Node node,
      SessionAccess access,
      Feeds feeds,
      Probes probes,
      HttpHandler health,
      HttpHandler pages) {
    Config config = node.config();
    this.basePath = config.basePath();
    this.maxHeaderBytes = config.getInt(Setting.LIMITS_HEADER_BYTES);
    this.origins = new Origins(config.origins());
    this.pages = pages;
    this.byFirstSegment =
        Map.of(
            "ws",
            new WebSocketEntry(access, node.webSocketHandler()),
            "sessions",
            new SessionHandler(node, access),
            "channels",
            new ChannelsHandler(node, feeds),
            "probe",
            new ProbeHandler(node, probes),
            "health",
            health);
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) {
    try {
      handle(exchange);
    } catch (Exception e) {
      Exchanges.fail(exchange, e);
    }
  }

  private void handle(HttpServerExchange exchange) throws Exception {
    if (headerBytes(exchange) > maxHeaderBytes) {
      exchange.setPersistent(false);
      throw new ProtocolException(
          ErrorCode.HEADERS_TOO_LARGE,
          "A request's headers may have at most " + maxHeaderBytes + " bytes.");
    }
    String path = exchange.getRequestPath();
    if (!path.startsWith(basePath)
        || (path.length() > basePath.length() && path.charAt(basePath.length()) != '/')) {
      throw Routes.notFound();
    }
    String relative = path.substring(basePath.length());
    exchange.setRelativePath(relative.isEmpty() ? "/" : relative);
    HttpHandler handler = byFirstSegment.get(firstSegment(relative));
    if (handler == null) {
      pages.handleRequest(exchange);
      return;
    }
    if (allowOrigin(exchange)) {
      handler.handleRequest(exchange);
    }
  }

  private static String firstSegment(String path) {
    int end = path.indexOf('/', 1);
    return path.isEmpty() ? "" : path.substring(1, end < 0 ? path.length() : end);
  }

  /** False if the request was a preflight and has been answered. */
  private boolean allowOrigin(HttpServerExchange exchange) throws ProtocolException {
    boolean preflight = exchange.getRequestMethod().equalToString("OPTIONS");
    exchange.getResponseHeaders().put(Headers.VARY, "Origin");
    String origin = origins.crossOrigin(exchange);
    if (origin != null) {
      exchange.getResponseHeaders().put(ALLOW_ORIGIN, origin);
      exchange.getResponseHeaders().put(EXPOSE_HEADERS, "Location, Retry-After");
      if (preflight) {
        exchange.getResponseHeaders().put(ALLOW_METHODS, "GET, POST, DELETE");
        exchange
            .getResponseHeaders()
            .put(ALLOW_HEADERS, "Authorization, Content-Type, Idempotency-Key, Last-Event-ID");
        exchange.getResponseHeaders().put(MAX_AGE, "600");
      }
    }
    if (preflight) {
      Exchanges.noCaching(exchange);
      exchange.setStatusCode(204);
      exchange.endExchange();
    }
    return !preflight;
  }

  private static int headerBytes(HttpServerExchange exchange) {
    int bytes = exchange.getRequestURI().length() + exchange.getQueryString().length();
    for (HeaderValues values : exchange.getRequestHeaders()) {
      for (String value : values) {
        bytes += values.getHeaderName().length() + value.length() + LINE_OVERHEAD;
      }
    }
    return bytes;
  }
}
