package dev.footbridge.cluster;

import dev.footbridge.hub.Colleagues;
import dev.footbridge.hub.NotTakenException;
import dev.footbridge.io.Stages;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.ProtocolException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What this node asks of another directly, over plain HTTP on the internal listeners: promises and
 * calls of procedures. Whole sessions are forwarded elsewhere. Safe for any thread; never blocks.
 */
public final class PeerLink implements Membership.PromiseLink {
  /** The header with the secret that all nodes of a store share. */
  public static final String SECRET = "Footbridge-Secret";

  /** Where promises are asked for. */
  public static final String PROMISE_PATH = "/promise";

  /** Where a node says that it is there. */
  public static final String PING_PATH = "/ping";

  /** Where procedures are called. */
  public static final String CALL_PATH = "/call";

  /** The header that says that nobody there has begun with a call, so that others may. */
  public static final String NOT_TAKEN = "Footbridge-Not-Taken";

  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(1);
  private static final Duration PING_LIMIT = Duration.ofSeconds(2);
  private static final Duration OPEN_LIMIT = Duration.ofSeconds(5);
  private static final int OPEN_TRIES = 3;
  private static final long SLACK_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int MOST_CHECKS = 100;
  private static final int OK = 200;
  private static final int NOT_FOUND = 404;

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_LIMIT)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  /** Where the platform's client does not say why it cannot connect: a thread that asks. */
  private final ExecutorService checks = checks();

  private final ClusterSecret secret;
  private final Map<String, Calls> underWay = new ConcurrentHashMap<>();

  /** The calls that are under way at a peer; never none. */
  private record Calls(Peer peer, Set<Call> all) {}

  /** A call under way; it is itself and no other. */
  private static final class Call {
    final CompletableFuture<byte[]> result = new CompletableFuture<>();
  }

  /**
   * @param secret what all nodes of the store share
   */
  public PeerLink(ClusterSecret secret) {
    this.secret = secret;
  }

  /** What all nodes of the store share. */
  public ClusterSecret secret() {
    return secret;
  }

  /**
   * Whether a node can be reached: false if it says nothing for 2 s, or nobody listens where it
   * did. Never completes exceptionally.
   */
  public CompletionStage<Boolean> answers(Peer peer) {
    HttpRequest request =
        request(peer, PING_PATH)
            .timeout(PING_LIMIT)
            .POST(HttpRequest.BodyPublishers.noBody())
            .build();
    return client
        .sendAsync(request, BodyHandlers.discarding())
        .handle(
            (answer, failure) -> {
              Throwable cause = failure == null ? null : Stages.cause(failure);
              // A kept connection that ended just then says nothing.
              return !(cause instanceof HttpTimeoutException || cause instanceof ConnectException);
            });
  }

  @Override
  public CompletionStage<Boolean> hasEnded(Peer peer) {
    HttpRequest request =
        request(peer, PING_PATH + "?node=" + peer.id())
            .timeout(CONNECT_LIMIT)
            .POST(HttpRequest.BodyPublishers.noBody())
            .build();
    return client
        .sendAsync(request, BodyHandlers.discarding())
        .thenApply(answer -> answer.statusCode() == NOT_FOUND)
        .exceptionallyCompose(
            failure ->
                // Such a failure can be many things, of which the client does not tell.
                Stages.cause(failure) instanceof ConnectException
                    ? CompletableFuture.supplyAsync(() -> isRefused(peer.address()), checks)
                    : CompletableFuture.completedFuture(false))
        .exceptionally(tooMany -> false);
  }

  /** Whether a machine is there and nothing listens. Blocks. */
  private static boolean isRefused(String address) {
    URI target = URI.create("http://" + address);
    try (Socket socket = new Socket()) {
      socket.connect(
          new InetSocketAddress(target.getHost(), target.getPort()),
          (int) CONNECT_LIMIT.toMillis());
      return false;
    } catch (ConnectException e) {
      return e.getMessage() != null && e.getMessage().startsWith("Connection refused");
    } catch (IOException e) {
      return false;
    }
  }

  private static ExecutorService checks() {
    ThreadPoolExecutor one =
        new ThreadPoolExecutor(
            1,
            1,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(MOST_CHECKS),
            task -> {
              Thread thread = new Thread(task, "footbridge-peer-check");
              thread.setDaemon(true);
              return thread;
            });
    one.allowCoreThreadTimeOut(true);
    return one;
  }

  @Override
  public CompletionStage<Boolean> ask(Peer peer, String onBehalfOf, long millis) {
    HttpRequest request =
        request(peer, PROMISE_PATH + "?node=" + onBehalfOf + "&millis=" + millis)
            .timeout(CONNECT_LIMIT)
            .POST(HttpRequest.BodyPublishers.noBody())
            .build();
    return client
        .sendAsync(request, BodyHandlers.discarding())
        .thenApply(answer -> answer.statusCode() == OK);
  }

  /**
   * Asks a node to open a session that it may have opened already, as its client itself would.
   *
   * @param target the path and the query
   * @param headers names and values in turn
   * @return the answer, whatever it is; or, exceptionally, {@code unavailable} where the node does
   *     not answer in time, and an {@link IOException} where it is not there
   */
  public CompletionStage<HttpResponse<byte[]>> open(
      Peer peer, String target, byte[] body, List<String> headers) {
    HttpRequest request =
        request(peer, target)
            .headers(headers.toArray(new String[0]))
            .timeout(OPEN_LIMIT)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    return open(request, OPEN_TRIES);
  }

  private CompletionStage<HttpResponse<byte[]>> open(HttpRequest request, int tries) {
    return client
        .sendAsync(request, BodyHandlers.ofByteArray())
        .exceptionallyCompose(
            failure -> {
              Throwable cause = Stages.cause(failure);
              if (cause instanceof ConnectException
                  || cause instanceof HttpConnectTimeoutException) {
                return CompletableFuture.failedFuture(cause);
              }
              if (cause instanceof HttpTimeoutException) {
                return CompletableFuture.failedFuture(
                    new ProtocolException(
                        ErrorCode.UNAVAILABLE, "The session's node does not answer."));
              }
              // Perhaps a kept connection that ended just then; asked twice it is done once.
              return tries > 1 && cause instanceof IOException
                  ? open(request, tries - 1)
                  : CompletableFuture.failedFuture(cause);
            });
  }

  /**
   * The way on which procedures of other nodes are called.
   *
   * @param alive finds a node that is alive, or null
   */
  public Colleagues.Link calls(Function<String, @Nullable Peer> alive) {
    return (node, procedure, data, user, timeoutNanos) -> {
      Peer peer = alive.apply(node);
      return peer == null
          ? CompletableFuture.failedFuture(NotTakenException.unavailable())
          : call(peer, procedure, data, user, timeoutNanos);
    };
  }

  private CompletableFuture<byte[]> call(
      Peer peer, String procedure, byte[] data, @Nullable String user, long timeoutNanos) {
    String query = "?procedure=" + procedure + "&timeout=" + timeoutNanos;
    if (user != null) {
      query += "&user=" + URLEncoder.encode(user, StandardCharsets.UTF_8);
    }
    HttpRequest request =
        request(peer, CALL_PATH + query)
            .timeout(Duration.ofNanos(timeoutNanos + SLACK_NANOS))
            .POST(HttpRequest.BodyPublishers.ofByteArray(data))
            .build();
    CompletableFuture<HttpResponse<byte[]>> sent =
        client.sendAsync(request, BodyHandlers.ofByteArray());
    Call call = new Call();
    underWay.compute(peer.id(), (node, calls) -> with(call, calls, peer));
    Stages.on(
        sent,
        answer -> answered(call.result, answer),
        failure -> call.result.completeExceptionally(broken(failure)));
    var unused =
        call.result.whenComplete(
            (done, failure) -> {
              underWay.computeIfPresent(peer.id(), (node, calls) -> without(call, calls));
              sent.cancel(true);
            });
    return call.result;
  }

  private static Calls with(Call call, @Nullable Calls calls, Peer peer) {
    Calls all = calls == null ? new Calls(peer, new HashSet<>()) : calls;
    all.all().add(call);
    return all;
  }

  private static @Nullable Calls without(Call call, Calls calls) {
    calls.all().remove(call);
    return calls.all().isEmpty() ? null : calls;
  }

  /** Peers at which calls are under way. */
  public Collection<Peer> called() {
    return underWay.values().stream().map(Calls::peer).toList();
  }

  private static void answered(CompletableFuture<byte[]> result, HttpResponse<byte[]> answer) {
    if (answer.statusCode() == OK) {
      result.complete(answer.body());
      return;
    }
    ProtocolException problem = problem(answer.body());
    if (answer.headers().firstValue(NOT_TAKEN).isEmpty()) {
      result.completeExceptionally(problem);
    } else {
      result.completeExceptionally(
          problem.code().equals(ErrorCode.NO_CALLEE.code())
              ? NotTakenException.noCallee()
              : NotTakenException.unavailable());
    }
  }

  /** A peer has gone: what it was asked for ends now. */
  public void lost(String node) {
    Calls calls = underWay.remove(node);
    if (calls != null) {
      List.copyOf(calls.all())
          .forEach(
              call ->
                  call.result.completeExceptionally(
                      new ProtocolException(
                          ErrorCode.INTERRUPTED, "The node of the callee has gone away.")));
    }
  }

  private HttpRequest.Builder request(Peer peer, String target) {
    return HttpRequest.newBuilder(URI.create("http://" + peer.address() + target))
        .header(SECRET, secret.current());
  }

  private static Exception broken(Throwable failure) {
    if (failure instanceof ConnectException || failure instanceof HttpConnectTimeoutException) {
      return NotTakenException.unavailable();
    }
    if (failure instanceof HttpTimeoutException) {
      return new ProtocolException(ErrorCode.TIMEOUT, "The callee did not answer in time.");
    }
    return new ProtocolException(ErrorCode.INTERRUPTED, "The node of the callee has gone away.");
  }

  /** The error that a problem document tells of. */
  private static ProtocolException problem(byte[] document) {
    try {
      JsonObject fields = Json.object(document);
      String code = fields.requiredText("code");
      String detail = fields.text("detail");
      for (ErrorCode known : ErrorCode.values()) {
        if (known.code().equals(code)) {
          return new ProtocolException(known, detail == null ? "" : detail);
        }
      }
      return ProtocolException.application(code, detail == null ? "" : detail);
    } catch (ProtocolException garbled) {
      return new ProtocolException(ErrorCode.INTERNAL, "The callee's node answered strangely.");
    }
  }
}
