package dev.footbridge.support;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.auth.Authenticator;
import dev.footbridge.auth.Authorizer;
import dev.footbridge.auth.Identity;
import dev.footbridge.channelapi.HubLimits;
import dev.footbridge.channelapi.HubService;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.hub.Colleagues;
import dev.footbridge.hub.Hub;
import dev.footbridge.io.Lane;
import dev.footbridge.session.Session;
import dev.footbridge.session.SessionOptions;
import dev.footbridge.session.Sessions;
import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.store.Retention;
import dev.footbridge.store.memory.MemoryChannelStore;
import dev.footbridge.store.memory.MemoryPresenceStore;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Store, hub and sessions without sockets and threads: time passes when it is told to, and what is
 * for an I/O thread happens in {@link #settle}. A token is the user's name; {@code bad} is
 * nobody's. Nobody may do anything with channels and procedures whose name begins with {@code
 * secret}, unless the command carries the token {@code key}.
 */
public final class TestHub {
  /** Room for everything that a test does not make scarce. */
  public static final HubLimits LIMITS = new HubLimits(100, 10, 10, 10_000, 10_000, 100, 100_000);

  private static final SessionOptions OPTIONS =
      new SessionOptions(
          100_000,
          1 << 20,
          1 << 20,
          TimeUnit.SECONDS.toNanos(60),
          TimeUnit.SECONDS.toNanos(25),
          TimeUnit.SECONDS.toNanos(1));

  private final ManualClock clock = new ManualClock();
  private final ManualTimer timer = new ManualTimer(clock);
  private final ManualExecutor threads = new ManualExecutor();
  private final Lane lane = new Lane(threads);
  private final Hub hub;
  private final Sessions sessions;
  private volatile @Nullable CompletableFuture<Void> permission;

  private TestHub(Builder builder) {
    ChannelStore store =
        builder.store != null
            ? builder.store
            : new MemoryChannelStore(name -> builder.retention, 1000, 1L << 30, clock, clock);
    hub = new Hub(store, builder.presence, builder.colleagues, () -> builder.node, timer);
    Authenticator authenticator =
        (token, address) ->
            "bad".equals(token)
                ? CompletableFuture.failedStage(
                    new ProtocolException(ErrorCode.UNAUTHENTICATED, "Nobody has this token."))
                : CompletableFuture.completedStage(
                    token == null
                        ? Identity.ANONYMOUS
                        : new Identity(token, "{\"nick\":1}".getBytes(UTF_8)));
    HubService service = new HubService(hub, authenticator, authorizer(), builder.limits);
    sessions =
        new Sessions(
            builder.node,
            new SessionOptions(
                builder.bufferBytes,
                OPTIONS.messageBytes(),
                OPTIONS.batchBytes(),
                OPTIONS.ttlNanos(),
                OPTIONS.pingNanos(),
                OPTIONS.windowNanos()),
            new Sessions.SessionLimits(1000, 1000),
            service,
            List.of("websocket"),
            clock);
  }

  private Authorizer authorizer() {
    return (action, who, name, token) -> {
      if (name.startsWith("secret") && !"key".equals(token)) {
        return CompletableFuture.failedStage(
            new ProtocolException(ErrorCode.FORBIDDEN, "This is not for you."));
      }
      CompletionStage<?> slow = permission;
      return slow == null ? CompletableFuture.completedStage(null) : slow;
    };
  }

  /** A hub with room for everything. */
  public static TestHub roomy() {
    return builder().build();
  }

  /** A builder with room for everything. */
  public static Builder builder() {
    return new Builder();
  }

  /** What a test makes scarce or puts in the place of something else. */
  public static final class Builder {
    private HubLimits limits = LIMITS;
    private Retention retention = new Retention(10_000, 1 << 24, Duration.ofMinutes(10).toNanos());
    private int bufferBytes = OPTIONS.bufferBytes();
    private @Nullable ChannelStore store;
    private PresenceStore presence = new MemoryPresenceStore();
    private Colleagues colleagues = Colleagues.NONE;
    private String node = "m";

