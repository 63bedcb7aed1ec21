package dev.footbridge.websocket;

import dev.footbridge.io.Lane;
import dev.footbridge.wire.ProtocolException;
import io.undertow.connector.ByteBufferPool;
import org.jspecify.annotations.Nullable;
import org.xnio.StreamConnection;
import org.xnio.XnioIoThread;

/**
 * A WebSocket that was opened without a session says what it wants: to {@linkplain AttachRequest
 * attach} to one or to {@linkplain OpeningRequest open} one. Nothing is read from it until it has
 * that, is {@linkplain #refuse refused} or {@linkplain #handOver handed over}. Owned by the
 * connection's I/O thread.
 */
public abstract sealed class LateRequest permits AttachRequest, OpeningRequest {
  /** Ends requests in one of their ways, now or later, on the connection's I/O thread. */
  public interface Responder {
    /** Finds the session. Called on the connection's I/O thread. */
    void attach(AttachRequest request);

    /** Opens a session, or finds the one that has been opened. Called on the same thread. */
    void open(OpeningRequest request);
  }

  /**
   * Who asks.
   *
   * @param address the client's address without port
   * @param path the path of the request that opened the WebSocket
   * @param subprotocol what was chosen, or null
   * @param token the credential of the request that opened the WebSocket, or null
   * @param forwarded whether it comes over another node, which has greeted it
   * @param buffers the buffers of the listener that it came to
   */
  public record Client(
      String address,
      String path,
      @Nullable String subprotocol,
      @Nullable String token,
      boolean forwarded,
      ByteBufferPool buffers) {
    /** Shows no credential. */
    @Override
    public String toString() {
      return "Client[" + address + "]";
    }
  }

  private final WebSocketTransport transport;
  private final Client client;

  LateRequest(WebSocketTransport transport, Client client) {
    this.transport = transport;
    this.client = client;
  }

  final WebSocketTransport transport() {
    return transport;
  }

  /** Who asks. */
  public final Client client() {
    return client;
  }

  /** The lane of the connection's I/O thread. */
  public final Lane lane() {
    return transport.lane();
  }

  /** The connection's I/O thread. */
  public final XnioIoThread thread() {
    return transport.thread();
  }

  /** The query with which another node is asked for a WebSocket that stands for this one. */
  public abstract String query();

  /** Tells the client why it cannot have a session, and ends the connection. */
  public final void refuse(ProtocolException reason) {
    transport.refuse(reason);
  }

  /**
   * Gives the connection to the caller, who sends whatever comes next on it: frames, beginning with
   * the {@code welcome}. What that needs, and what the client has sent after its request, can be
   * read first.
   *
   * @return null where the connection has gone, or has not taken what it was sent before; the
   *     request must then be refused
   */
  public abstract @Nullable StreamConnection handOver();
}
