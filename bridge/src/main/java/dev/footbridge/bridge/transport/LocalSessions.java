package dev.footbridge.bridge.transport;

import dev.footbridge.session.OpeningWish;
import dev.footbridge.session.Session;
import dev.footbridge.session.Sessions;
import dev.footbridge.websocket.AttachRequest;
import dev.footbridge.websocket.OpeningRequest;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import java.util.function.Consumer;

/** The sessions of a node that is alone. */
public record LocalSessions(Sessions sessions) implements SessionAccess {
  @Override
  public void with(
      HttpServerExchange exchange,
      String id,
      Exchanges.Step<Session> then,
      Consumer<ProtocolException> otherwise) {
    Session session;
    try {
      session = sessions.find(id);
    } catch (ProtocolException none) {
      otherwise.accept(none);
      return;
    }
    Exchanges.guard(exchange, then, session);
  }

  @Override
  public void attach(AttachRequest request) {
    try {
      request.attach(sessions.find(request.session()));
    } catch (ProtocolException none) {
      request.refuse(none);
    }
  }

  @Override
  public boolean isForwarded(HttpServerExchange exchange) {
    return false;
  }

  @Override
  public void opening(HttpServerExchange exchange, OpeningWish wish, byte[] body, Runnable here) {
    here.run();
  }

  @Override
  public void open(OpeningRequest request) {
    request.open();
  }
}
