package dev.footbridge.websocket;

import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.http.Problems;
import dev.footbridge.http.Requests;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Lanes;
import dev.footbridge.io.Stages;
import dev.footbridge.session.Openings;
import dev.footbridge.session.Session;
import dev.footbridge.session.Sessions;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timer;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.xnio.StreamConnection;

/**
 * {@code GET /ws}: completes the WebSocket handshake, takes the connection over from the HTTP
 * server and opens a session on it or attaches it to the one that the query names. A client that
 * cannot have a session is told so by a {@code bye} on the open WebSocket: a browser would show a
 * refused handshake to nobody. {@code GET /ws?attach=1} neither opens nor attaches: the WebSocket
 * waits for a value that names its session, {@code attach}, or opens one, {@code open}.
 */
public final class WebSocketHandler implements HttpHandler {
  /** Our subprotocol's name. */
  public static final String SUBPROTOCOL = "footbridge.v1";

  private static final HttpString SEC_WEBSOCKET_ACCEPT = new HttpString("Sec-WebSocket-Accept");
  private static final HttpString SEC_WEBSOCKET_PROTOCOL = new HttpString("Sec-WebSocket-Protocol");
  private static final HttpString SEC_WEBSOCKET_VERSION = new HttpString("Sec-WebSocket-Version");

  private final Sessions sessions;
  private final Openings openings;
  private final WaitingSockets waiting;
  private final Lanes lanes;
  private final Timer timer;
  private final LongSupplier nanoClock;

  /** Wires the parts; none of them is owned. */
  public WebSocketHandler(
      Sessions sessions,
      Openings openings,
      WaitingSockets waiting,
      Lanes lanes,
      Timer timer,
      LongSupplier nanoClock) {
    this.sessions = sessions;
    this.openings = openings;
    this.waiting = waiting;
    this.lanes = lanes;
    this.timer = timer;
    this.nanoClock = nanoClock;
  }

  /** What the client wants, read before the exchange is over. */
  private record Wish(
      @Nullable String session,
      long after,
      long turn,
      OpenRequest open,
      @Nullable ProtocolException refusal) {}

  @Override
  public void handleRequest(HttpServerExchange exchange) {
    handleRequest(exchange, null);
  }

  /**
   * Handles a request for which it may be known already that it cannot have its session.
   *
   * @param refusal what the client is told then, on the open WebSocket
   */
  public void handleRequest(HttpServerExchange exchange, @Nullable ProtocolException refusal) {
    Boolean speaksFootbridge = shake(exchange);
    if (speaksFootbridge != null) {
      Wish wish = wish(exchange, refusal);
      exchange.upgradeChannel(
          (connection, upgraded) -> upgraded(transport(connection, speaksFootbridge), wish));
      exchange.endExchange();
    }
  }

  /**
   * Handles a request for a WebSocket that gets its session later.
   *
   * @param forwarded whether it comes over another node, which has greeted the client
   * @param responder is asked for the session
   */
  public void handleWaiting(
      HttpServerExchange exchange, boolean forwarded, LateRequest.Responder responder) {
    Boolean speaksFootbridge = shake(exchange);
    if (speaksFootbridge != null) {
      ProtocolException wrong = notWaiting(exchange);
      LateRequest.Client client =
          new LateRequest.Client(
              Requests.address(exchange),
              exchange.getRequestPath(),
              speaksFootbridge ? SUBPROTOCOL : null,
              Requests.token(exchange),
              forwarded,
              exchange.getConnection().getByteBufferPool());
      exchange.upgradeChannel(
          (connection, upgraded) ->
              waiting(transport(connection, speaksFootbridge), wrong, client, responder));
      exchange.endExchange();
    }
  }

  private static @Nullable ProtocolException notWaiting(HttpServerExchange exchange) {
    if (!"1".equals(Requests.query(exchange, "attach"))) {
      return ProtocolException.malformed("\"attach\" can only be 1.");
    }
    for (String other : List.of("session", "after", "turn", "endpoint")) {
      if (Requests.query(exchange, other) != null) {
        return ProtocolException.malformed(
            "With \"attach\" there is no \"" + other + "\"; the value \"attach\" says that.");
      }
    }
    return null;
  }

