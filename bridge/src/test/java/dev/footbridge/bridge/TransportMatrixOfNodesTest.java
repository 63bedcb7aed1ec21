package dev.footbridge.bridge;

import dev.footbridge.support.RedisServer;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.TestServer;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterAll;

/** The transports of two nodes, each connection to the other one: half of all is forwarded. */
class TransportMatrixOfNodesTest extends TransportMatrix {
  private final RedisServer redis = RedisServer.with();

  @Override
  TestServer start() throws IOException {
    return TestServer.inTurn(List.of(node(), node()));
  }

  private TestServer node() throws IOException {
    return TestServer.start(builder -> builder.endpoint(Echo.PATH, new Echo()).store(redis.url()));
  }

  @Override
  @AfterAll
  void stop() {
    super.stop();
    redis.close();
  }
}
