package dev.footbridge.bridge.transport;

import io.undertow.connector.PooledByteBuffer;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpServerConnection;
import java.io.IOException;
import org.xnio.conduits.ConduitStreamSourceChannel;
import org.xnio.conduits.StreamSourceConduit;

/**
 * Notices that the peer of a held request has left: the server itself looks at the connection again
 * only when the answer is complete. Bytes that come meanwhile are the next request; they are given
 * back and the watch ends. Only on HTTP/1.1; elsewhere it sees nothing.
 *
 * <p>Owned by the connection's I/O thread.
 */
public final class PeerWatch {
  private final HttpServerExchange exchange;
  private final Runnable gone;
  private boolean watching;

  /**
   * @param gone is called once, on the I/O thread, when the peer has left
   */
  public PeerWatch(HttpServerExchange exchange, Runnable gone) {
    this.exchange = exchange;
    this.gone = gone;
  }

  /** Begins to watch, once the request has been read. */
  public void start() {
    if (exchange.getConnection() instanceof HttpServerConnection connection
        && connection.getExtraBytes() == null
        && exchange.isRequestComplete()) {
      watching = true;
      ConduitStreamSourceChannel source = connection.getChannel().getSourceChannel();
      source.setReadListener(channel -> readable(connection));
      // Below the conduits of this request's body, which is at its end.
      connection.getOriginalSourceConduit().resumeReads();
    }
  }

  /** Ends the watch; before the answer is completed. */
  public void stop() {
    if (watching && exchange.getConnection() instanceof HttpServerConnection connection) {
      watching = false;
      connection.getChannel().getSourceChannel().setReadListener(null);
      connection.getOriginalSourceConduit().suspendReads();
    }
  }

  private void readable(HttpServerConnection connection) {
    if (!watching) {
      connection.getOriginalSourceConduit().suspendReads();
      return;
    }
    StreamSourceConduit source = connection.getOriginalSourceConduit();
    PooledByteBuffer pooled = connection.getByteBufferPool().allocate();
    boolean kept = false;
    int count;
    try {
      count = source.read(pooled.getBuffer());
      if (count > 0) {
        stop();
        pooled.getBuffer().flip();
        connection.ungetRequestBytes(pooled);
        kept = true;
      }
    } catch (IOException e) {
      count = -1;
    } finally {
      if (!kept) {
        pooled.close();
      }
    }
    if (count < 0) {
      stop();
      gone.run();
    }
  }
}