  private void waiting(
      WebSocketTransport transport,
      @Nullable ProtocolException wrong,
      LateRequest.Client client,
      LateRequest.Responder responder) {
    if (wrong != null) {
      transport.refuse(wrong);
      return;
    }
    WaitingSocket socket =
        new WaitingSocket(transport, waiting, client, sessions, openings, responder);
    try {
      waiting.add(socket);
    } catch (ProtocolException refused) {
      transport.refuse(refused);
      return;
    }
    transport.await(socket, !client.forwarded());
  }

  /**
   * Completes the handshake as far as the answer's head.
   *
   * @return whether the client chose our subprotocol; null where it was refused, and answered
   */
  private static @Nullable Boolean shake(HttpServerExchange exchange) {
    Handshake.Result result =
        Handshake.check(
            exchange.getRequestMethod().toString(),
            name -> {
              HeaderValues values = exchange.getRequestHeaders().get(name);
              return values == null ? List.of() : values;
            },
            List.of(SUBPROTOCOL));
    if (result instanceof Handshake.Rejected rejected) {
      exchange.getResponseHeaders().put(SEC_WEBSOCKET_VERSION, Handshake.VERSION);
      exchange.getResponseHeaders().put(Headers.UPGRADE, "websocket");
      Problems.send(
          exchange,
          new ProtocolException(
              rejected.status() == ErrorCode.UPGRADE_REQUIRED.status()
                  ? ErrorCode.UPGRADE_REQUIRED
                  : ErrorCode.MALFORMED,
              rejected.reason()));
      return null;
    }
    Handshake.Accepted accepted = (Handshake.Accepted) result;
    String subprotocol = accepted.subprotocol();
    exchange.getResponseHeaders().put(Headers.UPGRADE, "websocket");
    exchange.getResponseHeaders().put(SEC_WEBSOCKET_ACCEPT, accepted.acceptKey());
    if (subprotocol != null) {
      exchange.getResponseHeaders().put(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    return subprotocol != null;
  }

  private static Wish wish(HttpServerExchange exchange, @Nullable ProtocolException refusal) {
    String endpoint = Requests.query(exchange, "endpoint");
    OpenRequest open =
        new OpenRequest(
            endpoint == null ? OpenRequest.HUB : endpoint,
            Requests.token(exchange),
            List.of(),
            List.of(),
            Requests.address(exchange));
    try {
      return new Wish(
          Requests.query(exchange, "session"),
          Requests.count(exchange, "after"),
          Requests.count(exchange, "turn"),
          open,
          refusal);
    } catch (ProtocolException malformed) {
      return new Wish(null, Session.UNKNOWN, Session.UNKNOWN, open, malformed);
    }
  }

  private WebSocketTransport transport(StreamConnection connection, boolean speaksFootbridge) {
    return new WebSocketTransport(
        lanes.of(connection.getIoThread()),
        connection,
        nanoClock,
        timer,
        sessions.options().pingNanos(),
        sessions.options().messageBytes(),
        speaksFootbridge);
  }

  private void upgraded(WebSocketTransport transport, Wish wish) {
    String id = wish.session();
    if (wish.refusal() != null) {
      transport.refuse(wish.refusal());
    } else if (id != null) {
      try {
        Session session = sessions.find(id);
        Message welcome = session.attach(transport, wish.after(), wish.turn());
        transport.start(session, welcome);
      } catch (ProtocolException refused) {
        transport.refuse(refused);
      }
    } else {
      Lane lane = transport.lane();
      Stages.on(
          sessions.open(wish.open(), lane),
          session -> lane.execute(() -> open(transport, session)),
          failure -> lane.execute(() -> transport.refuse(Problems.of(failure))));
    }
  }

  private static void open(WebSocketTransport transport, Session session) {
    try {
      Message welcome = session.attachFirst(transport);
      transport.start(session, welcome);
    } catch (ProtocolException closedMeanwhile) {
      transport.refuse(closedMeanwhile);
    }
  }
}
