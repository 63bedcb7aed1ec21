package dev.footbridge.http;

import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Which pages may talk to this server (RFC 6454). By default those of its own host; others by their
 * exact origin. A request without {@code Origin} does not come from another site's script and is
 * let through.
 */
public final class Origins {
  private static final String ANY = "*";

  private final Set<String> allowed;

  /**
   * @param allowed origins such as {@code https://example.org}; {@code *} allows all
   */
  public Origins(Set<String> allowed) {
    this.allowed =
        allowed.stream()
            .map(origin -> origin.toLowerCase(Locale.ROOT))
            .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * The request's origin if it is another site's and allowed; null if it is our own or none.
   *
   * @throws ProtocolException {@code origin} where it is not allowed
   */
  public @Nullable String crossOrigin(HttpServerExchange exchange) throws ProtocolException {
    String origin = exchange.getRequestHeaders().getFirst(Headers.ORIGIN);
    if (origin == null || isSame(origin, exchange.getRequestHeaders().getFirst(Headers.HOST))) {
      return null;
    }
    if (allowed.contains(ANY) || allowed.contains(origin.toLowerCase(Locale.ROOT))) {
      return origin;
    }
    throw new ProtocolException(
        ErrorCode.ORIGIN, "Pages of this origin may not use this server; see \"origins\".");
  }

  private static boolean isSame(String origin, @Nullable String host) {
    int scheme = origin.indexOf("://");
    return host != null
        && scheme > 0
        && origin.regionMatches(true, scheme + 3, host, 0, host.length())
        && origin.length() == scheme + 3 + host.length();
  }
}
