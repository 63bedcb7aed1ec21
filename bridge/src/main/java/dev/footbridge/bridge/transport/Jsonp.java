package dev.footbridge.bridge.transport;

import io.netty.util.Timer;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Answers as scripts, for browsers that can load nothing else across origins. */
final class Jsonp {
  private static final Pattern CALLBACK =
      Pattern.compile("[A-Za-z_$][A-Za-z0-9_$]*(\\.[A-Za-z_$][A-Za-z0-9_$]*)*");
  private static final int MAX_CALLBACK = 128;

  private Jsonp() {}

  /** The name if it is one that can do no harm, else null. */
  static @Nullable String callback(@Nullable String name) {
    return name != null && name.length() <= MAX_CALLBACK && CALLBACK.matcher(name).matches()
        ? name
        : null;
  }

  /** A bad name is told in plain text, so that no part of it can be run. */
  static void refuse(HttpServerExchange exchange) {
    exchange.setStatusCode(400);
    exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain; charset=utf-8");
    Exchanges.noCaching(exchange);
    exchange
        .getResponseSender()
        .send(
            "\"callback\" must be a JavaScript name of at most " + MAX_CALLBACK + " characters.\n");
  }

  static void send(HttpServerExchange exchange, Timer timer, String callback, byte[] json) {
    Exchanges.inTime(exchange, timer, json.length);
    exchange.setStatusCode(200);
    exchange
        .getResponseHeaders()
        .put(Headers.CONTENT_TYPE, "application/javascript; charset=utf-8");
    Exchanges.noCaching(exchange);
    // The comment keeps the answer from being taken for another kind of file by what it begins
    // with, and the two separators end a line in JavaScript but not in JSON.
    String script =
        "/**/"
            + callback
            + "("
            + new String(json, StandardCharsets.UTF_8)
                .replace("\u2028", "\\u2028")
                .replace("\u2029", "\\u2029")
            + ");";
    exchange.getResponseSender().send(ByteBuffer.wrap(script.getBytes(StandardCharsets.UTF_8)));
  }
}
