package dev.footbridge.bridge.feed;

import dev.footbridge.auth.Authorizer.Action;
import dev.footbridge.auth.Identity;
import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.Routes;
import dev.footbridge.channelapi.HubService;
import dev.footbridge.config.Setting;
import dev.footbridge.http.Requests;
import dev.footbridge.hub.Hub;
import dev.footbridge.hub.Names;
import dev.footbridge.io.Stages;
import dev.footbridge.node.Node;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code /channels/NAME} and {@code /channels/A,B,…}. */
public final class ChannelsHandler implements HttpHandler {
  private static final HttpString LAST_EVENT_ID = new HttpString("Last-Event-ID");
  private static final HttpString IDEMPOTENCY_KEY = new HttpString("Idempotency-Key");

  /** With more, an event's id would not fit a request's headers when its client comes back. */
  private static final int MAX_CHANNELS = 100;

  private static final int MAX_KEY_LENGTH = 256;
  private static final int MAX_LIMITERS = 10_000;

  private final Node node;
  private final HubService service;
  private final Feeds feeds;
  private final Map<String, RateLimiter> limiters =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, RateLimiter> eldest) {
          return size() > MAX_LIMITERS;
        }
      };

  /** Wires the parts; none of them is owned. */
  public ChannelsHandler(Node node, Feeds feeds) {
    this.node = node;
    this.service = node.service();
    this.feeds = feeds;
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws ProtocolException {
    String[] path = exchange.getRelativePath().split("/", -1);
    if (path.length != 3) {
      throw Routes.notFound();
    }
    List<String> names = names(path[2]);
    Routes.require(exchange, "GET", "POST");
    String address = Requests.address(exchange);
    Exchanges.await(
        exchange,
        service.authenticate(Requests.token(exchange), address),
        who -> {
          if (exchange.getRequestMethod().equalToString("POST")) {
            publish(exchange, one(names), who);
          } else {
            read(exchange, names, who);
          }
        });
  }

  private List<String> names(String list) throws ProtocolException {
    Set<String> names = new LinkedHashSet<>();
    for (String name : list.split(",", -1)) {
      if (!names.add(Names.check(name))) {
        throw ProtocolException.malformed("The channel \"" + name + "\" is named twice.");
      }
    }
    int most = Math.min(MAX_CHANNELS, service.limits().channels());
    if (names.size() > most) {
      throw new ProtocolException(
          ErrorCode.TOO_LARGE, "A feed may have at most " + most + " channels.");
    }
    return List.copyOf(names);
  }

  private static String one(List<String> names) throws ProtocolException {
    if (names.size() > 1) {
      throw ProtocolException.malformed("Only a feed may name several channels.");
    }
    return names.get(0);
  }

  // ---- reading ----

  private void read(HttpServerExchange exchange, List<String> names, Identity who)
      throws ProtocolException {
    String accept = exchange.getRequestHeaders().getFirst(Headers.ACCEPT);
    String wanted = accept == null ? "" : accept.toLowerCase(Locale.ROOT);
    boolean events = wanted.contains("text/event-stream");
    if (events || wanted.contains("application/x-ndjson")) {
      List<@Nullable Position> since = since(exchange, names.size());
      await(exchange, names, Action.SUBSCRIBE, who, () -> feed(exchange, names, since, events));
      return;
    }
    String name = one(names);
    Position since = since(exchange, 1).get(0);
    long wait = Requests.count(exchange, "wait");
    int most = service.limits().historyMessages();
    long limit = Requests.count(exchange, "limit");
    int count = limit < 0 ? most : (int) Math.min(limit, most);
    await(
        exchange,
        names,
        Action.HISTORY,
        who,
        () ->
            Exchanges.await(
                exchange,
                service.hub().history(name, since, count),
                page -> answer(exchange, name, since, page, wait, count)));
  }

  private void await(
      HttpServerExchange exchange, List<String> names, Action action, Identity who, Go then) {
    CompletableFuture<?>[] allowed =
        names.stream()
            .map(name -> service.authorize(action, who, name, null).toCompletableFuture())
            .toArray(CompletableFuture<?>[]::new);
    Exchanges.await(exchange, CompletableFuture.allOf(allowed), all -> then.go());
  }

  private interface Go {
    void go() throws ProtocolException;
  }

  private void answer(
      HttpServerExchange exchange,
      String name,
      @Nullable Position since,
      Page page,
      long waitSeconds,
      int limit)
      throws ProtocolException {
    if (!page.reached()) {
      throw HubService.gap(page.top());
    }
    if (since == null || waitSeconds <= 0 || !page.entries().isEmpty()) {
      Exchanges.json(exchange, node.timer(), 200, service.historyJson(page, since == null));
      return;
    }
    long wait = Math.min(waitSeconds, node.config().get(Setting.POLL_MAX_WAIT_SECONDS));
    new FeedPoll(node, exchange, name, since, Math.max(1, limit))
        .hold(TimeUnit.SECONDS.toNanos(wait));
  }

  private static List<@Nullable Position> since(HttpServerExchange exchange, int count)
      throws ProtocolException {
    String text = exchange.getRequestHeaders().getFirst(LAST_EVENT_ID);
    if (text == null) {
      text = Requests.query(exchange, "since");
    }
    List<@Nullable Position> positions = new ArrayList<>(count);
    if (text == null || text.isEmpty()) {
      for (int i = 0; i < count; i++) {
        positions.add(null);
      }
      return positions;
    }
    String[] parts = text.split(",", -1);
    if (parts.length != count) {
      throw ProtocolException.malformed(
          "The position must have one part for each of the " + count + " channels.");
    }
    for (String part : parts) {
      positions.add(Position.parse(part));
    }
    return positions;
  }

  private void feed(
      HttpServerExchange exchange,
      List<String> names,
      List<@Nullable Position> since,
      boolean events) {
    FeedStream feed = new FeedStream(node, feeds, exchange, events, names.size());
    List<CompletionStage<Hub.Begun>> begun = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      begun.add(service.hub().subscribe(names.get(i), feed, since.get(i), 0));
    }
    CompletableFuture<?>[] all =
        begun.stream()
            .map(CompletionStage::toCompletableFuture)
            .toArray(CompletableFuture<?>[]::new);
    Exchanges.await(
        exchange,
        CompletableFuture.allOf(all).whenComplete((done, failure) -> endIfFailed(begun, failure)),
        done -> {
          List<Hub.Begun> subscriptions = new ArrayList<>();
          begun.forEach(stage -> subscriptions.add(stage.toCompletableFuture().join()));
          feed.start(exchange, subscriptions, since);
        });
  }

  /** One channel that cannot be had must not leave the others subscribed to for nobody. */
  private static void endIfFailed(
      List<CompletionStage<Hub.Begun>> begun, @Nullable Throwable failure) {
    if (failure != null) {
      begun.forEach(stage -> Stages.on(stage, one -> one.subscription().end(), refused -> {}));
    }
  }

  // ---- publishing ----

  private void publish(HttpServerExchange exchange, String name, Identity who)
      throws ProtocolException {
    String type = exchange.getRequestHeaders().getFirst(Headers.CONTENT_TYPE);
    boolean plain = isPlain(type);
    String key = exchange.getRequestHeaders().getFirst(IDEMPOTENCY_KEY);
    if (key != null && (key.isEmpty() || key.length() > MAX_KEY_LENGTH)) {
      throw ProtocolException.malformed(
          "\"Idempotency-Key\" must have 1 to " + MAX_KEY_LENGTH + " characters.");
    }
    if (!limiter(Requests.address(exchange)).acquirePermission()) {
      throw new ProtocolException(
          ErrorCode.RATE_LIMITED,
          "An address may publish "
              + service.limits().publishPerSecond()
              + " messages a second over time.");
    }
    Exchanges.body(
        exchange,
        node.config().getInt(Setting.LIMITS_MESSAGE_BYTES),
        TimeUnit.MILLISECONDS.toNanos(node.config().get(Setting.LIMITS_BODY_TIMEOUT_MILLIS)),
        node.timer(),
        body -> {
          byte[] data =
              plain ? JsonWriter.quote(new String(body, StandardCharsets.UTF_8)) : Json.value(body);
          Exchanges.await(
              exchange,
              service
                  .authorize(Action.PUBLISH, who, name, null)
                  .thenCompose(
                      allowed ->
                          service.hub().publish(new Publication(name, data, who.user(), key))),
              position ->
                  Exchanges.json(
                      exchange,
                      node.timer(),
                      200,
                      JsonWriter.object()
                          .text("epoch", position.epoch())
                          .number("offset", position.offset())
                          .bytes()));
        });
  }

  private static boolean isPlain(@Nullable String type) throws ProtocolException {
    String media = type == null ? "" : type.split(";", 2)[0].trim().toLowerCase(Locale.ROOT);
    return switch (media) {
      case "", "application/json", "application/x-www-form-urlencoded" -> false;
      case "text/plain" -> true;
      default -> {
        if (media.startsWith("application/") && media.endsWith("+json")) {
          yield false;
        }
        throw new ProtocolException(
            ErrorCode.UNSUPPORTED_TYPE,
            "A message is published as application/json or as text/plain.");
      }
    };
  }

  private RateLimiter limiter(String address) {
    synchronized (limiters) {
      return limiters.computeIfAbsent(address, key -> service.newPublishLimiter());
    }
  }
}
