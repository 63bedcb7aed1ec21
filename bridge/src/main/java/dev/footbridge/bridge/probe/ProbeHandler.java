package dev.footbridge.bridge.probe;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.Routes;
import dev.footbridge.config.Setting;
import dev.footbridge.http.Requests;
import dev.footbridge.node.Node;
import dev.footbridge.session.Session;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;

/** {@code /probe/events}, {@code /probe/stream} and {@code /probe/poll}. */
public final class ProbeHandler implements HttpHandler {
  static final byte[] PONG = JsonWriter.object().text("op", "pong").bytes();
  private static final long STANDARD_SECONDS = 2;

  private final Node node;
  private final Probes probes;

  /** Wires the parts; none of them is owned. */
  public ProbeHandler(Node node, Probes probes) {
    this.node = node;
    this.probes = probes;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws ProtocolException {
    switch (exchange.getRelativePath()) {
      case "/probe/events" -> stream(exchange, true);
      case "/probe/stream" -> stream(exchange, false);
      case "/probe/poll" -> poll(exchange);
      default -> throw Routes.notFound();
    }
  }

  private void stream(HttpServerExchange exchange, boolean events) throws ProtocolException {
    Routes.require(exchange, "GET");
    long seconds = seconds(exchange, "seconds", STANDARD_SECONDS);
    int padding = Exchanges.padding(exchange);
    new ProbeStream(node, probes, exchange, events, seconds).start(exchange, padding);
  }

  private void poll(HttpServerExchange exchange) throws ProtocolException {
    Routes.require(exchange, "GET");
    long seconds = seconds(exchange, "wait", 0);
    if (seconds == 0) {
      Exchanges.json(exchange, node.timer(), 200, PONG);
    } else {
      new ProbePoll(node, probes, exchange).start(seconds);
    }
  }

  private long seconds(HttpServerExchange exchange, String name, long absent)
      throws ProtocolException {
    long wanted = Requests.count(exchange, name);
    return Math.min(
        wanted == Session.UNKNOWN ? absent : wanted, node.config().get(Setting.PROBE_MAX_SECONDS));
  }
}
