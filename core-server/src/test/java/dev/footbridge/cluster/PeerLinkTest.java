package dev.footbridge.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.support.Stage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;

/** What one node concludes from how another answers, or does not. */
class PeerLinkTest {
  private final PeerLink link = new PeerLink(new ClusterSecret("secret"));

  private boolean hasEnded(String address) {
    return Stage.get(link.hasEnded(new Peer("abc", address, false, 0)));
  }

  private boolean hasEndedWhereAnswered(int status) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/ping",
        exchange -> {
          boolean asked =
              "node=abc".equals(exchange.getRequestURI().getQuery())
                  && "secret".equals(exchange.getRequestHeaders().getFirst(PeerLink.SECRET));
          exchange.sendResponseHeaders(asked ? status : 500, -1);
          exchange.close();
        });
    server.start();
    try {
      return hasEnded("127.0.0.1:" + server.getAddress().getPort());
    } finally {
      server.stop(0);
    }
  }

  @Test
  void a_process_has_ended_where_nobody_listens_any_more() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    assertThat(hasEnded("127.0.0.1:" + port)).isTrue();
  }

  @Test
  void a_process_has_ended_where_another_listens() throws IOException {
    assertThat(hasEndedWhereAnswered(404)).isTrue();
  }

  @Test
  void a_process_has_not_ended_that_answers() throws IOException {
    assertThat(hasEndedWhereAnswered(200)).isFalse();
    assertThat(hasEndedWhereAnswered(403)).isFalse();
  }

  @Test
  void silence_proves_nothing() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertThat(hasEnded("127.0.0.1:" + socket.getLocalPort())).isFalse();
    }
  }

  @Test
  void neither_does_a_name_that_cannot_be_found() {
    assertThat(hasEnded("no-such-host.invalid:1")).isFalse();
  }
}
