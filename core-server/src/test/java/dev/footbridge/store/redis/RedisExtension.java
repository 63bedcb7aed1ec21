package dev.footbridge.store.redis;

import dev.footbridge.support.RedisDeployment;
import dev.footbridge.support.RedisServer;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.HashedWheelTimer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** One Redis for a class of tests, and this process' connections to it. */
public final class RedisExtension implements BeforeAllCallback, AfterAllCallback {
  private final AtomicInteger prefixes = new AtomicInteger();
  private RedisServer server;
  private RedisConnections connections;
  private HashedWheelTimer timer;

  @Override
  public void beforeAll(ExtensionContext context) throws ProtocolException {
    server = RedisServer.with();
    timer = new HashedWheelTimer();
    connections = connect();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    connections.close();
    var unused = timer.stop();
    server.close();
  }

  /** Connections of another node. */
  public RedisConnections connect() throws ProtocolException {
    return connect(server);
  }

  static RedisConnections connect(RedisDeployment redis) throws ProtocolException {
    return RedisConnections.open(
        RedisOptions.parse(redis.url(), Map.of(), "fb", Duration.ofSeconds(2), 100_000));
  }

  public RedisConnections connections() {
    return connections;
  }

  public RedisServer server() {
    return server;
  }

  public HashedWheelTimer timer() {
    return timer;
  }

  /** One that nobody has used: as good as an empty Redis. */
  public String newPrefix() {
    return "test" + prefixes.incrementAndGet();
  }
}
