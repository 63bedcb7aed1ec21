package dev.footbridge.bridge.forward;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.PeerWatch;
import dev.footbridge.cluster.PeerLink;
import dev.footbridge.http.Requests;
import dev.footbridge.io.Stages;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.websocket.LateRequest;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timer;
import io.undertow.UndertowOptions;
import io.undertow.client.ClientConnection;
import io.undertow.client.UndertowClient;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.proxy.ProxyCallback;
import io.undertow.server.handlers.proxy.ProxyClient;
import io.undertow.server.handlers.proxy.ProxyConnection;
import io.undertow.server.handlers.proxy.ProxyConnectionPool;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import io.undertow.util.SameThreadExecutor;
import io.undertow.util.StatusCodes;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.IoUtils;
import org.xnio.OptionMap;
import org.xnio.Options;

/**
 * Forwards requests to other nodes, whole: method, path, headers and body go there as they came,
 * the answer comes back as it is, also if it never ends or is a WebSocket. Connections to each node
 * are kept and used again. A connection that cannot be made is the caller's to deal with; nothing
 * has been sent then.
 *
 * <p>Safe for any thread; each exchange belongs to its I/O thread.
 */
public final class Forwarder {
  /** The header that tells the other node who the client is. */
  static final HttpString CLIENT = new HttpString("Footbridge-Client");

  /** The header that tells over how many nodes a request has come. */
  static final HttpString HOPS = new HttpString("Footbridge-Hops");

  static final HttpString SECRET = new HttpString(PeerLink.SECRET);

  /** What an answer to an opening says besides its body. */
  private static final List<HttpString> RELAYED =
      List.of(
          Headers.CONTENT_TYPE,
          Headers.LOCATION,
          Headers.RETRY_AFTER,
          Headers.CACHE_CONTROL,
          new HttpString("X-Accel-Buffering"),
          new HttpString("X-Content-Type-Options"));

  private static final Logger LOG = LoggerFactory.getLogger(Forwarder.class);
  private static final long CONNECT_MILLIS = 1000;
  private static final ProxyClient.ProxyTarget TARGET = new ProxyClient.ProxyTarget() {};
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final Timer timer;
  private final int maxConnections;
  private final int maxWebSockets;
  private final PeerLink link;
  private final Map<String, Line> lines = new ConcurrentHashMap<>();

  /** When the next request that was not answered may be logged. */
  private final AtomicLong loggedNext = new AtomicLong(System.nanoTime());

  /** A node to which requests go, and the requests and WebSockets that are there. */
  private record Line(
      Peer peer,
      ProxyConnectionPool pool,
      Set<Trip> busy,
      AtomicInteger webSockets,
      AtomicInteger openings) {}

  /**
   * A request that is at another node.
   *
   * @param from the client's connection, where it is given up for good: a WebSocket, of which
   *     nobody else would see that the other half has gone
   */
  private record Trip(ClientConnection to, @Nullable Closeable from) {
    /** Ends it now, whatever is under way. Any thread. */
    void end() {
      to.getIoThread()
          .execute(
              () -> {
                cut(to);
                IoUtils.safeClose(from);
              });
    }
  }

  /** One request on its way. */
  private record Errand(Line line, boolean webSocket, Runnable unreachable) {}

  /**
   * @param link is asked whether other nodes still answer, and has what all nodes share
   * @param maxConnections to one node, from one I/O thread
   * @param maxWebSockets to one node
   */
  public Forwarder(PeerLink link, int maxConnections, int maxWebSockets, Timer timer) {
    this.link = link;
    this.timer = timer;
    this.maxConnections = maxConnections;
    this.maxWebSockets = maxWebSockets;
  }

  /**
   * A handler of what comes from anybody: whoever says there what only nodes say to each other is
   * not believed.
   *
   * @param next handles requests that do not say it
   */
  public static HttpHandler notFromNodes(HttpHandler next) {
    return exchange -> {
      HeaderMap headers = exchange.getRequestHeaders();
      headers.remove(SECRET);
      headers.remove(CLIENT);
      headers.remove(HOPS);
      next.handleRequest(exchange);
    };
  }

