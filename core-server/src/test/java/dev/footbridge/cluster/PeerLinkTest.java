package dev.footbridge.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.footbridge.store.NodeStore.Peer;
import dev.footbridge.support.Stage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
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

  @Test
  void an_opening_is_asked_for_once_more_where_a_kept_connection_has_ended() throws IOException {
    String answer = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n";
    try (ServerSocket listening = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread node =
          new Thread(
              () -> {
                for (int connection = 1; connection <= 2; connection++) {
                  try (Socket socket = listening.accept()) {
                    request(socket);
                    socket.getOutputStream().write((answer + "#" + connection).getBytes(UTF_8));
                    request(socket);
                  } catch (IOException over) {
                    return;
                  }
                }
              });
      node.setDaemon(true);
      node.start();
      Peer peer = new Peer("abc", "127.0.0.1:" + listening.getLocalPort(), false, 0);
      assertThat(open(peer)).isEqualTo("#1");
      assertThat(open(peer)).isEqualTo("#2");
    }
  }

  private String open(Peer peer) {
    return new String(
        Stage.get(link.open(peer, "/sessions", new byte[] {'{', '}'}, List.of("X-A", "b"))).body(),
        UTF_8);
  }

  /** Reads a request as far as its body's end. */
  private static void request(Socket socket) throws IOException {
    int before = 0;
    for (int next = socket.getInputStream().read();
        next >= 0 && !(before == '{' && next == '}');
        next = socket.getInputStream().read()) {
      before = next;
    }
  }
}
