package dev.footbridge.http;

import dev.footbridge.session.Session;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** What a request says, read strictly. */
public final class Requests {
  private static final String BEARER = "Bearer ";

  private Requests() {}

  /** A parameter of the query, or null. */
  public static @Nullable String query(HttpServerExchange exchange, String name) {
    Deque<String> values = exchange.getQueryParameters().get(name);
    return values == null ? null : values.peekFirst();
  }

  /**
   * A parameter that counts: {@link Session#UNKNOWN} where it is absent.
   *
   * @throws ProtocolException {@code malformed} where it is not a whole number of 0 or more
   */
  public static long count(HttpServerExchange exchange, String name) throws ProtocolException {
    String text = query(exchange, name);
    return text == null ? Session.UNKNOWN : count(name, text);
  }

  /** A text that counts; as {@link #count(HttpServerExchange, String)}. */
  public static long count(String name, String text) throws ProtocolException {
    boolean digits = !text.isEmpty() && text.length() <= 18;
    for (int i = 0; digits && i < text.length(); i++) {
      digits = text.charAt(i) >= '0' && text.charAt(i) <= '9';
    }
    if (!digits) {
      throw ProtocolException.malformed("\"" + name + "\" must be a whole number of 0 or more.");
    }
    return Long.parseLong(text);
  }

  /** The client's credential: a bearer token of the request, else the query's {@code token}. */
  public static @Nullable String token(HttpServerExchange exchange) {
    String authorization = exchange.getRequestHeaders().getFirst(Headers.AUTHORIZATION);
    if (authorization != null && authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      return authorization.substring(BEARER.length()).trim();
    }
    return query(exchange, "token");
  }

  /** The client's address without port. */
  public static String address(HttpServerExchange exchange) {
    InetSocketAddress source = exchange.getSourceAddress();
    InetAddress address = source == null ? null : source.getAddress();
    return address == null ? "unknown" : address.getHostAddress();
  }
}
