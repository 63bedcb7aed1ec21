package dev.footbridge.channelapi;

import dev.footbridge.auth.Authenticator;
import dev.footbridge.auth.Authorizer;
import dev.footbridge.auth.Identity;
import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.Peer;
import dev.footbridge.endpoint.RestoreRequest;
import dev.footbridge.hub.Hub;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import io.github.resilience4j.ratelimiter.RateLimiter;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * What all sessions on the hub have in common: the hub itself, who may do what, and the limits.
 * Opens the endpoint of each new session. Safe for any thread.
 */
public final class HubService implements EndpointFactory {
  private final Hub hub;
  private final Authenticator authenticator;
  private final Authorizer authorizer;
  private final HubLimits limits;
  private final RateLimiterConfig publishRate;

  /** Wires the parts; none of them is owned. */
  public HubService(Hub hub, Authenticator authenticator, Authorizer authorizer, HubLimits limits) {
    this.hub = hub;
    this.authenticator = authenticator;
    this.authorizer = authorizer;
    this.limits = limits;
    this.publishRate =
        RateLimiterConfig.custom()
            .limitForPeriod(limits.publishBurst())
            .limitRefreshPeriod(
                Duration.ofNanos(
                    Math.max(
                        1, 1_000_000_000L * limits.publishBurst() / limits.publishPerSecond())))
            .timeoutDuration(Duration.ZERO)
            .build();
  }

  @Override
  public CompletionStage<? extends Endpoint> open(OpenRequest request, Peer peer) {
    return authenticator
        .authenticate(request.token(), request.address())
        .thenCompose(
            identity -> new HubEndpoint(this, peer, identity, request.address()).open(request));
  }

  /**
   * Expects the answer to each command, and the echo of what goes to the session's own channels.
   */
  @Override
  public int expect(OpenRequest request, List<Value> messages) throws ProtocolException {
    Set<String> channels = new HashSet<>();
    for (byte[] wish : request.subscribe()) {
      channels.add(Subscriptions.fields(wish).requiredText("channel"));
    }
    int expected = 0;
    for (Value value : messages) {
      HubEndpoint.checkValue(value);
      if (value instanceof Value.Command command && command.id() != null) {
        expected++;
        String channel = channel(command);
        if (channel != null && command.op().equals("subscribe")) {
          channels.add(channel);
        } else if (command.op().equals("unsubscribe")) {
          channels.remove(channel);
        } else if (command.op().equals("publish") && channels.contains(channel)) {
          expected++;
        }
      }
    }
    return expected;
  }

  /** Null also where it is none; the command's own answer says so. */
  private static @Nullable String channel(Value.Command command) {
    try {
      return command.fields().text("channel");
    } catch (ProtocolException none) {
      return null;
    }
  }

  /** Whoever has another token must be the same user by it, if the session has one. */
  @Override
  public CompletionStage<Boolean> isOpenedBy(
      Endpoint endpoint, OpenRequest request, boolean sameToken) {
    String user = ((HubEndpoint) endpoint).user();
    return authenticator
        .authenticate(request.token(), request.address())
        .thenApply(who -> sameToken || user == null || user.equals(who.user()));
  }

  @Override
  public CompletionStage<? extends Endpoint> restore(RestoreRequest request, Peer peer) {
    EndpointState was;
    try {
      was = EndpointState.decode(request.state());
    } catch (ProtocolException e) {
      return CompletableFuture.failedStage(e);
    }
    return new HubEndpoint(this, peer, was.identity(), request.address())
        .restore(was, request.whole());
  }

  /** The hub. */
  public Hub hub() {
    return hub;
  }

  /** The limits of a session. */
  public HubLimits limits() {
    return limits;
  }

  /** Who a client is; see {@link Authenticator#authenticate}. */
  public CompletionStage<Identity> authenticate(@Nullable String token, String address) {
    return authenticator.authenticate(token, address);
  }

  /** Whether a client may; see {@link Authorizer#authorize}. */
  public CompletionStage<?> authorize(
      Authorizer.Action action, Identity who, String name, @Nullable String token) {
    return authorizer.authorize(action, who, name, token);
  }

  /** A limiter for one publisher: a session, or an address that publishes without one. */
  public RateLimiter newPublishLimiter() {
    return RateLimiter.of("publish", publishRate);
  }

  /**
   * The answer to a question for history: {@code {epoch, offset, messages}} with as many messages
   * as the limits allow.
   *
   * @param newest whether to leave out the oldest rather than the newest when there are too many
   */
  public byte[] historyJson(Page page, boolean newest) {
    JsonWriter json = positionJson(page.top()).beginArray("messages");
    for (LogEntry entry : withinAnswer(page.entries(), newest)) {
      json.element(entry.message().json());
    }
    return json.bytes();
  }

  private List<LogEntry> withinAnswer(List<LogEntry> entries, boolean newest) {
    List<LogEntry> kept = new ArrayList<>(entries.size());
    long bytes = 0;
    for (int i = 0; i < entries.size(); i++) {
      LogEntry entry = entries.get(newest ? entries.size() - 1 - i : i);
      bytes += entry.message().size();
      if (bytes > limits.answerBytes() && !kept.isEmpty()) {
        break;
      }
      kept.add(entry);
    }
    if (newest) {
      java.util.Collections.reverse(kept);
    }
    return kept;
  }

  /**
   * A channel's history does not reach back to where somebody was.
   *
   * @param top where the channel is now
   */
  public static ProtocolException gap(Position top) {
    return new ProtocolException(ErrorCode.GAP, "The history does not reach back to this position.")
        .with("epoch", JsonWriter.quote(top.epoch()))
        .with("offset", top.offset());
  }

  static JsonWriter positionJson(Position position) {
    return JsonWriter.object().text("epoch", position.epoch()).number("offset", position.offset());
  }
}