    private Builder() {}

    /** What a session may ask. */
    public Builder limits(HubLimits some) {
      limits = some;
      return this;
    }

    /** How many messages a channel keeps. */
    public Builder keeping(int messages) {
      retention = new Retention(messages, 1 << 24, retention.ageNanos());
      return this;
    }

    /** How much a session holds. */
    public Builder buffer(int bytes) {
      bufferBytes = bytes;
      return this;
    }

    /** Another store. */
    public Builder store(ChannelStore other) {
      store = other;
      return this;
    }

    /** A node of that name among others with the same presence store. */
    public Builder node(String name, PresenceStore shared, Colleagues others) {
      node = name;
      presence = shared;
      colleagues = others;
      return this;
    }

    /** The hub. */
    public TestHub build() {
      return new TestHub(this);
    }
  }

  /** The hub itself. */
  public Hub hub() {
    return hub;
  }

  /** The sessions. */
  public Sessions sessions() {
    return sessions;
  }

  /** The lane that all sessions begin on. */
  public Lane lane() {
    return lane;
  }

  /** The timer, and with it the time. */
  public ManualTimer timer() {
    return timer;
  }

  /** From now on nobody is told whether it may until {@link #decide}. */
  public void hesitate() {
    permission = new CompletableFuture<>();
  }

  /** Whoever waits, may; and everybody who asks later. */
  public void decide() {
    CompletableFuture<Void> waiting = permission;
    permission = null;
    waiting.complete(null);
    settle();
  }

  /** Whoever waits, may not. */
  public void refuse() {
    CompletableFuture<Void> waiting = permission;
    permission = null;
    waiting.completeExceptionally(new ProtocolException(ErrorCode.FORBIDDEN, "No."));
    settle();
  }

  /** A client with a session of its own. */
  public TestClient client() {
    return client(null);
  }

  /** A client with a session of its own. */
  public TestClient client(@Nullable String user) {
    TestClient client = new TestClient(open(user), lane);
    settle();
    return client;
  }

  /** A session, as a client opens it. */
  public Session open(@Nullable String user, String... subscribe) {
    return Stage.get(opening(user, subscribe));
  }

  /** The opening of a session. */
  public CompletionStage<Session> opening(@Nullable String user, String... subscribe) {
    return sessions.open(
        new OpenRequest(
            OpenRequest.HUB,
            user,
            List.of(),
            Stream.of(subscribe).map(wish -> wish.getBytes(UTF_8)).toList(),
            "127.0.0.1"),
        lane);
  }

  /** Everything that is for an I/O thread happens. */
  public void settle() {
    threads.run();
  }

  /** Time passes. */
  public void letPass(long amount, TimeUnit unit) {
    timer.advance(amount, unit);
    settle();
  }

  /** Says a command and gives what the client has heard since, the reply first or last. */
  public List<JsonNode> exchange(TestClient client, String op, String fields) {
    client.command(op, fields);
    settle();
    return client.heard();
  }

  /** Says a command and gives the data of its reply, which is all that the client has heard. */
  public JsonNode ask(TestClient client, String op, String fields) {
    JsonNode reply = reply(client, op, fields);
    if (!reply.has("data")) {
      throw new AssertionError("An error: " + reply);
    }
    return reply.get("data");
  }

  /** Says a command and gives the code of the error that it is answered by. */
  public String error(TestClient client, String op, String fields) {
    JsonNode reply = reply(client, op, fields);
    if (!reply.path("error").path("message").asText().endsWith(".")) {
      throw new AssertionError("No error with a sentence: " + reply);
    }
    return reply.get("error").get("code").textValue();
  }

  private JsonNode reply(TestClient client, String op, String fields) {
    int id = client.command(op, fields);
    settle();
    List<JsonNode> heard = client.heard();
    if (heard.size() != 1
        || !heard.get(0).get("op").textValue().equals("reply")
        || heard.get(0).get("id").intValue() != id) {
      throw new AssertionError("Not one reply: " + heard);
    }
    return heard.get(0);
  }
}
