package dev.footbridge.session;

import dev.footbridge.endpoint.Endpoint;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.endpoint.OpenRequest;
import dev.footbridge.endpoint.RestoreRequest;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The sessions of a node. Opens them, finds them by id, and looks after them: {@link #check()} must
 * be called about once a second; it walks all sessions, so that an idle one needs no timer of its
 * own. Safe for any thread.
 */
public final class Sessions {
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9]{1,16}\\.[A-Za-z0-9_-]{22}");

  private static final long LEAST_SPREAD_MILLIS = 1000;
  private static final int SESSIONS_A_MILLI = 5;

  private final Supplier<String> node;
  private final SessionOptions options;
  private final SessionLimits limits;
  private final EndpointFactory endpoints;
  private final List<String> transports;
  private final LongSupplier nanoClock;
  private final SecureRandom random = new SecureRandom();
  private final ConcurrentHashMap<String, Session> byId = new ConcurrentHashMap<>();
  private final ConcurrentHashMap<String, Integer> byAddress = new ConcurrentHashMap<>();
  private final Set<String> arriving = ConcurrentHashMap.newKeySet();
  private final Tenure tenure;
  private final Listener listener;
  private volatile boolean draining;

  /**
   * How many sessions there may be.
   *
   * @param perNode in all
   * @param perAddress opened from one address
   */
  public record SessionLimits(int perNode, int perAddress) {}

  /**
   * Follows the sessions of a node, so that others can find them. Not told of those that come from
   * elsewhere or go there, which whoever moves them knows. Safe for any thread; must not block.
   */
  public interface Listener {
    /** Nobody wants to know. */
    Listener NONE = new Listener() {};

    /**
     * A session is about to open whose client may ask for that again.
     *
     * @param key the secret name of the opening
     * @param again whether it has asked before, somewhere
     */
    default void opening(String key, boolean again) {}

    /**
     * A session has opened. Its client is told when the stage completes; where that fails, the
     * client is refused and the session ends.
     */
    default CompletionStage<?> opened(Session session) {
      return CompletableFuture.completedStage(null);
    }

    /** {@link Session#endpointState()} has become another; may come often. */
    default void changed(Session session) {}

    /**
     * A session has ended for good. May come more than once, and before {@link #opened} is done.
     */
    default void closed(Session session) {}
  }

  /**
   * The sessions of a node that is alone.
   *
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
    this(
        () -> node,
        options,
        limits,
        endpoints,
        transports,
        nanoClock,
        Tenure.FOR_EVER,
        Listener.NONE);
  }

  /**
   * The sessions of one of many nodes.
   *
   * @param node letters and digits that name this node in the ids of its sessions from then on
   * @param transports the names of the transports that this node offers
   * @param nanoClock the monotonic clock
   * @param tenure whether this node may act for its sessions
   * @param listener follows the sessions
   */
  public Sessions(
      Supplier<String> node,
      SessionOptions options,
      SessionLimits limits,
      EndpointFactory endpoints,
      List<String> transports,
      LongSupplier nanoClock,
      Tenure tenure,
      Listener listener) {
    this.tenure = tenure;
    this.listener = listener;
    this.node = node;
    this.options = options;
    this.limits = limits;
    this.endpoints = endpoints;
    this.transports = transports;
    this.nanoClock = nanoClock;
  }

  // ---- opening and finding ----

  /**
   * Opens a session.
   *
   * @param lane the lane of whoever asks
   * @return the session, found by its id from now on; or, exceptionally, a {@link
   *     ProtocolException}: {@code rate_limited}, {@code draining}, {@code unavailable}, or
   *     whatever the endpoint says
   */
  public CompletionStage<Session> open(OpenRequest request, Lane lane) {
    if (draining) {
      return CompletableFuture.failedStage(draining());
    }
    if (!holds()) {
      return CompletableFuture.failedStage(unavailable());
    }
    if (!admit(request.address())) {
      return CompletableFuture.failedStage(tooMany());
    }
    Session session = new Session(node.get() + "." + random(16), request, this, lane);
    return place(session, () -> endpoints.open(request, session))
        .thenCompose(opened -> announce(session));
  }

  /**
   * Looks at messages that are to be taken up as soon as the session of the request has opened; see
   * {@link EndpointFactory#expect}.
   *
   * @throws ProtocolException where one of them is none; the session should not be opened then
   */
  public int expect(OpenRequest request, List<Value> messages) throws ProtocolException {
    return endpoints.expect(request, messages.stream().filter(Value::counts).toList());
  }

  /** See {@link EndpointFactory#isOpenedBy}. */
  CompletionStage<Boolean> isOpenedBy(Endpoint endpoint, OpenRequest request, boolean sameToken) {
    return endpoints.isOpenedBy(endpoint, request, sameToken);
  }

  /** A session is about to open whose client may ask for that again. */
  void opening(String key, boolean again) {
    listener.opening(key, again);
  }

  /** Gives the session its endpoint and its place among the others. */
  private CompletionStage<Session> place(
      Session session, Supplier<CompletionStage<? extends Endpoint>> endpoint) {
    return called(endpoint)
        .handle(
            (made, failure) -> {
              if (failure != null) {
                release(session.address());
                return CompletableFuture.<Session>failedFuture(Stages.cause(failure));
              }
              if (byId.putIfAbsent(session.id(), session) != null) {
                throw new IllegalStateException("There is a session of this id already.");
              }
              session.opened(made);
              if (session.isClosed()) {
                // It was closed before it was known: remove() could not find it then.
                forget(session);
                return CompletableFuture.<Session>failedFuture(Session.gone());
              }
              return CompletableFuture.completedFuture(session);
            })
        .thenCompose(placed -> placed);
  }

  private static CompletionStage<? extends Endpoint> called(
      Supplier<CompletionStage<? extends Endpoint>> endpoint) {
    try {
      return endpoint.get();
    } catch (RuntimeException e) {
      // An application's own mistake; it is told and counted like any other refusal.
      return CompletableFuture.failedStage(e);
    }
  }

  private CompletionStage<Session> announce(Session session) {
    return listener
        .opened(session)
        .handle(
            (announced, failure) -> {
              if (failure != null) {
                session.close(ErrorCode.UNAVAILABLE.code());
                return CompletableFuture.<Session>failedFuture(Stages.cause(failure));
              }
              if (session.isClosed()) {
                // It was told of the end before it was done with the beginning.
                listener.closed(session);
                return CompletableFuture.<Session>failedFuture(Session.gone());
              }
              return CompletableFuture.completedFuture(session);
            })
        .thenCompose(announced -> announced);
  }

  /**
   * Finds a session of this node, whichever node opened it.
   *
   * @throws ProtocolException {@code not_found} where the id is none at all, {@code session_gone}
   *     where there is no such session or no longer
   */
  public Session find(String id) throws ProtocolException {
    Session session = byId.get(id);
    if (session != null) {
      return session;
    }
    throw isId(id) ? gone() : noId();
  }

  /** The session of this node with the id; null if it has none. */
  public @Nullable Session local(String id) {
    return byId.get(id);
  }

  /** The node that opened the session of the id, which must be one. */
  public static String nodeOf(String id) {
    return id.substring(0, id.indexOf('.'));
  }

  /** The answer to what is no id at all. */
  public static ProtocolException noId() {
    return new ProtocolException(ErrorCode.NOT_FOUND, "This is not the id of a session.");
  }

  /** The answer where there is no such session, or no longer. */
  public static ProtocolException gone() {
    return Session.gone();
  }

  /** Whether it is the form of a session's id, of whatever node. */
  public static boolean isId(String id) {
    return ID.matcher(id).matches();
  }

  /** All sessions of this node; others may come and go meanwhile. */
  public Collection<Session> all() {
    return Collections.unmodifiableCollection(byId.values());
  }

  // ---- moving ----

  /**
   * Brings a session to rest so that it can move: it takes nothing more from its client, and its
   * endpoint gives the answers that it owes. Afterwards comes {@link #handedOver} or {@link #thaw};
   * until then requests are refused with {@code draining}, and an attached receiver still gets what
   * belongs to the state.
   *
   * @return all that the session is; or, exceptionally, why it cannot move, and then it goes on
   *     here unless it has ended ({@code session_gone})
   */
  public CompletionStage<SessionState> freeze(Session session) {
    return session.freeze();
  }

  /** A session does not move after all and goes on here, also before it is quite frozen. */
  public void thaw(Session session) {
    session.thaw();
  }

  /**
   * The state of a frozen session is where another node finds it: lets go of it here, without its
   * end. It must not be called before the state is safe.
   *
   * @param last what an attached client is told
   * @return false if the session has ended meanwhile: then the state is of a session that is no
   *     more
   */
  public boolean handedOver(Session session, Bye last) {
    return session.release(last);
  }

  /**
   * Another node has the session: lets go of it here, without its end, whatever it was doing.
   *
   * @param last what an attached client is told
   */
  public void drop(Session session, Bye last) {
    session.release(last);
  }

  /**
   * Goes on with a session that was handed over, exactly where it was. The caller has made sure
   * that it is nobody else's.
   *
   * @param lane the lane of whoever asks
   * @return the session, found by its id from now on; or, exceptionally, why it cannot be had: a
   *     {@link ProtocolException} that may be told to the client, or an {@link
   *     IllegalStateException} if it is here already or about to come
   */
  public CompletionStage<Session> adopt(SessionState state, Lane lane) {
    return arrive(state, true, lane);
  }

  /**
   * Begins a new life of a session whose node died with its messages; as {@link #adopt}.
   *
   * @param publicId the name that others know
   * @param address the address that opened it
   * @param endpoint the path of its endpoint
   * @param endpointState see {@link dev.footbridge.endpoint.Endpoint#state}
   * @param base where the numbers of both streams begin; above all that an earlier life can have
   *     reached
   */
  public CompletionStage<Session> rebuild(
      String id,
      String publicId,
      String address,
      String endpoint,
      byte[] endpointState,
      long base,
      Lane lane) {
    if (base <= 0 || base > SessionState.MOST) {
      throw new IllegalArgumentException("No base of a second life: " + base);
    }
    return arrive(
        new SessionState(
            id, publicId, address, endpoint, base, false, base, base, List.of(), 0, endpointState),
        false,
        lane);
  }

  private CompletionStage<Session> arrive(SessionState state, boolean whole, Lane lane) {
    if (draining) {
      return CompletableFuture.failedStage(draining());
    }
    if (!arriving.add(state.id())) {
      return CompletableFuture.failedStage(
          new IllegalStateException("The session is about to come here already."));
    }
    if (byId.containsKey(state.id())) {
      arriving.remove(state.id());
      return CompletableFuture.failedStage(
          new IllegalStateException("The session is here already."));
    }
    // Those of a node that died may come from few addresses and all at once; they were admitted.
    byAddress.merge(state.address(), 1, Integer::sum);
    Session session = new Session(state, this, lane);
    RestoreRequest request =
        new RestoreRequest(state.endpoint(), state.endpointState(), whole, state.address());
    return place(session, () -> endpoints.restore(request, session))
        .whenComplete((placed, failure) -> arriving.remove(state.id()));
  }

  /**
   * The tenure holds again after it had lapsed: what waited for that goes on. Also right when it
   * did not lapse.
   */
  public void wake() {
    byId.values().forEach(Session::wake);
  }

  // ---- time and the end ----

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
    Supplier<Bye> farewell = farewells();
    for (Session session : byId.values()) {
      session.close(farewell.get());
    }
  }

  /**
   * Lets go of sessions that are safe elsewhere; their clients come back as with {@link #closeAll}.
   */
  public void handedOver(Collection<Session> moved) {
    Supplier<Bye> farewell = farewells();
    for (Session session : moved) {
      handedOver(session, farewell.get());
    }
  }

  /** Last words that send clients away to come back; see {@link #closeAll}. Any thread. */
  public Supplier<Bye> farewells() {
    long spreadMillis = LEAST_SPREAD_MILLIS + byId.size() / SESSIONS_A_MILLI;
    return () ->
        new Bye(
            ErrorCode.DRAINING.code(), true, ThreadLocalRandom.current().nextLong(spreadMillis));
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

  /** The session has ended. */
  void remove(Session session) {
    if (forget(session)) {
      listener.closed(session);
    }
  }

  /** The session is no longer here. */
  boolean forget(Session session) {
    boolean known = byId.remove(session.id(), session);
    if (known) {
      release(session.address());
    }
    return known;
  }

  void changed(Session session) {
    if (byId.get(session.id()) == session) {
      listener.changed(session);
    }
  }

  boolean holds() {
    return tenure.holds();
  }

  /** The answer of a node that goes down. */
  public static ProtocolException draining() {
    return new ProtocolException(
        ErrorCode.DRAINING, "This server is going down; try again in a moment.");
  }

  static ProtocolException unavailable() {
    return new ProtocolException(
        ErrorCode.UNAVAILABLE,
        "This server cannot act for the session now; try again in a moment.");
  }

  private static ProtocolException tooMany() {
    return new ProtocolException(
        ErrorCode.RATE_LIMITED, "There are too many sessions; try again later.");
  }

  List<String> transports() {
    return transports;
  }

  long now() {
    return nanoClock.getAsLong();
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
