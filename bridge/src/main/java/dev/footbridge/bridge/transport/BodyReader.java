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
import io.undertow.server.protocol.http.HttpServerConnection;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.xnio.IoUtils;
import org.xnio.channels.StreamSourceChannel;

/**
 * Reads a request's body, which must be UTF-8, within a size and a time. The limit that the HTTP
 * server has itself counts the chunks' heads too and ends the connection without an answer; it lies
 * further up.
 *
 * <p>Owned by the exchange's I/O thread.
 */
final class BodyReader {
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
    if (exchange.getRequestContentLength() < 0
        && !exchange.isRequestComplete()
        && !(exchange.getConnection() instanceof HttpServerConnection)) {
      exchange.setPersistent(false);
      Problems.send(
          exchange, ProtocolException.malformed("On HTTP/2 a body needs a \"content-length\"."));
      return;
    }
    StreamSourceChannel channel =
        exchange.isRequestComplete() ? null : exchange.getRequestChannel();
    if (channel == null) {
      end(Outcome.COMPLETE);
      return;
    }
    Outcome outcome =
        exchange.getRequestContentLength() > maxBytes ? Outcome.TOO_LARGE : read(channel);
    if (outcome == Outcome.WAIT || outcome == Outcome.TOO_LARGE) {
      deadline =
          timer.newTimeout(
              timeout -> IoUtils.safeClose(exchange.getConnection()),
              timeoutNanos,
              TimeUnit.NANOSECONDS);
    }
    if (outcome == Outcome.WAIT) {
      channel.getReadSetter().set(this::readable);
      channel.resumeReads();
    } else {
      end(outcome);
    }
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
          return isWhole() ? Outcome.COMPLETE : Outcome.FAILED;
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

  /**
   * On HTTP/2 a stream that its peer has reset reads like one that has ended, so a body counts only
   * if it is as long as it was said to be.
   */
  private boolean isWhole() {
    long announced = exchange.getRequestContentLength();
    return announced < 0 || announced == body.size();
  }

  private void end(Outcome outcome) {
    switch (outcome) {
      case COMPLETE -> complete();
      case TOO_LARGE -> refuse();
      default -> {
        cancelDeadline();
        IoUtils.safeClose(exchange.getConnection());
      }
    }
  }

  private void cancelDeadline() {
    Timeout limit = deadline;
    if (limit != null) {
      limit.cancel();
    }
  }

  private void complete() {
    cancelDeadline();
    byte[] bytes = body.toByteArray();
    if (Utf8Validator.isValid(bytes, 0, bytes.length)) {
      Exchanges.guard(exchange, then, bytes);
    } else {
      Problems.send(exchange, ProtocolException.malformed("The body is not valid UTF-8."));
    }
  }

  private void refuse() {
    // What is under way already is read and dropped, or the client would never see the answer; the
    // deadline holds for that too.
    exchange.addExchangeCompleteListener(
        (completed, next) -> {
          cancelDeadline();
          next.proceed();
        });
    if (exchange.getConnection() instanceof HttpServerConnection connection) {
      connection.addCloseListener(closed -> cancelDeadline());
    }
    exchange.setPersistent(false);
    Problems.send(
        exchange,
        new ProtocolException(
            ErrorCode.TOO_LARGE, "The body may have at most " + maxBytes + " bytes."));
  }
}
