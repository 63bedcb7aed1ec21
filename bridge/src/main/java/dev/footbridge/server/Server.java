package dev.footbridge.server;

import dev.footbridge.bridge.PublicHandler;
import dev.footbridge.bridge.feed.Feeds;
import dev.footbridge.bridge.forward.ClusterAccess;
import dev.footbridge.bridge.forward.Forwarder;
import dev.footbridge.bridge.forward.InternalHandler;
import dev.footbridge.bridge.probe.Probes;
import dev.footbridge.bridge.transport.LocalSessions;
import dev.footbridge.bridge.transport.SessionAccess;
import dev.footbridge.cluster.Cluster;
import dev.footbridge.cluster.PeerLink;
import dev.footbridge.config.Config;
import dev.footbridge.config.Setting;
import dev.footbridge.node.Node;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpHandler;
import io.undertow.server.handlers.HttpContinueReadHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.xnio.Option;
import org.xnio.OptionMap;
import org.xnio.Options;
import org.xnio.Xnio;
import org.xnio.XnioIoThread;
import org.xnio.XnioWorker;

/**
 * A running server: a node, its public listener and, if it shares a store with others, the internal
 * one for these. Safe for any thread.
 */
public final class Server implements AutoCloseable {
  /** The transports of a node that has both the core and the bridge, best first. */
  public static final List<String> TRANSPORTS =
      List.of("websocket", "sse", "stream", "longpoll", "shortpoll", "jsonp");

  private static final int BACKLOG = 4096;

  /** The parser's own limit is above ours, so that ours can answer; it ends the connection. */
  private static final int PARSER_HEADER_FACTOR = 4;

  /**
   * So much of a body is read and dropped when nobody wants it, in multiples of the largest that is
   * wanted; beyond, the connection is ended.
   */
  private static final int ENTITY_FACTOR = 8;

  /** Buffers are shared and only in use while data moves. */
  private static final int BUFFER_BYTES = 16 * 1024;

  /** A bye is handed over, then written, then the connection is ended. */
  private static final int LAST_ROUNDS = 4;