  /** Over how many nodes a request has come. */
  static int hops(HttpServerExchange exchange) {
    String hops = exchange.getRequestHeaders().getFirst(HOPS);
    return hops == null || hops.length() != 1 || !Character.isDigit(hops.charAt(0))
        ? 0
        : hops.charAt(0) - '0';
  }

  /**
   * Forwards a request. On the exchange's I/O thread.
   *
   * @param unreachable is called on that thread if no connection can be made; the exchange is as it
   *     was
   */
  public void forward(HttpServerExchange exchange, Peer peer, Runnable unreachable) {
    boolean webSocket = isWebSocket(exchange);
    if (!webSocket) {
      // Or it would get a connection of its own, and the other node might change its protocol.
      exchange.getRequestHeaders().remove(Headers.UPGRADE);
    }
    Errand errand = new Errand(line(peer), webSocket, unreachable);
    exchange.dispatch(SameThreadExecutor.INSTANCE, () -> connect(exchange, errand));
  }

  private static boolean isWebSocket(HttpServerExchange exchange) {
    String path = exchange.getRelativePath();
    return exchange.getRequestMethod().equals(Methods.GET)
        && (path.equals("/ws") || path.startsWith("/ws/"))
        && "websocket".equalsIgnoreCase(exchange.getRequestHeaders().getFirst(Headers.UPGRADE));
  }

  /**
   * Time has passed; about once a second. Asks each node where something is under way whether it is
   * still there: one that is silently cut off would keep its clients waiting until they notice.
   */
  public void check() {
    Map<String, Peer> asked = new HashMap<>();
    link.called().forEach(peer -> asked.put(peer.id(), peer));
    lines.values().stream()
        .filter(line -> !line.busy().isEmpty())
        .forEach(line -> asked.put(line.peer().id(), line.peer()));
    asked.values().forEach(this::check);
  }

  private void check(Peer peer) {
    Line before = lines.get(peer.id());
    var unused =
        link.answers(peer)
            .thenAccept(
                answers -> {
                  if (!answers) {
                    LOG.warn("Node {} does not answer over the network.", peer.id());
                    link.lost(peer.id());
                    // Whoever asked before may have ended it; what has begun since is new.
                    if (before != null && lines.remove(peer.id(), before)) {
                      end(before);
                    }
                  }
                });
  }

  /** Ends whatever is under way to a node that has gone. */
  public void lost(String node) {
    Line line = lines.remove(node);
    if (line != null) {
      end(line);
    }
  }

  private static void end(Line line) {
    // What the pool keeps unused ends by its time; only I/O threads may touch it.
    line.busy().forEach(Trip::end);
  }

  /**
   * This node goes down: ends what is under way through it to other nodes, spread over a time so
   * that the clients do not come back as a herd. They go on where they were, over another node.
   */
  public void drain(long millis) {
    List<Trip> all = new ArrayList<>();
    lines.values().forEach(line -> all.addAll(line.busy()));
    for (int i = 0; i < all.size(); i++) {
      Trip trip = all.get(i);
      var unused =
          timer.newTimeout(due -> trip.end(), millis * i / all.size(), TimeUnit.MILLISECONDS);
    }
  }

  private Line line(Peer peer) {
    return lines.computeIfAbsent(
        peer.id(),
        id ->
            new Line(
                peer,
                new ProxyConnectionPool(
                    new PoolLimits(maxConnections),
                    URI.create("http://" + peer.address()),
                    UndertowClient.getInstance(),
                    OptionMap.builder()
                        .set(Options.TCP_NODELAY, true)
                        .set(UndertowOptions.ENABLE_HTTP2, false)
                        .getMap()),
                ConcurrentHashMap.newKeySet(),
                new AtomicInteger(),
                new AtomicInteger()));
  }

