package dev.footbridge.server;

import dev.footbridge.bridge.transport.Routes;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.ETag;
import io.undertow.util.ETagUtils;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;

/**
 * A few files out of the program itself: the client library, the doctor's page, and the pages of
 * the demo. They are read once, so what can be asked for is only what was put in.
 */
public final class Pages implements HttpHandler {
  private static final HttpString CONTENT_SECURITY_POLICY =
      new HttpString("Content-Security-Policy");
  private static final HttpString NOSNIFF = new HttpString("X-Content-Type-Options");
  private static final HttpString REFERRER = new HttpString("Referrer-Policy");
  private static final HttpString RESOURCE_POLICY = new HttpString("Cross-Origin-Resource-Policy");
  private static final String POLICY =
      "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'self';"
          + " frame-ancestors 'none'; object-src 'none'";

  private static final String DOCTOR = "/dev/footbridge/doctor/";

  private record File(byte[] content, String type, ETag tag) {}

  private final Map<String, File> files = new LinkedHashMap<>();

  /**
   * With the client library, {@code /footbridge.js}, {@code .mjs} and each {@code .min}, and {@code
   * -tabs}; and the page {@code /doctor}, which tells what a network does to each transport.
   */
  public Pages() {
    for (String name : List.of("footbridge.js", "footbridge.mjs", "footbridge-tabs.mjs")) {
      String minified = name.replace(".", ".min.");
      add("/" + name, "/META-INF/footbridge/" + name);
      add("/" + minified, "/META-INF/footbridge/" + minified);
    }
    add("/doctor", DOCTOR + "doctor.html");
    add("/doctor.css", DOCTOR + "doctor.css");
    add("/doctor.js", DOCTOR + "doctor.js");
    add("/doctor.svg", "/dev/footbridge/demo/favicon.svg");
  }

  /** Adds a file, if the program has it. */
  public Pages add(String path, String resource) {
    try (InputStream in = Pages.class.getResourceAsStream(resource)) {
      if (in != null) {
        byte[] content = in.readAllBytes();
        CRC32 sum = new CRC32();
        sum.update(content);
        String tag = Long.toHexString(sum.getValue()) + "-" + content.length;
        files.put(path, new File(content, type(resource), new ETag(false, tag)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws ProtocolException {
    File file = files.get(exchange.getRelativePath());
    if (file == null) {
      throw Routes.notFound();
    }
    Routes.require(exchange, "GET", "HEAD");
    exchange.getResponseHeaders().put(Headers.ETAG, file.tag().toString());
    exchange.getResponseHeaders().put(Headers.CACHE_CONTROL, "no-cache");
    exchange.getResponseHeaders().put(NOSNIFF, "nosniff");
    if (!ETagUtils.handleIfNoneMatch(exchange, file.tag(), true)) {
      exchange.setStatusCode(304);
      exchange.endExchange();
      return;
    }
    exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, file.type());
    if (file.type().startsWith("text/html")) {
      exchange.getResponseHeaders().put(CONTENT_SECURITY_POLICY, POLICY);
      exchange.getResponseHeaders().put(REFERRER, "no-referrer");
    } else {
      // Other sites may load the library from here.
      exchange.getResponseHeaders().put(RESOURCE_POLICY, "cross-origin");
    }
    if (exchange.getRequestMethod().equalToString("HEAD")) {
      exchange.setResponseContentLength(file.content().length);
      exchange.endExchange();
      return;
    }
    exchange.getResponseSender().send(ByteBuffer.wrap(file.content()));
  }

  private static String type(String resource) {
    String ending = resource.substring(resource.lastIndexOf('.') + 1);
    return switch (ending) {
      case "html" -> "text/html; charset=utf-8";
      case "css" -> "text/css; charset=utf-8";
      case "js", "mjs" -> "text/javascript; charset=utf-8";
      case "svg" -> "image/svg+xml";
      case "png" -> "image/png";
      default -> "application/octet-stream";
    };
  }
}
