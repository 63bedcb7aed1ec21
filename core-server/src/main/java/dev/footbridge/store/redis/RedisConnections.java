package dev.footbridge.store.redis;

import dev.footbridge.io.Stages;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.RedisReadOnlyException;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode.NodeFlag;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.Delay;
import io.netty.util.concurrent.EventExecutor;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's two connections to Redis: one for commands, one for what is published. They find
 * their way back by themselves; while they are away everything fails at once or within the command
 * time-out, and nothing is queued for later.
 *
 * <p>That published messages arrive is tried once a second. Where a try does not come back, the
 * connection is made anew, whatever it says of itself.
 *
 * <p>Safe for any thread; nothing blocks but {@link #open} and {@link #close}.
 */
public final class RedisConnections implements RedisPort, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RedisConnections.class);
  private static final RedisCodec<String, byte[]> CODEC =
      RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE);
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(2);
  private static final Duration RECONNECT_LEAST = Duration.ofMillis(20);
  private static final Duration RECONNECT_MOST = Duration.ofMillis(500);
  private static final Duration TOPOLOGY_PERIOD = Duration.ofSeconds(15);
  private static final long PROBE_MILLIS = 1000;
  private static final long GIVE_UP_MILLIS = 10_000;
  private static final int MOST_MISSING = 2;

  /** After so many probes that could not even be sent the client is not waited for any more. */
  private static final int MOST_UNSENT = 15;

  private static final long SETTLE_MILLIS = 50;
  private static final long RESTORE_AGAIN_MILLIS = 200;
  private static final long RENEW_AGAIN_MILLIS = 500;
  private static final int IO_THREADS = 2;
  private static final int CLOSE_LIMIT_SECONDS = 5;
  private static final byte[] PROBE = {'p'};

  /** With what a Redis begins its refusals that serves nothing: in scripts somewhere within. */
  private static final List<String> NOT_SERVING =
      List.of("LOADING ", "CLUSTERDOWN ", "READONLY ", "MASTERDOWN ", "BUSY ");

  private final RedisOptions options;
  private final ClientResources resources;
  private final AbstractRedisClient client;
  private final CircuitBreaker breaker;

  /**
   * Where failures are told. Lettuce tells of some while it holds its own lock, and waits for that
   * lock on each command: what is begun in answer to such a failure, or by a thread that holds what
   * the answer needs, would wait for ever.
   */
  private final Executor failures;

  private final Topics topics;
  private final Refusals refusals = new Refusals();
  private final List<Runnable> restored = new CopyOnWriteArrayList<>();

  /**
   * Listens to the connections themselves, not to the client, which makes others in passing: to ask
   * Sentinels, or what a cluster looks like. As it is added to those that stand, each call means
   * that one had been lost.
   */
  private final RedisConnectionStateListener again =
      new RedisConnectionStateListener() {
        @Override
        public void onRedisConnected(RedisChannelHandler<?, ?> connection, SocketAddress address) {
          restore();
        }
      };

  private final AtomicBoolean restoring = new AtomicBoolean();
  private final AtomicBoolean renewing = new AtomicBoolean();

  /** Commands under way. */
  private final AtomicInteger waiting = new AtomicInteger();

  private final AtomicLong checks = new AtomicLong();

  /** Probes since the last that was heard. */
  private final AtomicLong missing = new AtomicLong();

  /** Probes since the last that was answered in time. */
  private final AtomicLong unanswered = new AtomicLong();

  /** Whether an answer has been late since the last probe. */
  private final AtomicBoolean late = new AtomicBoolean();

  private final String probeTopic;
  private volatile StatefulConnection<String, byte[]> commands;
  private volatile StatefulRedisPubSubConnection<String, byte[]> hearing;
  private volatile boolean lostMeanwhile;
  private volatile boolean closed;
  private @Nullable ScheduledFuture<?> probing;

  private RedisConnections(RedisOptions options) {
    this.options = options;
    this.resources =
        ClientResources.builder()
            .ioThreadPoolSize(IO_THREADS)
            .computationThreadPoolSize(IO_THREADS)
            .reconnectDelay(
                Delay.fullJitter(RECONNECT_LEAST, RECONNECT_MOST, 20, TimeUnit.MILLISECONDS))
            .build();
    this.breaker =
        CircuitBreaker.of(
            "redis",
            CircuitBreakerConfig.custom()
                .slidingWindowSize(50)
                .minimumNumberOfCalls(20)
                .failureRateThreshold(80)
                .waitDurationInOpenState(Duration.ofMillis(300))
                .permittedNumberOfCallsInHalfOpenState(3)
                .recordException(RedisConnections::isOutage)
                .build());
    this.failures = failures(resources.eventExecutorGroup().next());
    this.topics = new Topics(() -> hearing.async(), failures);
    this.client = client();
    this.probeTopic = options.prefix() + ":probe:" + java.util.UUID.randomUUID();
    try {
      this.commands = connect();
      this.hearing = connectHearing();
    } catch (RedisException e) {
      client.shutdown(0, 0, TimeUnit.SECONDS);
      var unused = resources.shutdown(0, 0, TimeUnit.SECONDS);
      throw e;
    }
    hearing.addListener(topics);
  }

  /**
   * Connects.
   *
   * @throws ProtocolException {@code unavailable} if Redis cannot be reached within a few seconds;
   *     the message tells where it was looked for
   */
  public static RedisConnections open(RedisOptions options) throws ProtocolException {
    RedisConnections connections;
    try {
      connections = new RedisConnections(options);
    } catch (RedisException e) {
      Throwable cause = e;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      throw new ProtocolException(
          ErrorCode.UNAVAILABLE,
          options
              + " cannot be used: "
              + String.valueOf(cause.getMessage()).replaceAll("\\s+", " "));
    }
    connections.startProbing();
    return connections;
  }

  private AbstractRedisClient client() {
    SocketOptions sockets =
        SocketOptions.builder().connectTimeout(CONNECT_LIMIT).keepAlive(true).build();
    if (options.kind() == RedisOptions.Kind.CLUSTER) {
      RedisClusterClient cluster = RedisClusterClient.create(resources, options.nodes());
      ClusterClientOptions.Builder builder =
          ClusterClientOptions.builder()
              .validateClusterNodeMembership(false)
              .topologyRefreshOptions(
                  ClusterTopologyRefreshOptions.builder()
                      .enablePeriodicRefresh(TOPOLOGY_PERIOD)
                      .adaptiveRefreshTriggersTimeout(Duration.ofMillis(500))
                      .build());
      cluster.setOptions(common(builder, sockets).build());
      return cluster;
    }
    RedisClient single = RedisClient.create(resources, options.nodes().get(0));
    single.setOptions(common(ClientOptions.builder(), sockets).build());
    return single;
  }

  private <B extends ClientOptions.Builder> B common(B builder, SocketOptions sockets) {
    builder
        .protocolVersion(ProtocolVersion.RESP2)
        // What was sent and not answered may have been done: it fails, and is never done twice.
        .replayFilter(command -> true)
        .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
        // Ours is counted before; Lettuce's would log each command that is too many.
        .requestQueueSize(Integer.MAX_VALUE)
        .timeoutOptions(TimeoutOptions.enabled(options.timeout()))
        .pingBeforeActivateConnection(true)
        .socketOptions(sockets);
    return builder;
  }

  private StatefulConnection<String, byte[]> connect() {
    StatefulConnection<String, byte[]> connection;
    if (client instanceof RedisClusterClient cluster) {
      // Asks what it looks like, where that is not known yet.
      var unused = cluster.getPartitions();
      connection = await(cluster.connectAsync(CODEC));
    } else {
      connection = await(((RedisClient) client).connectAsync(CODEC, options.nodes().get(0)));
    }
    connection.addListener(again);
    if (connection instanceof StatefulRedisClusterConnection<String, byte[]> cluster) {
      try {
        connectToMasters(cluster).get(CONNECT_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException | TimeoutException | RedisException e) {
        // The others can be used; this is tried again with each probe.
        LOG.warn("A master of the cluster cannot be reached: {}", e.toString());
      }
    }
    return connection;
  }

  /**
   * Connects to those masters of a cluster that there is no connection to yet. Otherwise the first
   * command for each would be the one to begin it, and would be rejected as it does not stand.
   */
  private CompletableFuture<?> connectToMasters(
      StatefulRedisClusterConnection<String, byte[]> cluster) {
    return CompletableFuture.allOf(
        cluster.getPartitions().stream()
            .filter(node -> node.is(NodeFlag.UPSTREAM) && !node.hasNoSlots())
            .map(RedisClusterNode::getUri)
            .map(uri -> cluster.getConnectionAsync(uri.getHost(), uri.getPort()))
            // A listener counts once, however often it is added.
            .map(connecting -> connecting.thenAccept(node -> node.addListener(again)))
            .toArray(CompletableFuture<?>[]::new));
  }

  private StatefulRedisPubSubConnection<String, byte[]> connectHearing() {
    StatefulRedisPubSubConnection<String, byte[]> connection =
        client instanceof RedisClusterClient cluster
            ? await(cluster.connectPubSubAsync(CODEC))
            : await(((RedisClient) client).connectPubSubAsync(CODEC, options.nodes().get(0)));
    connection.addListener(again);
    return connection;
  }

  /** Waits for a connection, but not for ever: then others would never be tried. */
  private static <C extends StatefulConnection<String, byte[]>> C await(
      CompletionStage<C> connecting) {
    try {
      return connecting.toCompletableFuture().get(GIVE_UP_MILLIS, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof RedisException failure
          ? failure
          : new RedisConnectionException(e.toString(), e.getCause());
    } catch (TimeoutException e) {
      Stages.on(
          connecting,
          late -> {
            var unused = late.closeAsync();
          },
          failure -> {});
      throw new RedisConnectionException("There is none within " + GIVE_UP_MILLIS + " ms.", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RedisConnectionException("It was interrupted.", e);
    }
  }

  /** How Redis is talked to. */
  public RedisOptions options() {
    return options;
  }

  // ---- commands ----

  /** Runs a command, unless so many have failed that Redis is left alone for a moment. */
  public <T> CompletionStage<T> command(
      Function<RedisClusterAsyncCommands<String, byte[]>, ? extends CompletionStage<T>> command) {
    if (waiting.incrementAndGet() > options.queue()) {
      waiting.decrementAndGet();
      return CompletableFuture.failedStage(
          new ProtocolException(
              ErrorCode.UNAVAILABLE, "Too much waits for the store; try again in a moment."));
    }
    if (!breaker.tryAcquirePermission()) {
      waiting.decrementAndGet();
      return CompletableFuture.failedStage(away());
    }
    long begun = breaker.getCurrentTimestamp();
    return attempt(command)
        .whenComplete(
            (result, failure) -> {
              waiting.decrementAndGet();
              long took = breaker.getCurrentTimestamp() - begun;
              Throwable cause = failure == null ? null : Stages.cause(failure);
              if (cause == null || !isOutage(cause)) {
                breaker.onSuccess(took, breaker.getTimestampUnit());
              } else {
                breaker.onError(took, breaker.getTimestampUnit(), cause);
              }
            })
        .exceptionallyCompose(failure -> CompletableFuture.failedStage(answer(failure)));
  }

  private <T> CompletionStage<T> attempt(
      Function<RedisClusterAsyncCommands<String, byte[]>, ? extends CompletionStage<T>> command) {
    try {
      return Stages.failingOn(failures, command.apply(async()));
    } catch (RedisException e) {
      return CompletableFuture.failedStage(e);
    }
  }

  /** One thread, so in order; the last go on where they are once it has ended. */
  private static Executor failures(EventExecutor thread) {
    return task -> {
      try {
        thread.execute(task);
      } catch (RejectedExecutionException ended) {
        task.run();
      }
    };
  }

  private RedisClusterAsyncCommands<String, byte[]> async() {
    StatefulConnection<String, byte[]> now = commands;
    return now instanceof StatefulRedisClusterConnection<String, byte[]> cluster
        ? cluster.async()
        : ((StatefulRedisConnection<String, byte[]>) now).async();
  }

  @Override
  public CompletionStage<Object> run(String script, List<String> keys, List<byte[]> arguments) {
    return command(
        redis ->
            eval(redis, script, false, keys, arguments)
                .exceptionallyCompose(
                    failure ->
                        Stages.cause(failure) instanceof RedisNoScriptException
                            ? eval(redis, script, true, keys, arguments)
                            : CompletableFuture.failedStage(failure)));
  }

  @Override
  public CompletionStage<Object> tryRun(
      String script, boolean whole, List<String> keys, List<byte[]> arguments) {
    return command(
        redis ->
            eval(redis, script, whole, keys, arguments)
                .exceptionallyCompose(
                    failure ->
                        CompletableFuture.failedStage(
                            Stages.cause(failure) instanceof RedisNoScriptException
                                ? new UnknownScriptException()
                                : failure)));
  }

  private static CompletionStage<Object> eval(
      RedisClusterAsyncCommands<String, byte[]> redis,
      String script,
      boolean whole,
      List<String> keys,
      List<byte[]> arguments) {
    Script known = Script.of(script);
    CommandArgs<String, byte[]> args =
        new CommandArgs<>(CODEC)
            .add(whole ? known.source() : known.digest())
            .add(keys.size())
            .addKeys(keys)
            .addValues(arguments);
    return redis.dispatch(
        whole ? CommandType.EVAL : CommandType.EVALSHA, new AnswerOutput(CODEC), args);
  }

  /** Whether there is nobody who does what is asked, so that asking at all is in vain. */
  private static boolean isOutage(Throwable failure) {
    if (failure instanceof RedisCommandExecutionException) {
      String refusal = String.valueOf(failure.getMessage());
      return NOT_SERVING.stream().anyMatch(refusal::contains);
    }
    return failure instanceof RedisException
        || failure instanceof IOException
        || failure instanceof TimeoutException
        || failure instanceof CancellationException;
  }

  private static ProtocolException away() {
    return new ProtocolException(
        ErrorCode.UNAVAILABLE, "The store cannot be reached; try again in a moment.");
  }

  private static ProtocolException refused() {
    return new ProtocolException(
        ErrorCode.UNAVAILABLE, "The store does not take this at present; try again in a moment.");
  }

  private Throwable answer(Throwable failure) {
    Throwable cause = Stages.cause(failure);
    if (cause instanceof RedisCommandTimeoutException) {
      late.set(true);
    }
    if (isReadOnly(cause)) {
      // A primary that has become a replica keeps its connections; the new one must be looked for.
      renew();
    }
    if (cause instanceof RedisCommandExecutionException) {
      // Redis is there and does not do it: out of memory, loading, a cluster without a primary.
      refusals.log(cause);
    }
    return isOutage(cause) ? away() : cause instanceof RedisException ? refused() : cause;
  }

  private static boolean isReadOnly(Throwable failure) {
    // Redis 6.2 wraps what a script's command is refused with in a text of its own.
    return failure instanceof RedisReadOnlyException
        || (failure instanceof RedisCommandExecutionException
            && failure.getMessage() != null
            && failure.getMessage().contains("READONLY "));
  }

  /** Says why Redis refuses, once in a while however often it does. */
  private static final class Refusals {
    private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final AtomicLong nextNanos = new AtomicLong(System.nanoTime());

    void log(Throwable refusal) {
      long now = System.nanoTime();
      long due = nextNanos.get();
      if (now - due >= 0 && nextNanos.compareAndSet(due, now + QUIET_NANOS)) {
        LOG.warn("Redis refuses a command: {}", refusal.getMessage());
      }
    }
  }

  // ---- what is published ----

  @Override
  public CompletionStage<Runnable> hear(String topic, Consumer<byte[]> listener) {
    return topics
        .hear(topic, listener)
        .exceptionallyCompose(failure -> CompletableFuture.failedStage(answer(failure)));
  }

  /**
   * PUBLISH in a cluster too, which goes to all of its nodes. SPUBLISH would go to one, but Lettuce
   * 7.7 cannot be relied on to hear it: after a reconnect it subscribes to all sharded topics of a
   * node at once, which Redis refuses where they are in several slots, and it does not follow a
   * topic whose slot has moved.
   */
  @Override
  public String publishCommand() {
    return "PUBLISH";
  }

  @Override
  public void onReconnect(Runnable action) {
    restored.add(action);
  }

  /** A connection stands again, or was made anew: sees to it that all do, and says so. */
  private void restore() {
    lostMeanwhile = true;
    // Connections come one after the other; once is enough for all of them.
    if (restoring.compareAndSet(false, true)) {
      later(SETTLE_MILLIS, this::tryRestoring);
    }
  }

  private void tryRestoring() {
    if (closed) {
      return;
    }
    lostMeanwhile = false;
    Stages.on(
        attempt(redis -> redis.ping()).thenCompose(answered -> topics.hearAgain()),
        heard -> {
          breaker.reset();
          restoring.set(false);
          restored.forEach(Runnable::run);
          if (lostMeanwhile) {
            restore();
          }
        },
        failure -> {
          LOG.debug("Not everything stands yet.", failure);
          later(RESTORE_AGAIN_MILLIS, this::tryRestoring);
        });
  }

  private void later(long millis, Runnable action) {
    var unused = resources.eventExecutorGroup().schedule(action, millis, TimeUnit.MILLISECONDS);
  }

  /**
   * Completes if a command and something published have just come back; fails with {@code
   * unavailable} otherwise.
   */
  public CompletionStage<?> check() {
    CompletableFuture<byte[]> back = new CompletableFuture<>();
    byte[] token =
        Long.toString(checks.incrementAndGet())
            .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    return hear(
            probeTopic,
            heard -> {
              if (java.util.Arrays.equals(heard, token)) {
                back.complete(heard);
              }
            })
        .thenCompose(
            deaf ->
                command(redis -> redis.publish(probeTopic, token))
                    .thenCompose(
                        sent -> back.orTimeout(options.timeout().toMillis(), TimeUnit.MILLISECONDS))
                    .whenComplete((done, failure) -> deaf.run()))
        .exceptionallyCompose(failure -> CompletableFuture.failedStage(answer(failure)));
  }

  private void startProbing() {
    hearProbes();
    probing =
        resources
            .eventExecutorGroup()
            .scheduleWithFixedDelay(this::probe, PROBE_MILLIS, PROBE_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void hearProbes() {
    Stages.on(
        hear(probeTopic, heard -> missing.set(0)),
        deaf -> missing.set(0),
        failure -> {
          LOG.debug("Probes cannot be heard yet: {}", failure.getMessage());
          if (!closed) {
            later(PROBE_MILLIS, this::hearProbes);
          }
        });
  }

  private void probe() {
    if (commands instanceof StatefulRedisClusterConnection<String, byte[]> cluster) {
      try {
        if (late.getAndSet(false)) {
          var unused = ((RedisClusterClient) client).refreshPartitionsAsync();
        }
        var unused = connectToMasters(cluster);
      } catch (RedisException e) {
        LOG.debug("A master of the cluster cannot be reached.", e);
      }
    }
    if (missing.getAndIncrement() >= MOST_MISSING) {
      missing.set(0);
      renew();
    }
    Stages.on(
        attempt(redis -> redis.publish(probeTopic, PROBE)),
        sent -> unanswered.set(0),
        failure -> {
          // That nothing can be published says nothing of what can be heard.
          missing.set(0);
          wasNotAnswered(failure instanceof RedisCommandTimeoutException);
        });
  }

  /**
   * A server whose machine has gone does not end its connections, even if another has long taken
   * its place. In a cluster the next probe asks the other masters for that.
   */
  private void wasNotAnswered(boolean sent) {
    if (sent) {
      late.set(true);
    }
    if (options.kind() != RedisOptions.Kind.CLUSTER
        && unanswered.incrementAndGet() >= (sent ? MOST_MISSING : MOST_UNSENT)) {
      unanswered.set(0);
      renew();
    }
  }

  /** Makes both connections anew, on a thread of its own, since connecting blocks. */
  private void renew() {
    if (closed || !renewing.compareAndSet(false, true)) {
      return;
    }
    LOG.warn("The connections to {} are made anew.", options);
    Thread maker = new Thread(this::replace, "footbridge-redis-renewal");
    maker.setDaemon(true);
    maker.start();
  }

  private void replace() {
    StatefulRedisPubSubConnection<String, byte[]> freshHearing = null;
    try {
      freshHearing = connectHearing();
      StatefulConnection<String, byte[]> freshCommands = connect();
      StatefulRedisPubSubConnection<String, byte[]> oldHearing = hearing;
      StatefulConnection<String, byte[]> oldCommands = commands;
      freshHearing.addListener(topics);
      hearing = freshHearing;
      commands = freshCommands;
      oldHearing.removeListener(topics);
      var unused = oldHearing.closeAsync();
      unused = oldCommands.closeAsync();
      restore();
    } catch (RedisException e) {
      LOG.warn("Making them failed: {}", e.getMessage());
      if (freshHearing != null) {
        var unused = freshHearing.closeAsync();
      }
    } finally {
      // As long as Sentinels still name the old one, it is not asked without a pause.
      if (!closed) {
        later(RENEW_AGAIN_MILLIS, () -> renewing.set(false));
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    if (probing != null) {
      probing.cancel(false);
    }
    try {
      client.shutdownAsync(0, 1, TimeUnit.SECONDS).get(CLOSE_LIMIT_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("The connections to {} do not end: {}", options, e.toString());
    }
    var unused = resources.shutdown(0, 1, TimeUnit.SECONDS);
  }
}
