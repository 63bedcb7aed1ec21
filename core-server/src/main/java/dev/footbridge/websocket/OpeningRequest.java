package dev.footbridge.websocket;

import dev.footbridge.http.Problems;
import dev.footbridge.io.Stages;
import dev.footbridge.session.Bye;
import dev.footbridge.session.OpeningWish;
import dev.footbridge.session.Openings;
import dev.footbridge.session.Session;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.xnio.StreamConnection;

/** A WebSocket that was opened without a session opens one. */
public final class OpeningRequest extends LateRequest {
  private final Openings openings;
  private final OpeningWish wish;
  private final byte[] value;

  /**
   * @param value what the client said, whole
   */
  OpeningRequest(
      WebSocketTransport transport,
      Client client,
      Openings openings,
      OpeningWish wish,
      byte[] value) {
    super(transport, client);
    this.openings = openings;
    this.wish = wish;
    this.value = value;
  }

  /** What the client wants. */
  public OpeningWish wish() {
    return wish;
  }

  /** Opens the session on this node; where it cannot be had the client is told so. */
  public void open() {
    if (transport().hasEnded()) {
      return;
    }
    Stages.on(
        openings.open(wish, lane()),
        opened -> lane().execute(() -> begin(opened)),
        failure -> lane().execute(() -> refuse(Problems.of(failure))));
  }

  private void begin(Openings.Opened opened) {
    Session session = opened.session();
    if (transport().hasEnded()) {
      if (!opened.again() && wish.key() == null) {
        // Nobody has been told of the session, and nobody will be.
        session.close("closed");
      }
      return;
    }
    try {
      if (opened.again()) {
        Message welcome = session.attachAgain(transport(), wish.firstMessages());
        if (welcome == null) {
          open();
        } else {
          transport().start(session, welcome);
        }
        return;
      }
      Session.Beginning beginning = session.attachFirst(transport(), wish.firstMessages());
      if (beginning.attached()) {
        transport().start(session, beginning.welcome());
      } else {
        transport().bye(Bye.SUPERSEDED);
      }
    } catch (ProtocolException refused) {
      if (!opened.again()) {
        session.close(refused.code());
      }
      refuse(refused);
    }
  }

  @Override
  public String query() {
    String token = client().token();
    return token == null
        ? "attach=1"
        : "attach=1&token=" + URLEncoder.encode(token, StandardCharsets.UTF_8);
  }

  @Override
  public @Nullable StreamConnection handOver() {
    return transport().handOver(value);
  }
}
