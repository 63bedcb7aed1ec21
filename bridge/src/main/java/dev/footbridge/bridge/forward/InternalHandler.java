package dev.footbridge.bridge.forward;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.Routes;
import dev.footbridge.cluster.ClusterSecret;
import dev.footbridge.cluster.Membership;
import dev.footbridge.cluster.PeerLink;
import dev.footbridge.config.Setting;
import dev.footbridge.http.Requests;
import dev.footbridge.hub.Names;
import dev.footbridge.hub.NotTakenException;
import dev.footbridge.io.Stages;
import dev.footbridge.node.Node;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HttpString;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/**
 * The internal listener, which only other nodes may talk to: requests that they forward, as if the
 * client itself had come, and what they ask for themselves. Who does not know the shared secret
 * gets nothing.
 */
public final class InternalHandler implements HttpHandler {
  private static final HttpString NOT_TAKEN = new HttpString(PeerLink.NOT_TAKEN);
  private static final int LONGEST_ADDRESS = 64;

  private final Node node;
  private final Membership membership;
  private final HttpHandler forwarded;
  private final ClusterSecret secret;

  /**
   * @param secret what all nodes share
   * @param forwarded handles what came over another node
   */
  public InternalHandler(
      Node node, Membership membership, HttpHandler forwarded, ClusterSecret secret) {
    this.node = node;
    this.membership = membership;
    this.forwarded = forwarded;
    this.secret = secret;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws Exception {
    if (!secret.accepts(exchange.getRequestHeaders().getFirst(Forwarder.SECRET))) {
      exchange.setPersistent(false);
      Exchanges.fail(
          exchange, new ProtocolException(ErrorCode.FORBIDDEN, "Only nodes may talk to this."));
      return;
    }
    String client = exchange.getRequestHeaders().getFirst(Forwarder.CLIENT);
    if (client != null) {
      exchange.setSourceAddress(address(client));
      forwarded.handleRequest(exchange);
      return;
    }
    Exchanges.guard(exchange, this::asked, exchange);
  }

  private void asked(HttpServerExchange exchange) throws ProtocolException {
    Routes.require(exchange, "POST");
    switch (exchange.getRequestPath()) {
      case PeerLink.PING_PATH -> ping(exchange);
      case PeerLink.PROMISE_PATH -> promise(exchange);
      case PeerLink.CALL_PATH ->
          Exchanges.body(
              exchange,
              config(Setting.LIMITS_BATCH_BYTES),
              TimeUnit.MILLISECONDS.toNanos(config(Setting.LIMITS_BODY_TIMEOUT_MILLIS)),
              node.timer(),
              data -> call(exchange, data));
      default -> throw Routes.notFound();
    }
  }

  private int config(Setting setting) {
    return node.config().getInt(setting);
  }

  /** Says that this node is here; and whether it goes by a certain name. */
  private void ping(HttpServerExchange exchange) throws ProtocolException {
    String name = Requests.query(exchange, "node");
    if (name != null && !membership.isNamed(name)) {
      throw new ProtocolException(ErrorCode.NOT_FOUND, "This node has another name.");
    }
    exchange.endExchange();
  }

  private void promise(HttpServerExchange exchange) throws ProtocolException {
    String peer = Requests.query(exchange, "node");
    long millis = Requests.count(exchange, "millis");
    if (peer == null || millis < 0 || !membership.promise(peer, millis)) {
      throw new ProtocolException(ErrorCode.FORBIDDEN, "This node is not promised anything.");
    }
    exchange.endExchange();
  }

  private void call(HttpServerExchange exchange, byte[] data) throws ProtocolException {
    String procedure = Requests.query(exchange, "procedure");
    long timeout = Requests.count(exchange, "timeout");
    CompletionStage<byte[]> result =
        node.hub()
            .procedures()
            .callHere(
                Names.check(procedure == null ? "" : procedure),
                data,
                Requests.query(exchange, "user"),
                Math.max(0, timeout))
            .exceptionallyCompose(
                failure -> {
                  Throwable cause = Stages.cause(failure);
                  if (cause instanceof NotTakenException notTaken) {
                    exchange.getResponseHeaders().put(NOT_TAKEN, "1");
                    return CompletableFuture.failedStage(notTaken.toProtocol());
                  }
                  return CompletableFuture.failedStage(cause);
                });
    Exchanges.await(exchange, result, json -> Exchanges.json(exchange, node.timer(), 200, json));
  }

  /** A client's address as the other node gave it, never looked up. */
  private static InetSocketAddress address(String text) {
    boolean literal =
        text.length() <= LONGEST_ADDRESS
            && text.chars()
                .allMatch(c -> Character.digit(c, 16) >= 0 || c == '.' || c == ':' || c == '%');
    try {
      return new InetSocketAddress(
          literal ? InetAddress.getByName(text) : InetAddress.getLoopbackAddress(), 0);
    } catch (UnknownHostException e) {
      return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }
  }
}
