package dev.footbridge.session;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.io.Lane;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;

/**
 * The sessions of a node. Opens them, finds them by id, and looks after them: {@link #check()} must
 * be called about once a second; it walks all sessions, so that an idle one needs no timer of its
 * own. Safe for any thread.
 */
public final class Sessions {
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9]{1,16}\\.[A-Za-z0-9_-]{22}");

  private static final long LEAST_SPREAD_MILLIS = 1000;
  private static final int SESSIONS_A_MILLI = 5;

  private final String node;
  private final SessionOptions options;
  private final SessionLimits limits;
  private final EndpointFactory endpoints;
  private final List<String> transports;
  private final LongSupplier nanoClock;
  private final SecureRandom random = new SecureRandom();
  private final ConcurrentHashMap<String, Session> byId = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, Integer> byAddress = new ConcurrentHashMap<>();
  private volatile boolean draining;

  /**
   * How many sessions there may be.
   *
   * @param perNode in all
   * @param perAddress opened from one address
   */
  public record SessionLimits(int perNode, int perAddress) {}

  /**
   * @param node letters and digits that name this node in the ids of its sessions
   * @param transports the names of the transports that this node offers
   * @param nanoClock the monotonic clock
   */
  public Sessions(
      String node,
      SessionOptions options,
      SessionLimits limits,
      EndpointFactory endpoints,
      List<String> transports,
      LongSupplier nanoClock) {
    this.node = node;
    this.options = options;
    this.limits = limits;
    this.endpoints = endpoints;
    this.transports = transports;
    this.nanoClock = nanoClock;
  }

  /**
   * Opens a session.
   *
   * @param lane the lane of whoever asks
   * @return the session, found by its id from now on; or, exceptionally, a {@link
   *     ProtocolException}: {@code rate_limited}, {@code draining}, or whatever the endpoint says
   */
  public CompletionStage<Session> open(OpenRequest request, Lane lane) {
    if (draining) {
      return CompletableFuture.failedStage(
          new ProtocolException(
              ErrorCode.DRAINING, "This server is going down; try again in a moment."));
    }
    if (!admit(request.address())) {
      return CompletableFuture.failedStage(
          new ProtocolException(
              ErrorCode.RATE_LIMITED, "There are too many sessions; try again later."));
    }
    Session session =
        new Session(
            node + "." + random(16), request.address(), options, this, lane, nanoClock.getAsLong());
    return endpoint(request, session)
        .handle(
            (endpoint, failure) -> {
              if (failure != null) {
                release(request.address());
                return CompletableFuture.<Session>failedFuture(
                    dev.footbridge.io.Stages.cause(failure));
              }
              byId.put(session.id(), session);
              session.opened(endpoint);
              if (session.isClosed()) {
                // It was closed before it was known: remove() could not find it then.
                remove(session);
                return CompletableFuture.<Session>failedFuture(Session.gone());
              }
              return CompletableFuture.completedFuture(session);
            })
        .thenCompose(opened -> opened);
  }

  private CompletionStage<? extends Endpoint> endpoint(OpenRequest request, Session session) {
    try {
      return endpoints.open(request, session);
    } catch (RuntimeException e) {
      // An application's own mistake; it is told and counted like any other refusal.
      return CompletableFuture.failedStage(e);
    }
  }

  /**
   * Finds a session.
   *
   * @throws ProtocolException {@code not_found} where the id is none at all, {@code session_gone}
   *     where there is no such session or no longer
   */
  public Session find(String id) throws ProtocolException {
    Session session = byId.get(id);
    if (session != null) {
      return session;
    }
    if (!ID.matcher(id).matches()) {
      throw new ProtocolException(ErrorCode.NOT_FOUND, "This is not the id of a session.");
    }
    throw Session.gone();
  }

  /** Lets time pass for every session. */
  public void check() {
    long now = nanoClock.getAsLong();
    byId.values().forEach(session -> session.check(now));
  }

  /** No new sessions from now on. */
  public void drain() {
    draining = true;
  }

  /**
   * Ends all sessions because the server goes down. Their clients are asked to come back, spread
   * over a time that grows with their number, so that whoever is there then does not see a herd.
   */
  public void closeAll() {
    long spreadMillis = LEAST_SPREAD_MILLIS + byId.size() / SESSIONS_A_MILLI;
    byId.values()
        .forEach(
            session ->
                session.close(
                    new Bye(
                        ErrorCode.DRAINING.code(),
                        true,
                        ThreadLocalRandom.current().nextLong(spreadMillis))));
  }

  /** How many sessions there are. */
  public int count() {
    return byId.size();
  }

  /** What all sessions have in common. */
  public SessionOptions options() {
    return options;
  }

  private boolean admit(String address) {
    if (byId.size() >= limits.perNode()) {
      return false;
    }
    int count = byAddress.merge(address, 1, Integer::sum);
    if (count > limits.perAddress()) {
      release(address);
      return false;
    }
    return true;
  }

  private void release(String address) {
    byAddress.computeIfPresent(address, (key, count) -> count == 1 ? null : count - 1);
  }

  void remove(Session session) {
    if (byId.remove(session.id(), session)) {
      release(session.address());
    }
  }

  List<String> transports() {
    return transports;
  }

  long now() {
    return nanoClock.getAsLong();
  }

  long seconds(long nanos) {
    return Math.max(1, TimeUnit.NANOSECONDS.toSeconds(nanos));
  }

  String newPublicId() {
    return random(8);
  }

  private String random(int bytes) {
    byte[] octets = new byte[bytes];
    random.nextBytes(octets);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(octets);
  }
}
