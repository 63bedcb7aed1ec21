package dev.footbridge.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.footbridge.config.Setting;
import dev.footbridge.testclient.Echo;
import dev.footbridge.testclient.Ending;
import dev.footbridge.testclient.SessionClient;
import dev.footbridge.testclient.TestServer;
import dev.footbridge.testclient.Transport;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The transports of a server that is alone. */
class TransportMatrixTest extends TransportMatrix {
  @Override
  TestServer start() throws IOException {
    return TestServer.start(builder -> builder.endpoint(Echo.PATH, new Echo()));
  }

  @ParameterizedTest
  @EnumSource(Transport.class)
  void a_session_that_nobody_came_back_to_is_gone(Transport transport) throws IOException {
    try (TestServer hasty =
            TestServer.start(builder -> builder.set(Setting.SESSION_TTL_SECONDS, 1));
        SessionClient client = SessionClient.open(hasty, transport)) {
      client.kill();
      await().atMost(Duration.ofSeconds(10)).until(() -> hasty.footbridge().sessions() == 0);

      Ending ending = client.begin(transport).awaitEnding();

      assertThat(ending.code()).isEqualTo("session_gone");
      assertThat(ending.reconnect()).isFalse();
      if (transport != Transport.WEBSOCKET) {
        assertThat(ending.status()).isEqualTo(410);
      }
    }
  }
}
