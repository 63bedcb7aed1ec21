package dev.footbridge.bridge.transport;

import dev.footbridge.session.OpeningWish;
import dev.footbridge.session.Session;
import dev.footbridge.websocket.LateRequest;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import java.util.function.Consumer;

/**
 * Brings a request and its session together, wherever the session is; also that of a WebSocket that
 * names its session late.
 */
public interface SessionAccess extends LateRequest.Responder {
  /**
   * Goes on with the session on this node, now or later, on the exchange's I/O thread. A request
   * whose session is on another node is answered from there, and nothing is called.
   *
   * @param id what the client says that the session's id is
   * @param then goes on; what it throws is the answer
   * @param otherwise is told why there is no such session
   */
  void with(
      HttpServerExchange exchange,
      String id,
      Exchanges.Step<Session> then,
      Consumer<ProtocolException> otherwise);

  /** As above; that there is no such session is the answer. */
  default void with(HttpServerExchange exchange, String id, Exchanges.Step<Session> then) {
    with(exchange, id, then, problem -> Exchanges.fail(exchange, problem));
  }

  /** Whether a request has come over another node. */
  boolean isForwarded(HttpServerExchange exchange);

  /**
   * Goes on with an opening on this node, now or later, on the exchange's I/O thread. One that is
   * asked for again and that another node remembers is answered from there, and nothing is called.
   *
   * @param body the request's, as it came
   * @param here goes on
   */
  void opening(HttpServerExchange exchange, OpeningWish wish, byte[] body, Runnable here);
}
