package dev.footbridge.bridge.forward;

import dev.footbridge.websocket.Handshake;
import dev.footbridge.websocket.LateRequest;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import io.undertow.client.ClientCallback;
import io.undertow.client.ClientConnection;
import io.undertow.client.ClientExchange;
import io.undertow.client.ClientRequest;
import io.undertow.client.UndertowClient;
import io.undertow.connector.ByteBufferPool;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import io.undertow.util.Protocols;
import io.undertow.util.StatusCodes;
import io.undertow.util.Transfer;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.xnio.ChannelExceptionHandler;
import org.xnio.ChannelListener;
import org.xnio.ChannelListeners;
import org.xnio.IoUtils;
import org.xnio.OptionMap;
import org.xnio.Options;
import org.xnio.StreamConnection;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.channels.StreamSourceChannel;

/**
 * A WebSocket that is open already and whose session is on another node, or was opened there. That
 * is asked for a WebSocket of its own, and from then on the bytes of both are carried, whole frames
 * or not: each side's masks are the client's own and the other node's, so nothing needs to be read.
 *
 * <p>Owned by the connection's I/O thread.
 */
final class LateWebSocket {
  private static final HttpString KEY = new HttpString("Sec-WebSocket-Key");
  private static final HttpString VERSION = new HttpString("Sec-WebSocket-Version");
  private static final HttpString PROTOCOL = new HttpString("Sec-WebSocket-Protocol");

  /** Nobody looks at the proof: whoever listens there has shown that it is a node of ours. */
  private static final String ANY_KEY = "AAAAAAAAAAAAAAAAAAAAAA==";

  private final LateRequest request;
  private final String secret;
  private final Runnable unreachable;
  private final Timer timer;
  private final long connectMillis;
  private @Nullable Timeout late;
  private boolean connected;
  private @Nullable StreamConnection client;

  LateWebSocket(
      LateRequest request, String secret, Runnable unreachable, Timer timer, long connectMillis) {
    this.request = request;
    this.secret = secret;
    this.unreachable = unreachable;
    this.timer = timer;
    this.connectMillis = connectMillis;
  }

  /**
   * Begins.
   *
   * @param under is told of the connection to the other node and of what ends the client's
   */
  void go(URI node, BiConsumer<ClientConnection, Closeable> under) {
    late =
        timer.newTimeout(
            expired -> request.lane().execute(() -> connected(null, under)),
            connectMillis,
            TimeUnit.MILLISECONDS);
    UndertowClient.getInstance()
        .connect(
            new ClientCallback<>() {
              @Override
              public void completed(ClientConnection connection) {
                connected(connection, under);
              }

              @Override
              public void failed(IOException reason) {
                connected(null, under);
              }
            },
            node,
            request.thread(),
            request.client().buffers(),
            OptionMap.create(Options.TCP_NODELAY, true));
  }

  private void connected(
      @Nullable ClientConnection connection, BiConsumer<ClientConnection, Closeable> under) {
    if (connected) {
      if (connection != null) {
        Forwarder.cut(connection);
      }
      return;
    }
    connected = true;
    if (late != null) {
      late.cancel();
    }
    if (connection == null) {
      unreachable.run();
      return;
    }
    under.accept(connection, this::end);
    connection.sendRequest(
        ask(),
        new ClientCallback<>() {
          @Override
          public void completed(ClientExchange exchange) {
            exchange.setResponseListener(
                new ClientCallback<>() {
                  @Override
                  public void completed(ClientExchange answered) {
                    answered(answered, connection);
                  }

                  @Override
                  public void failed(IOException reason) {
                    refused(connection);
                  }
                });
          }

          @Override
          public void failed(IOException reason) {
            refused(connection);
          }
        });
  }

  private ClientRequest ask() {
    LateRequest.Client who = request.client();
    ClientRequest ask =
        new ClientRequest()
            .setMethod(Methods.GET)
            .setPath(who.path() + "?" + request.query())
            .setProtocol(Protocols.HTTP_1_1);
    HeaderMap headers = ask.getRequestHeaders();
    headers.put(Headers.HOST, "footbridge");
    headers.put(Headers.UPGRADE, "websocket");
    headers.put(Headers.CONNECTION, "Upgrade");
    headers.put(VERSION, Handshake.VERSION);
    headers.put(KEY, ANY_KEY);
    String subprotocol = who.subprotocol();
    if (subprotocol != null) {
      headers.put(PROTOCOL, subprotocol);
    }
    headers.put(Forwarder.SECRET, secret);
    headers.put(Forwarder.CLIENT, who.address());
    headers.put(Forwarder.HOPS, "1");
    return ask;
  }

  private void answered(ClientExchange exchange, ClientConnection connection) {
    if (exchange.getResponse().getResponseCode() != StatusCodes.SWITCHING_PROTOCOLS) {
      refused(connection);
      return;
    }
    StreamConnection here = request.handOver();
    if (here == null) {
      refused(connection);
      return;
    }
    client = here;
    StreamConnection there;
    try {
      there = connection.performUpgrade();
    } catch (IOException alreadyClosed) {
      IoUtils.safeClose(here);
      return;
    }
    ByteBufferPool buffers = request.client().buffers();
    carry(there, here, buffers);
    carry(here, there, buffers);
  }

  /** An end of the one is an end of the other. */
  static void carry(StreamConnection from, StreamConnection to, ByteBufferPool buffers) {
    ChannelExceptionHandler<java.nio.channels.Channel> end =
        (channel, reason) -> {
          IoUtils.safeClose(from);
          IoUtils.safeClose(to);
        };
    ChannelListener<StreamSinkChannel> flushed =
        ChannelListeners.flushingChannelListener(
            ChannelListeners.closingChannelListener(),
            ChannelListeners.closingChannelExceptionHandler());
    Transfer.<StreamSourceChannel, StreamSinkChannel>initiateTransfer(
        from.getSourceChannel(),
        to.getSinkChannel(),
        ChannelListeners.closingChannelListener(),
        ChannelListeners.writeShutdownChannelListener(
            flushed, ChannelListeners.closingChannelExceptionHandler()),
        end,
        end,
        buffers);
  }

  private void refused(ClientConnection connection) {
    Forwarder.cut(connection);
    request.refuse(
        new ProtocolException(
            ErrorCode.UNAVAILABLE, "The session's node did not take the WebSocket."));
  }

  /** The other node has gone, or this one goes: ends the client's connection. Any thread. */
  private void end() {
    request
        .lane()
        .execute(
            () -> {
              StreamConnection handedOver = client;
              if (handedOver != null) {
                IoUtils.safeClose(handedOver);
              }
            });
  }
}
