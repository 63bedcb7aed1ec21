package dev.footbridge.bridge.transport;

import dev.footbridge.http.Problems;
import dev.footbridge.websocket.Utf8Validator;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import io.undertow.connector.PooledByteBuffer;
import io.undertow.server.Connectors;
import io.undertow.server.HttpServerExchange;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.xnio.IoUtils;
import org.xnio.channels.StreamSourceChannel;

/**
 * Reads a request's body, which must be UTF-8, within a size and a time. The server's own receiver
 * would end the connection of a chunked body that is too large without an answer.
 *
 * <p>Owned by the exchange's I/O thread.
 */
final class BodyReader {
  /** What a refused client has under way already is read and dropped, up to this many times. */
  private static final int DROPPED_TIMES = 2;

  private final HttpServerExchange exchange;
  private final int maxBytes;
  private final Exchanges.Step<byte[]> then;
  private final ByteArrayOutputStream body = new ByteArrayOutputStream();
  private @Nullable Timeout deadline;

  /**
   * @param maxBytes a larger body is answered with {@code too_large}
   */
  BodyReader(HttpServerExchange exchange, int maxBytes, Exchanges.Step<byte[]> then) {
    this.exchange = exchange;
    this.maxBytes = maxBytes;
    this.then = then;
  }

  /**
   * Begins; called by the exchange's handler.
   *
   * @param timeoutNanos a slower body ends its connection
   */
  void start(long timeoutNanos, Timer timer) {
    if (exchange.getRequestContentLength() > maxBytes) {
      refuse();
      return;
    }
    exchange.setMaxEntitySize((long) DROPPED_TIMES * maxBytes);
    StreamSourceChannel channel =
        exchange.isRequestComplete() ? null : exchange.getRequestChannel();
    if (channel == null) {
      complete();
      return;
    }
    Outcome outcome = read(channel);
    if (outcome != Outcome.WAIT) {
      end(outcome);
      return;
    }
    deadline =
        timer.newTimeout(
            timeout -> IoUtils.safeClose(exchange.getConnection()),
            timeoutNanos,
            TimeUnit.NANOSECONDS);
    channel.getReadSetter().set(this::readable);
    channel.resumeReads();
  }

  private enum Outcome {
    WAIT,
    COMPLETE,
    TOO_LARGE,
    FAILED
  }

  private void readable(StreamSourceChannel channel) {
    Outcome outcome = read(channel);
    if (outcome == Outcome.WAIT) {
      return;
    }
    Timeout limit = deadline;
    if (limit != null) {
      limit.cancel();
    }
    channel.getReadSetter().set(null);
    channel.suspendReads();
    Connectors.executeRootHandler(handled -> end(outcome), exchange);
  }

  private Outcome read(StreamSourceChannel channel) {
    try (PooledByteBuffer pooled = exchange.getConnection().getByteBufferPool().allocate()) {
      ByteBuffer buffer = pooled.getBuffer();
      while (true) {
        buffer.clear();
        int count = channel.read(buffer);
        if (count < 0) {
          return Outcome.COMPLETE;
        }
        if (count == 0) {
          return Outcome.WAIT;
        }
        if (body.size() + count > maxBytes) {
          return Outcome.TOO_LARGE;
        }
        buffer.flip();
        byte[] bytes = new byte[count];
        buffer.get(bytes);
        body.write(bytes, 0, count);
      }
    } catch (IOException e) {
      return Outcome.FAILED;
    }
  }

  private void end(Outcome outcome) {
    switch (outcome) {
      case COMPLETE -> complete();
      case TOO_LARGE -> refuse();
      default -> IoUtils.safeClose(exchange.getConnection());
    }
  }

  private void complete() {
    byte[] bytes = body.toByteArray();
    if (Utf8Validator.isValid(bytes, 0, bytes.length)) {
      Exchanges.guard(exchange, then, bytes);
    } else {
      Problems.send(exchange, ProtocolException.malformed("The body is not valid UTF-8."));
    }
  }

  private void refuse() {
    exchange.setPersistent(false);
    Problems.send(
        exchange,
        new ProtocolException(
            ErrorCode.TOO_LARGE, "The body may have at most " + maxBytes + " bytes."));
  }
}
