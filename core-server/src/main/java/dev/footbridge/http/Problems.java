package dev.footbridge.http;

import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.StatusCodes;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Errors as problem documents (RFC 9457) with a stable {@code code}. */
public final class Problems {
  private static final Logger LOG = LoggerFactory.getLogger(Problems.class);
  private static final String TYPE = "application/problem+json";

  private Problems() {}

  /** The document that tells of an error. */
  public static byte[] document(ProtocolException error) {
    JsonWriter json =
        JsonWriter.object()
            .text("type", "about:blank")
            .text("title", StatusCodes.getReason(error.status()))
            .number("status", error.status())
            .text("code", error.code())
            .text("detail", error.detail());
    return error.describe(json).bytes();
  }

  /** Answers with an error. Call on the exchange's thread, before the response has begun. */
  public static void send(HttpServerExchange exchange, ProtocolException error) {
    exchange.setStatusCode(error.status());
    exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, TYPE);
    exchange.getResponseHeaders().put(Headers.CACHE_CONTROL, "no-store");
    if (error.status() == 429 || error.status() == 503) {
      exchange.getResponseHeaders().put(Headers.RETRY_AFTER, "1");
    }
    exchange.getResponseSender().send(ByteBuffer.wrap(document(error)));
  }

  /** What a failure is to a client: what was meant for it, or {@code internal}. */
  public static ProtocolException of(Throwable failure) {
    Throwable cause = Stages.cause(failure);
    if (cause instanceof ProtocolException known) {
      return known;
    }
    LOG.error("A request failed.", cause);
    return new ProtocolException(ErrorCode.INTERNAL, "The server failed to do this.");
  }
}
