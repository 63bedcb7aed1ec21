package dev.footbridge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.footbridge.auth.Authenticator;
import dev.footbridge.auth.Authorizer;
import dev.footbridge.auth.Identity;
import dev.footbridge.config.ChannelRule;
import dev.footbridge.config.Config;
import dev.footbridge.config.Setting;
import dev.footbridge.endpoint.EndpointFactory;
import dev.footbridge.hub.Names;
import dev.footbridge.io.Stages;
import dev.footbridge.node.Node;
import dev.footbridge.server.Pages;
import dev.footbridge.server.Server;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import io.undertow.server.HttpHandler;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * A whole Footbridge server inside a Java program.
 *
 * <pre>{@code
 * try (Footbridge footbridge =
 *     Footbridge.builder()
 *         .port(8080)
 *         .onPublish((who, channel) -> CompletableFuture.completedStage(who.user() != null))
 *         .procedure("time", call -> CompletableFuture.completedStage(System.currentTimeMillis()))
 *         .start()) {
 *   footbridge.publish("news", Map.of("headline", "It works"));
 *   …
 * }
 * }</pre>
 *
 * <p>Safe for any thread. Handlers are called on I/O threads and must not block: whoever needs time
 * answers with a stage that completes later.
 */
public final class Footbridge implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration CALL_LIMIT = Duration.ofSeconds(10);

  private final Server server;

  private Footbridge(Server server) {
    this.server = server;
  }

  /** A builder with the defaults: port 8080, the memory store, everybody may do everything. */
  public static Builder builder() {
    return new Builder();
  }

  /** The port that is listened on. */
  public int port() {
    return server.port();
  }

  /** Where a browser on this machine finds the server. */
  public String url() {
    return "http://localhost:" + port() + server.node().config().basePath() + "/";
  }

  /**
   * Publishes to a channel.
   *
   * @param data anything that Jackson can write as JSON
   * @return the place of the message in the channel's log; or, exceptionally, a {@link
   *     ProtocolException}
   */
  public CompletionStage<Position> publish(String channel, @Nullable Object data) {
    return publish(channel, data, null);
  }

  /**
   * Publishes to a channel.
   *
   * @param key messages with the same key within five minutes count once
   */
  public CompletionStage<Position> publish(
      String channel, @Nullable Object data, @Nullable String key) {
    try {
      return server
          .node()
          .hub()
          .publish(new Publication(Names.check(channel), json(data), null, key));
    } catch (ProtocolException e) {
      return CompletableFuture.failedStage(e);
    }
  }

  /** Calls a procedure, wherever it is registered, and waits at most ten seconds for its result. */
  public CompletionStage<JsonNode> call(String procedure, @Nullable Object data) {
    try {
      return server
          .node()
          .hub()
          .procedures()
          .call(Names.check(procedure), json(data), null, CALL_LIMIT.toNanos())
          .thenApply(Footbridge::tree);
    } catch (ProtocolException e) {
      return CompletableFuture.failedStage(e);
    }
  }

  /** How many sessions there are. */
  public int sessions() {
    return server.node().sessions().count();
  }

  /** Ends all sessions, tells their clients to come back later, and stops listening. */
  @Override
  public void close() {
    server.close();
  }

  private static byte[] json(@Nullable Object data) {
    try {
      return JSON.writeValueAsBytes(data);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("The data cannot be written as JSON.", e);
    }
  }

  private static JsonNode tree(byte[] json) {
    try {
      return JSON.readTree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Decides whether somebody may do something with a channel or procedure. */
  public interface Permission {
    /**
     * Must not block.
     *
     * @return false is answered with {@code forbidden}
     */
    CompletionStage<Boolean> allows(Identity who, String name);
  }

  /**
   * A call of a procedure.
   *
   * @param data what the caller gives
   * @param user who calls; null for anonymous
   */
  public record Call(String procedure, JsonNode data, @Nullable String user) {}

  /** Answers the calls of a procedure. */
  public interface Procedure {
    /**
     * Must not block.
     *
     * @return anything that Jackson can write as JSON; or, exceptionally, a {@link
     *     ProtocolException} ({@link ProtocolException#application}) that is the caller's error
     */
    CompletionStage<?> answer(Call call);
  }

  /** Gathers what a server is to be. Not thread-safe. */
  public static final class Builder {
    private final Config.Builder config = Config.builder();
    private Authenticator authenticator =
        (token, address) -> CompletableFuture.completedStage(Identity.ANONYMOUS);
    private final Map<Authorizer.Action, Permission> permissions = new HashMap<>();
    private final Map<String, Procedure> procedures = new LinkedHashMap<>();
    private final Map<String, EndpointFactory> endpoints = new HashMap<>();
    private Pages pages = new Pages();

    private Builder() {}

    /** Where to listen; 0 takes any free port. */
    public Builder port(int port) {
      config.set(Setting.PORT, port);
      return this;
    }

    /** The address to listen on; all by default. */
    public Builder host(String host) {
      config.host(host);
      return this;
    }

    /**
     * Where channels and sessions are kept: {@code memory}, which is the default, or the URL of a
     * Redis that several nodes share, such as {@code redis://127.0.0.1:6379}.
     *
     * @throws dev.footbridge.config.ConfigException where it is neither
     */
    public Builder store(String url) {
      config.store(url);
      return this;
    }

    /**
     * Any setting.
     *
     * @throws dev.footbridge.config.ConfigException where the value is out of range
     */
    public Builder set(Setting setting, long value) {
      config.set(setting, value);
      return this;
    }

    /** Settings as text; see {@link Config.Builder#set(String, String)}. */
    public Builder set(String key, String value) {
      config.set(key, value);
      return this;
    }

    /** What channels of certain names keep; the first rule that matches counts. */
    public Builder channels(ChannelRule rule) {
      config.channels(rule);
      return this;
    }

    /** Allows pages of another origin; those of the server's own host are always allowed. */
    public Builder origin(String origin) {
      config.origin(origin);
      return this;
    }

    /** What all paths begin with, such as {@code /realtime}. */
    public Builder basePath(String path) {
      config.basePath(path);
      return this;
    }

    /** Tells who a client is, when it opens a session or uses a channel without one. */
    public Builder onConnect(Authenticator handler) {
      this.authenticator = handler;
      return this;
    }

    /** Decides who may subscribe to a channel; everybody by default. */
    public Builder onSubscribe(Permission handler) {
      permissions.put(Authorizer.Action.SUBSCRIBE, handler);
      return this;
    }

    /** Decides who may publish to a channel; everybody by default. */
    public Builder onPublish(Permission handler) {
      permissions.put(Authorizer.Action.PUBLISH, handler);
      return this;
    }

    /** Decides who may call a procedure; everybody by default. */
    public Builder onCall(Permission handler) {
      permissions.put(Authorizer.Action.CALL, handler);
      return this;
    }

    /** Decides who may do anything else; everybody by default. */
    public Builder on(Authorizer.Action action, Permission handler) {
      permissions.put(action, handler);
      return this;
    }

    /**
     * Answers the calls of a procedure.
     *
     * @throws IllegalArgumentException where the name is not valid
     */
    public Builder procedure(String name, Procedure procedure) {
      try {
        procedures.put(Names.check(name), procedure);
      } catch (ProtocolException e) {
        throw new IllegalArgumentException(e.detail(), e);
      }
      return this;
    }

    /**
     * Adds an endpoint beside the hub, which is {@code /}.
     *
     * @param path what clients give as {@code endpoint}
     */
    public Builder endpoint(String path, EndpointFactory factory) {
      endpoints.put(path, factory);
      return this;
    }

    /** What is served beside the protocol; by default only the client library. */
    public Builder pages(Pages files) {
      this.pages = files;
      return this;
    }

    /**
     * Starts the server.
     *
     * @throws IOException if its port cannot be listened on
     * @throws dev.footbridge.config.ConfigException where two settings do not fit each other
     */
    public Footbridge start() throws IOException {
      HttpHandler files = pages;
      Server server =
          Server.start(
              config.build(),
              new Node.Application(authenticator, this::authorize, endpoints),
              node -> files);
      procedures.forEach(
          (name, procedure) ->
              server
                  .node()
                  .hub()
                  .procedures()
                  .register(
                      name,
                      invocation -> {
                        answer(procedure, invocation);
                        return true;
                      }));
      return new Footbridge(server);
    }

    private CompletionStage<?> authorize(
        Authorizer.Action action, Identity who, String name, @Nullable String token) {
      Permission permission = permissions.get(action);
      if (permission == null) {
        return CompletableFuture.completedStage(true);
      }
      return asked(permission, who, name)
          .thenCompose(
              allowed ->
                  allowed
                      ? CompletableFuture.completedStage(true)
                      : CompletableFuture.failedStage(
                          new ProtocolException(
                              ErrorCode.FORBIDDEN, "This is not allowed to you.")));
    }

    private static CompletionStage<Boolean> asked(
        Permission permission, Identity who, String name) {
      try {
        return permission.allows(who, name);
      } catch (RuntimeException e) {
        return CompletableFuture.failedStage(e);
      }
    }

    private static void answer(
        Procedure procedure, dev.footbridge.hub.Procedures.Invocation invocation) {
      CompletionStage<?> answer;
      try {
        answer =
            procedure.answer(
                new Call(invocation.procedure(), tree(invocation.data()), invocation.user()));
      } catch (RuntimeException e) {
        answer = CompletableFuture.failedStage(e);
      }
      Stages.on(
          answer.thenApply(Footbridge::json),
          invocation::succeed,
          failure -> invocation.fail(dev.footbridge.http.Problems.of(failure)));
    }
  }
}
