package dev.footbridge.bridge.transport;

import dev.footbridge.http.Problems;
import dev.footbridge.http.Requests;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.StatusCodes;

/**
 * {@code status=200}: every answer has that status, for clients that are shown no other and not
 * even the body of one (Internet Explorer's XDomainRequest). An error is known by its document.
 */
final class HiddenStatus {
  private HiddenStatus() {}

  /**
   * Does as the query says, whoever answers the request in the end.
   *
   * @throws ProtocolException {@code malformed} where it wants another status
   */
  static void heed(HttpServerExchange exchange) throws ProtocolException {
    String wish = Requests.query(exchange, "status");
    if (wish == null) {
      return;
    }
    if (!wish.equals("200")) {
      throw ProtocolException.malformed("\"status\" can only be 200.");
    }
    exchange.addDefaultResponseListener(HiddenStatus::explain);
    exchange.addResponseCommitListener(answered -> answered.setStatusCode(StatusCodes.OK));
  }

  /** An answer that would be nothing but its status, as of a node that went in the midst of it. */
  private static boolean explain(HttpServerExchange exchange) {
    if (exchange.isResponseStarted() || exchange.getStatusCode() < StatusCodes.BAD_REQUEST) {
      return false;
    }
    Problems.send(
        exchange,
        new ProtocolException(ErrorCode.UNAVAILABLE, "The session's node did not answer."));
    return true;
  }
}