  private void connect(HttpServerExchange exchange, Errand errand) {
    if (errand.webSocket() && errand.line().webSockets().get() >= maxWebSockets) {
      Exchanges.fail(exchange, busy());
      return;
    }
    AtomicBoolean answered = new AtomicBoolean();
    var late =
        timer.newTimeout(
            expired -> {
              if (answered.compareAndSet(false, true)) {
                exchange.getIoThread().execute(errand.unreachable());
              }
            },
            CONNECT_MILLIS,
            TimeUnit.MILLISECONDS);
    errand
        .line()
        .pool()
        .connect(
            TARGET,
            exchange,
            new ProxyCallback<>() {
              @Override
              public void completed(HttpServerExchange same, ProxyConnection connection) {
                if (!answered.compareAndSet(false, true)) {
                  IoUtils.safeClose(connection.getConnection());
                  return;
                }
                late.cancel();
                same.dispatch(
                    SameThreadExecutor.INSTANCE,
                    () -> send(same, errand, connection.getConnection()));
              }

              @Override
              public void failed(HttpServerExchange same) {
                if (answered.compareAndSet(false, true)) {
                  late.cancel();
                  same.getIoThread().execute(errand.unreachable());
                }
              }

              @Override
              public void couldNotResolveBackend(HttpServerExchange same) {
                failed(same);
              }

              @Override
              public void queuedRequestFailed(HttpServerExchange same) {
                if (answered.compareAndSet(false, true)) {
                  late.cancel();
                  same.getIoThread().execute(() -> Exchanges.fail(same, busy()));
                }
              }
            },
            CONNECT_MILLIS,
            TimeUnit.MILLISECONDS,
            errand.webSocket());
  }

  private void send(HttpServerExchange exchange, Errand errand, ClientConnection connection) {
    begin(exchange, errand, connection);
    new Relay(exchange, connection, reason -> unanswered(errand.line().peer(), reason))
        .go(
            Map.of(
                SECRET,
                link.secret().current(),
                CLIENT,
                Requests.address(exchange),
                HOPS,
                Integer.toString(hops(exchange) + 1)));
  }

  /** Says so once in a while, however often it happens, and nothing of the request. */
  private void unanswered(Peer peer, IOException reason) {
    long now = System.nanoTime();
    long due = loggedNext.get();
    if (now - due >= 0 && loggedNext.compareAndSet(due, now + QUIET_NANOS)) {
      LOG.warn("Node {} did not answer a request: {}", peer.id(), reason.toString());
    }
  }

  /**
   * Forwards a WebSocket that is open already: asks the other node for one that has the session,
   * and then carries the bytes of both. On the connection's I/O thread.
   *
   * @param unreachable is called on that thread if no connection can be made; nothing has been said
   *     to the client then
   */
  void forward(LateRequest request, Peer peer, Runnable unreachable) {
    Line line = line(peer);
    if (line.webSockets().get() >= maxWebSockets) {
      request.refuse(busy());
      return;
    }
    new LateWebSocket(request, link.secret().current(), unreachable, timer, CONNECT_MILLIS)
        .go(
            URI.create("http://" + peer.address()),
            (connection, client) -> beginWebSocket(line, connection, client));
  }

  /**
   * Has an opening answered by the node that remembers it, whose answer is given as it is. On the
   * exchange's I/O thread.
   *
   * @param body the request's, which has been read
   * @param gone is called on that thread if the node is not there, or goes down and has given the
   *     session away
   */
  void open(HttpServerExchange exchange, Peer peer, byte[] body, Runnable gone)
      throws ProtocolException {
    AtomicInteger underWay = line(peer).openings();
    if (underWay.incrementAndGet() > maxConnections) {
      underWay.decrementAndGet();
      throw busy();
    }
    String token = Requests.token(exchange);
    List<String> headers =
        List.of(CLIENT.toString(), Requests.address(exchange), HOPS.toString(), "1");
    String target =
        exchange.getRequestPath()
            + (token == null ? "" : "?token=" + URLEncoder.encode(token, StandardCharsets.UTF_8));
    CompletionStage<Optional<HttpResponse<byte[]>>> answer =
        link.open(peer, target, body, headers)
            .thenApply(Optional::of)
            .exceptionallyCompose(
                failure ->
                    Stages.cause(failure) instanceof IOException
                        ? CompletableFuture.completedStage(Optional.empty())
                        : CompletableFuture.failedStage(failure))
            .whenComplete((answered, failure) -> underWay.decrementAndGet());
    Exchanges.await(
        exchange,
        answer,
        there -> {
          if (there.isEmpty() || isDraining(there.get())) {
            gone.run();
          } else {
            relay(exchange, there.get());
          }
        });
  }

