package dev.footbridge.websocket;

import dev.footbridge.session.Session;
import dev.footbridge.wire.ProtocolException;
import org.jspecify.annotations.Nullable;
import org.xnio.StreamConnection;

/** A WebSocket that was opened without a session names the one that it wants. */
public final class AttachRequest extends LateRequest {
  private final String session;
  private final long after;
  private final long turn;

  AttachRequest(
      WebSocketTransport transport, Client client, String session, long after, long turn) {
    super(transport, client);
    this.session = session;
    this.after = after;
    this.turn = turn;
  }

  /** What the client says that the session's id is. */
  public String session() {
    return session;
  }

  /** Goes on with a session of this node; where it cannot be attached the client is told so. */
  public void attach(Session found) {
    if (transport().hasEnded()) {
      return;
    }
    try {
      transport().start(found, found.attach(transport(), after, turn));
    } catch (ProtocolException refused) {
      refuse(refused);
    }
  }

  @Override
  public String query() {
    StringBuilder query = new StringBuilder("session=" + session);
    if (after != Session.UNKNOWN) {
      query.append("&after=").append(after);
    }
    if (turn != Session.UNKNOWN) {
      query.append("&turn=").append(turn);
    }
    return query.toString();
  }

  @Override
  public @Nullable StreamConnection handOver() {
    return transport().handOver(null);
  }
}
