package dev.footbridge.bridge.transport;

import dev.footbridge.http.Problems;
import dev.footbridge.http.Requests;
import dev.footbridge.io.Stages;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.SameThreadExecutor;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.xnio.IoUtils;

/** What the handlers of requests have in common. */
public final class Exchanges {
  private static final HttpString X_ACCEL_BUFFERING = new HttpString("X-Accel-Buffering");
  private static final HttpString X_CONTENT_TYPE_OPTIONS = new HttpString("X-Content-Type-Options");
  private static final long ANSWER_SECONDS = 30;

  /** What a socket takes at once, whether or not its peer reads. */
  private static final int SOCKET_BYTES = 16 * 1024;

  private static final int MAX_PADDING = 64 * 1024;

  private static final String JSON = "application/json";

  private Exchanges() {}

  /** A step that may end in an answer for the client. */
  public interface Step<T> {
    /**
     * Goes on.
     *
     * @throws ProtocolException is sent to the client
     */
    void go(T value) throws ProtocolException;
  }

  /** Goes on; what goes wrong is the answer. On the exchange's I/O thread. */
  public static <T> void guard(HttpServerExchange exchange, Step<T> step, T value) {
    try {
      step.go(value);
    } catch (ProtocolException | RuntimeException e) {
      fail(exchange, e);
    }
  }

  /** The answer to whatever went wrong; nothing of the server's inside is told. */
  public static void fail(HttpServerExchange exchange, Throwable failure) {
    ProtocolException problem = Problems.of(failure);
    if (exchange.isResponseStarted()) {
      exchange.endExchange();
    } else {
      Problems.send(exchange, problem);
    }
  }

  /** Goes on with a stage's value, on the exchange's I/O thread; what goes wrong is the answer. */
  public static <T> void await(
      HttpServerExchange exchange, CompletionStage<T> stage, Step<? super T> then) {
    CompletableFuture<T> future = stage.toCompletableFuture();
    if (future.isDone()) {
      Stages.on(
          future,
          value -> guard(exchange, then, value),
          failure -> Problems.send(exchange, Problems.of(failure)));
      return;
    }
    exchange.dispatch(
        SameThreadExecutor.INSTANCE,
        () ->
            Stages.on(
                future,
                value -> exchange.getIoThread().execute(() -> guard(exchange, then, value)),
                failure ->
                    exchange
                        .getIoThread()
                        .execute(() -> Problems.send(exchange, Problems.of(failure)))));
  }

  /**
   * Reads a request's body: valid UTF-8, within a size and a time.
   *
   * @param maxBytes a larger one is answered with {@code too_large}
   * @param timeoutNanos a slower one ends its connection
   */
  public static void body(
      HttpServerExchange exchange,
      int maxBytes,
      long timeoutNanos,
      Timer timer,
      Step<byte[]> then) {
    new BodyReader(exchange, maxBytes, then).start(timeoutNanos, timer);
  }

  /**
   * How many octets a stream's client wants before the first value; 0 or less for none.
   *
   * @throws ProtocolException {@code malformed}
   */
  public static int padding(HttpServerExchange exchange) throws ProtocolException {
    long padding = Requests.count(exchange, "padding");
    if (padding > MAX_PADDING) {
      throw ProtocolException.malformed("\"padding\" must be at most " + MAX_PADDING + ".");
    }
    return (int) padding;
  }

  /** Headers that keep caches and buffering proxies away from an answer. */
  public static void noCaching(HttpServerExchange exchange) {
    exchange.getResponseHeaders().put(Headers.CACHE_CONTROL, "no-store, no-transform");
    exchange.getResponseHeaders().put(X_ACCEL_BUFFERING, "no");
    exchange.getResponseHeaders().put(X_CONTENT_TYPE_OPTIONS, "nosniff");
  }

  /** Answers with JSON that nobody caches, in time. */
  public static void json(HttpServerExchange exchange, Timer timer, int status, byte[] json) {
    inTime(exchange, timer, json.length);
    exchange.setStatusCode(status);
    exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, JSON);
    noCaching(exchange);
    exchange.getResponseSender().send(ByteBuffer.wrap(json));
  }

  /** Answers that it is done and that there is nothing to say. */
  static void nothing(HttpServerExchange exchange) {
    exchange.setStatusCode(204);
    exchange.endExchange();
  }

  /** Ends the connection of a client that does not take a large answer in half a minute. */
  public static void inTime(HttpServerExchange exchange, Timer timer, int bytes) {
    if (bytes > SOCKET_BYTES) {
      Timeout deadline =
          timer.newTimeout(
              timeout -> IoUtils.safeClose(exchange.getConnection()),
              ANSWER_SECONDS,
              TimeUnit.SECONDS);
      exchange.addExchangeCompleteListener(
          (completed, next) -> {
            deadline.cancel();
            next.proceed();
          });
    }
  }

  /** Whether the exchange is on HTTP/1.1, whose connection and chunks are ours to see. */
  public static boolean isHttp11(HttpServerExchange exchange) {
    return exchange.isHttp11()
        && exchange.getConnection()
            instanceof io.undertow.server.protocol.http.HttpServerConnection;
  }
}