  private static boolean isDraining(HttpResponse<byte[]> answer) {
    try {
      return answer.statusCode() == ErrorCode.DRAINING.status()
          && ErrorCode.DRAINING.code().equals(Json.object(answer.body()).text("code"));
    } catch (ProtocolException garbled) {
      return false;
    }
  }

  private void relay(HttpServerExchange exchange, HttpResponse<byte[]> answer) {
    Exchanges.inTime(exchange, timer, answer.body().length);
    exchange.setStatusCode(answer.statusCode());
    for (HttpString name : RELAYED) {
      answer
          .headers()
          .firstValue(name.toString())
          .ifPresent(value -> exchange.getResponseHeaders().put(name, value));
    }
    exchange.getResponseSender().send(ByteBuffer.wrap(answer.body()));
  }

  private static ProtocolException busy() {
    return new ProtocolException(
        ErrorCode.UNAVAILABLE, "Too many requests are under way to the session's node.");
  }

  /** The request goes out on the connection: either end that leaves ends the other. */
  private static void begin(
      HttpServerExchange exchange, Errand errand, ClientConnection connection) {
    Line line = errand.line();
    if (errand.webSocket()) {
      beginWebSocket(exchange, line, connection);
      return;
    }
    Trip trip = new Trip(connection, null);
    line.busy().add(trip);
    PeerWatch watch =
        new PeerWatch(
            exchange,
            () -> {
              // First, so that nobody tries to answer it.
              IoUtils.safeClose(exchange.getConnection());
              cut(connection);
            });
    watch.start();
    if (isStream(exchange)) {
      // Nothing else tells that a reader has left while nothing is written. The connection ends
      // with the stream, so what the watch might take of a next request is missed by nobody.
      exchange.setPersistent(false);
    } else {
      exchange.addResponseCommitListener(committing -> watch.stop());
    }
    exchange.addExchangeCompleteListener(
        (complete, next) -> {
          watch.stop();
          line.busy().remove(trip);
          next.proceed();
        });
  }

  private static void beginWebSocket(
      HttpServerExchange exchange, Line line, ClientConnection connection) {
    beginWebSocket(line, connection, exchange.getConnection());
    exchange.addExchangeCompleteListener(
        (complete, next) -> {
          if (complete.getStatusCode() != StatusCodes.SWITCHING_PROTOCOLS) {
            // It was refused; no pool takes the connection back.
            cut(connection);
          }
          next.proceed();
        });
  }

  private static void beginWebSocket(Line line, ClientConnection connection, Closeable client) {
    Trip trip = new Trip(connection, client);
    line.busy().add(trip);
    line.webSockets().incrementAndGet();
    connection.addCloseListener(
        closed -> {
          if (line.busy().remove(trip)) {
            line.webSockets().decrementAndGet();
          }
        });
  }

  /**
   * Ends a connection now, whatever is under way. Its own {@code close()} would not tell the other
   * end of it for ten seconds, since it means to drain it first.
   */
  static void cut(ClientConnection connection) {
    try {
      IoUtils.safeClose(connection.performUpgrade());
    } catch (IOException alreadyClosed) {
      IoUtils.safeClose(connection);
    }
  }

  private static boolean isStream(HttpServerExchange exchange) {
    String path = exchange.getRequestPath();
    return path.endsWith("/events") || path.endsWith("/stream");
  }

  /** Bounds of a pool; a node that could not be reached once is tried again at once. */
  private record PoolLimits(int maxConnections)
      implements io.undertow.server.handlers.proxy.ConnectionPoolManager {
    private static final int KEPT = 32;
    private static final long KEPT_MILLIS = 30_000;

    @Override
    public int getMaxConnections() {
      return maxConnections;
    }

    @Override
    public int getMaxCachedConnections() {
      return KEPT;
    }

    @Override
    public int getSMaxConnections() {
      return 0;
    }

    @Override
    public long getTtl() {
      return KEPT_MILLIS;
    }

    @Override
    public int getMaxQueueSize() {
      return 0;
    }

    @Override
    public int getProblemServerRetry() {
      return 1;
    }

    @Override
    public boolean isAvailable() {
      return true;
    }

    @Override
    public boolean handleError() {
      // True keeps the pool usable: whether the node is alive is known better elsewhere.
      return true;
    }

    @Override
    public boolean clearError() {
      return true;
    }
  }
}
