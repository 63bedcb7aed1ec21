package dev.footbridge.bridge.forward;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.client.ClientCallback;
import io.undertow.client.ClientConnection;
import io.undertow.client.ClientExchange;
import io.undertow.client.ClientRequest;
import io.undertow.client.ClientResponse;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.StatusCodes;
import io.undertow.util.Transfer;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.xnio.ChannelListener;
import org.xnio.ChannelListeners;
import org.xnio.IoUtils;
import org.xnio.StreamConnection;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.channels.StreamSourceChannel;

/**
 * A request that is given to another node over a connection, and its answer. Undertow's own handler
 * for this logs an error with the request's path, in which there is a session's id, for every
 * client that leaves in the middle; here an end is nothing but an end.
 *
 * <p>Owned by the exchange's I/O thread, which the connection has, too.
 */
final class Relay {
  private static final HttpString SETTINGS = new HttpString("HTTP2-Settings");

  private final HttpServerExchange exchange;
  private final ClientConnection connection;
  private final Consumer<IOException> broken;
  private boolean ended;

  /**
   * @param broken is told where the other node did not answer though the client is there; at most
   *     once, before the client is told
   */
  Relay(HttpServerExchange exchange, ClientConnection connection, Consumer<IOException> broken) {
    this.exchange = exchange;
    this.connection = connection;
    this.broken = broken;
  }

  /**
   * Begins.
   *
   * @param claims the headers that only nodes may set
   */
  void go(Map<HttpString, String> claims) {
    connection.sendRequest(
        request(claims),
        new ClientCallback<>() {
          @Override
          public void completed(ClientExchange there) {
            sent(there);
          }

          @Override
          public void failed(IOException reason) {
            brokenOff(reason);
          }
        });
  }

  private ClientRequest request(Map<HttpString, String> claims) {
    String query = exchange.getQueryString();
    String path = exchange.getRequestURI();
    if (exchange.isHostIncludedInRequestURI()) {
      int host = path.indexOf("//") + 2;
      int from = path.indexOf('/', host);
      path = from < 0 ? "/" : path.substring(from);
    }
    ClientRequest request =
        new ClientRequest()
            .setMethod(exchange.getRequestMethod())
            .setPath(query.isEmpty() ? path : path + "?" + query);
    HeaderMap headers = request.getRequestHeaders();
    copy(exchange.getRequestHeaders(), headers);
    // This node says itself that the client may go on, when the body is read.
    headers.remove(Headers.EXPECT);
    headers.remove(SETTINGS);
    if (!exchange.isPersistent()) {
      // That is between the client and this node.
      headers.put(Headers.CONNECTION, "keep-alive");
    }
    claims.forEach(headers::put);
    if (!exchange.isRequestComplete()
        && !headers.contains(Headers.CONTENT_LENGTH)
        && !headers.contains(Headers.TRANSFER_ENCODING)) {
      // On HTTP/2 a body needs no word.
      headers.put(Headers.TRANSFER_ENCODING, "chunked");
    }
    return request;
  }

  private static void copy(HeaderMap from, HeaderMap to) {
    for (HeaderValues values : from) {
      to.putAll(values.getHeaderName(), values);
    }
  }

  private void sent(ClientExchange there) {
    there.setResponseListener(
        new ClientCallback<>() {
          @Override
          public void completed(ClientExchange answered) {
            answered(answered);
          }

          @Override
          public void failed(IOException reason) {
            brokenOff(reason);
          }
        });
    if (exchange.isRequestComplete()) {
      finish(there.getRequestChannel(), this::brokenOff);
    } else {
      carry(
          exchange.getRequestChannel(),
          there.getRequestChannel(),
          this::clientGone,
          this::brokenOff);
    }
  }

  private void answered(ClientExchange there) {
    if (ended) {
      return;
    }
    ClientResponse answer = there.getResponse();
    exchange.setStatusCode(answer.getResponseCode());
    copy(answer.getResponseHeaders(), exchange.getResponseHeaders());
    if (answer.getResponseCode() == StatusCodes.SWITCHING_PROTOCOLS) {
      exchange.upgradeChannel((here, upgraded) -> join(here));
    }
    carry(
        there.getResponseChannel(),
        exchange.getResponseChannel(),
        this::brokenOff,
        this::clientGone);
  }

  private void join(StreamConnection here) {
    StreamConnection there;
    try {
      there = connection.performUpgrade();
    } catch (IOException alreadyClosed) {
      IoUtils.safeClose(here);
      return;
    }
    LateWebSocket.carry(there, here, connection.getBufferPool());
    LateWebSocket.carry(here, there, connection.getBufferPool());
  }

  /**
   * @param unread is called if there is nothing more to be read before the end
   * @param unwritten is called if nothing more can be written
   */
  private void carry(
      StreamSourceChannel from,
      StreamSinkChannel to,
      Consumer<IOException> unread,
      Consumer<IOException> unwritten) {
    Transfer.<StreamSourceChannel, StreamSinkChannel>initiateTransfer(
        from,
        to,
        ChannelListeners.closingChannelListener(),
        channel -> finish(channel, unwritten),
        (channel, reason) -> unread.accept(reason),
        (channel, reason) -> unwritten.accept(reason),
        exchange.getConnection().getByteBufferPool());
  }

  /** All has been written that there is. */
  private static void finish(StreamSinkChannel channel, Consumer<IOException> unwritten) {
    try {
      channel.shutdownWrites();
      if (channel.flush()) {
        channel.getWriteSetter().set(null);
        return;
      }
    } catch (IOException e) {
      unwritten.accept(e);
      return;
    }
    ChannelListener<StreamSinkChannel> rest =
        ChannelListeners.flushingChannelListener(
            flushed -> {
              flushed.suspendWrites();
              flushed.getWriteSetter().set(null);
            },
            (unfinished, reason) -> unwritten.accept(reason));
    channel.getWriteSetter().set(rest);
    channel.resumeWrites();
  }

  /** The client leaves in the middle, as clients do. */
  private void clientGone(IOException reason) {
    end(null);
  }

  /** The other node has gone, or said something that is no HTTP. */
  private void brokenOff(IOException reason) {
    end(reason);
  }

  private void end(@Nullable IOException fault) {
    if (ended) {
      return;
    }
    ended = true;
    Forwarder.cut(connection);
    if (exchange.isResponseStarted() || !exchange.getConnection().isOpen()) {
      IoUtils.safeClose(exchange.getConnection());
      return;
    }
    if (fault != null && !(fault instanceof ClosedChannelException)) {
      // Otherwise it was this node that ended the connection, and it knows why.
      broken.accept(fault);
    }
    Exchanges.fail(
        exchange,
        new ProtocolException(ErrorCode.UNAVAILABLE, "The session's node did not answer."));
  }
}
