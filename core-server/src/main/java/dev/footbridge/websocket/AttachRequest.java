package dev.footbridge.websocket;

import dev.footbridge.io.Lane;
import dev.footbridge.session.Session;
import dev.footbridge.wire.ProtocolException;
import io.undertow.connector.ByteBufferPool;
import org.jspecify.annotations.Nullable;
import org.xnio.StreamConnection;
import org.xnio.XnioIoThread;

/**
 * A WebSocket that was opened without a session names the one that it wants. Nothing is read from
 * it until it is {@linkplain #attach attached}, {@linkplain #refuse refused} or {@linkplain
 * #handOver handed over}. Owned by the connection's I/O thread.
 */
public final class AttachRequest {
  /** Finds the session and ends the request in one of its three ways, now or later. */
  @FunctionalInterface
  public interface Attacher {
    /** Called on the connection's I/O thread, which is where the request must end. */
    void attach(AttachRequest request);
  }

  /**
   * Who asks.
   *
   * @param address the client's address without port
   * @param path the path of the request that opened the WebSocket
   * @param subprotocol what was chosen, or null
   * @param buffers the buffers of the listener that it came to
   */
  public record Client(
      String address, String path, @Nullable String subprotocol, ByteBufferPool buffers) {}

  private final WebSocketTransport transport;
  private final Client client;
  private final String session;
  private final long after;
  private final long turn;

  AttachRequest(
      WebSocketTransport transport, Client client, String session, long after, long turn) {
    this.transport = transport;
    this.client = client;
    this.session = session;
    this.after = after;
    this.turn = turn;
  }

  /** What the client says that the session's id is. */
  public String session() {
    return session;
  }

  /** The last message that the client has got, or {@link Session#UNKNOWN}. */
  public long after() {
    return after;
  }

  /** The client's turn, or {@link Session#UNKNOWN}. */
  public long turn() {
    return turn;
  }

  /** Who asks. */
  public Client client() {
    return client;
  }

  /** The lane of the connection's I/O thread. */
  public Lane lane() {
    return transport.lane();
  }

  /** The connection's I/O thread. */
  public XnioIoThread thread() {
    return transport.thread();
  }

  /** Goes on with a session of this node; where it cannot be attached the client is told so. */
  public void attach(Session found) {
    if (transport.hasEnded()) {
      return;
    }
    try {
      transport.start(found, found.attach(transport, after, turn));
    } catch (ProtocolException refused) {
      transport.refuse(refused);
    }
  }

  /** Tells the client why it cannot have the session, and ends the connection. */
  public void refuse(ProtocolException reason) {
    transport.refuse(reason);
  }

  /**
   * Gives the connection to the caller, who sends whatever comes next on it: frames, beginning with
   * the {@code welcome}. What the client has sent after its request can be read first.
   *
   * @return null where the connection has gone, or has not taken what it was sent before; the
   *     request must then be refused
   */
  public @Nullable StreamConnection handOver() {
    return transport.handOver();
  }
}