  private final XnioWorker worker;
  private final List<XnioIoThread> ioThreads;
  private final Node node;
  private final Feeds feeds = new Feeds();
  private final Probes probes;
  private final Health health;
  private final Undertow undertow;
  private final @Nullable Undertow internal;
  private @Nullable Forwarder forwarder;
  private final int port;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Server(Config config, Node.Application application, PagesFactory pages)
      throws IOException {
    int threads = config.getInt(Setting.IO_THREADS);
    int count = threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
    this.worker =
        Xnio.getInstance()
            .createWorker(
                OptionMap.builder()
                    .set(Options.WORKER_IO_THREADS, count)
                    .set(Options.CONNECTION_HIGH_WATER, 1_000_000)
                    .set(Options.CONNECTION_LOW_WATER, 1_000_000)
                    .set(Options.WORKER_TASK_CORE_THREADS, 1)
                    .set(Options.WORKER_TASK_MAX_THREADS, 2)
                    .set(Options.WORKER_NAME, "footbridge")
                    .set(Options.THREAD_DAEMON, true)
                    .set(Options.TCP_NODELAY, true)
                    .getMap());
    List<XnioIoThread> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.add(worker.getIoThread(i));
    }
    this.ioThreads = List.copyOf(all);
    try {
      this.node = new Node(config, application, all, TRANSPORTS);
    } catch (IOException | RuntimeException e) {
      worker.shutdownNow();
      throw e;
    }
    node.everySecond(feeds::check);
    this.probes =
        new Probes(
            config.getInt(Setting.LIMITS_PROBES), config.getInt(Setting.LIMITS_PROBES_PER_ADDRESS));
    this.health = new Health(node);
    try {
      HttpHandler root =
          new HttpContinueReadHandler(
              new PublicHandler(node, access(config), feeds, probes, health, pages.pages(node)));
      this.internal = startInternal(config, root);
      this.undertow =
          listener(
              config,
              config.getInt(Setting.PORT),
              config.host(),
              internal == null ? root : Forwarder.notFromNodes(root));
      node.restore();
      start(undertow, config, config.getInt(Setting.PORT), config.host());
      node.started();
    } catch (IOException | RuntimeException e) {
      node.leave();
      node.close();
      worker.shutdownNow();
      throw e;
    }
    this.port = portOf(undertow);
    health.listensOn(port, config.host(), config.basePath());
  }

  private SessionAccess access(Config config) {
    Cluster cluster = node.cluster();
    PeerLink link = node.link();
    if (cluster == null || link == null) {
      return new LocalSessions(node.sessions());
    }
    int connections = config.getInt(Setting.CLUSTER_CONNECTIONS);
    Forwarder toOthers =
        new Forwarder(link, connections, connections * ioThreads.size(), node.timer());
    cluster.onLost(toOthers::lost);
    node.everySecond(now -> toOthers.check());
    forwarder = toOthers;
    return new ClusterAccess(node.sessions(), node.openings(), cluster, toOthers);
  }

  /** Listens for other nodes and takes this one's place among them; nothing if it is alone. */
  private @Nullable Undertow startInternal(Config config, HttpHandler root) throws IOException {
    Cluster cluster = node.cluster();
    PeerLink link = node.link();
    String host = node.internalHost();
    if (cluster == null || link == null || host == null) {
      return null;
    }
    int wanted = config.getInt(Setting.INTERNAL_PORT);
    Undertow listening =
        listener(
            config,
            wanted,
            host,
            new InternalHandler(node, cluster.membership(), root, link.secret()));
    start(listening, config, wanted, host);
    node.join(portOf(listening));
    return listening;
  }

  private static void start(Undertow listener, Config config, int port, String host)
      throws BindException {
    try {
      listener.start();
      serveHttp2(listener, config);
    } catch (RuntimeException e) {
      if (e.getCause() instanceof BindException) {
        throw new BindException(
            "Port " + port + " on " + host + " cannot be listened on: it is taken or not allowed.");
      }
      throw e;
    }
  }

  private static int portOf(Undertow listener) {
    return ((InetSocketAddress) listener.getListenerInfo().get(0).getAddress()).getPort();
  }

  /** Makes the pages of a server, which may use its node. */
  public interface PagesFactory {
    /** The handler of all paths that are none of the protocol's. */
    HttpHandler pages(Node node);
  }

  /**
   * Starts a server.
   *
   * @throws IOException with a sentence for the operator: a port that cannot be listened on, a
   *     store or a data directory that cannot be used
   */
  public static Server start(Config config, Node.Application application, PagesFactory pages)
      throws IOException {
    return new Server(config, application, pages);
  }

  private Undertow listener(Config config, int port, String host, HttpHandler root) {
    Undertow.Builder builder =
        Undertow.builder()
            .setWorker(worker)
            .setBufferSize(BUFFER_BYTES)
            .setDirectBuffers(true)
            .addHttpListener(port, host, root)
            .setSocketOption(Options.BACKLOG, BACKLOG)
            .setSocketOption(Options.TCP_NODELAY, true)
            .setSocketOption(Options.REUSE_ADDRESSES, true);
    OptionMap options = options(config);
    options.forEach(option -> set(builder, option, options));
    return builder.build();
  }

  private static <T> void set(Undertow.Builder builder, Option<T> option, OptionMap options) {
    builder.setServerOption(option, options.get(option));
  }

  private static OptionMap options(Config config) {
    int headerTimeout = config.getInt(Setting.LIMITS_HEADER_TIMEOUT_MILLIS);
    int keepAlive = (int) TimeUnit.SECONDS.toMillis(config.get(Setting.LIMITS_KEEP_ALIVE_SECONDS));
    int headers = PARSER_HEADER_FACTOR * config.getInt(Setting.LIMITS_HEADER_BYTES);
    return OptionMap.builder()
        // Or an answer would wait for that to the next request, which may be held for a minute.
        .set(UndertowOptions.BUFFER_PIPELINED_DATA, false)
        .set(UndertowOptions.ALWAYS_SET_KEEP_ALIVE, false)
        .set(UndertowOptions.ALWAYS_SET_DATE, false)
        .set(UndertowOptions.MAX_HEADER_SIZE, headers)
        .set(UndertowOptions.MAX_HEADERS, 100)
        .set(UndertowOptions.MAX_PARAMETERS, 50)
        .set(UndertowOptions.MAX_COOKIES, 50)
        .set(
            UndertowOptions.MAX_ENTITY_SIZE, ENTITY_FACTOR * config.get(Setting.LIMITS_BATCH_BYTES))
        .set(UndertowOptions.REQUEST_PARSE_TIMEOUT, headerTimeout)
        .set(UndertowOptions.NO_REQUEST_TIMEOUT, keepAlive)
        .set(UndertowOptions.SHUTDOWN_TIMEOUT, 2000)
        .getMap();
  }

  /**
   * Whoever begins with HTTP/2 is served so from now on. It is not among the options with which the
   * listener starts, since Undertow would then upgrade to it from HTTP/1.1, too: RFC 9113 has given
   * that up, and clients that still offer it (Java's, curl) fail on a large first answer.
   */
  private static void serveHttp2(Undertow listener, Config config) {
    OptionMap options =
        OptionMap.builder()
            .addAll(options(config))
            .set(UndertowOptions.ENABLE_HTTP2, true)
            .getMap();
    listener.getListenerInfo().forEach(info -> info.setServerOptions(options));
  }

  /** The node. */
  public Node node() {
    return node;
  }

  /** The port that is listened on. */
  public int port() {
    return port;
  }

  /** Waits until each I/O thread has done what it had to do, and what that led to. */
  private void letLastWordsOut() {
    for (int round = 0; round < LAST_ROUNDS; round++) {
      CountDownLatch done = new CountDownLatch(ioThreads.size());
      ioThreads.forEach(thread -> node.lanes().of(thread).execute(done::countDown));
      try {
        if (!done.await(1, TimeUnit.SECONDS)) {
          return;
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /**
   * Takes no new sessions, gives those that there are to other nodes or the data directory, sends
   * the clients away to come back, and stops. Again does nothing.
   *
   * @throws UncheckedIOException after all that, where the data directory could not be written
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    health.drain();
    node.refuse();
    probes.drain(node.sessions().farewells());
    // What has been published must have left before the sessions end.
    letLastWordsOut();
    if (forwarder != null) {
      forwarder.drain(TimeUnit.SECONDS.toMillis(node.config().get(Setting.DRAIN_SECONDS)) / 2);
    }
    node.giveAway();
    IOException unsaved = save();
    node.drain();
    feeds.closeAll();
    letLastWordsOut();
    undertow.stop();
    node.leave();
    if (internal != null) {
      internal.stop();
    }
    worker.shutdown();
    try {
      if (!worker.awaitTermination(2, TimeUnit.SECONDS)) {
        worker.shutdownNow();
      }
    } catch (InterruptedException e) {
      worker.shutdownNow();
      Thread.currentThread().interrupt();
    }
    node.close();
    if (unsaved != null) {
      throw new UncheckedIOException(
          "What the server held could not be kept: " + unsaved.getMessage(), unsaved);
    }
  }

  private @Nullable IOException save() {
    try {
      node.save();
      return null;
    } catch (IOException e) {
      return e;
    }
  }
}
