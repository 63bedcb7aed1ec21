package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.Footbridge;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.function.UnaryOperator;

/** A real server on a free port, in this process. */
public final class TestServer implements AutoCloseable {
  private final Footbridge footbridge;

  private TestServer(Footbridge footbridge) {
    this.footbridge = footbridge;
  }

  /** Starts one with the defaults. */
  public static TestServer start() throws IOException {
    return start(builder -> builder);
  }

  /** Starts one as wished. */
  public static TestServer start(UnaryOperator<Footbridge.Builder> wish) throws IOException {
    return new TestServer(wish.apply(Footbridge.builder().host("127.0.0.1").port(0)).start());
  }

  /** The server. */
  public Footbridge footbridge() {
    return footbridge;
  }

  /** Its port. */
  public int port() {
    return footbridge.port();
  }

  /** An address of the server. */
  public URI uri(String scheme, String target) {
    return URI.create(scheme + "://127.0.0.1:" + port() + target);
  }

  /** A connection to it. */
  public HttpSocket connect() throws IOException {
    return HttpSocket.connect(port());
  }

  /** Asks on a connection of its own. */
  public Answer ask(String method, String target, byte[] body, String... headers)
      throws IOException {
    try (HttpSocket socket = connect()) {
      return socket.request(method, target, body, headers).answer();
    }
  }

  /** {@code GET}. */
  public Answer get(String target, String... headers) throws IOException {
    return ask("GET", target, null, headers);
  }

  /** {@code POST}. */
  public Answer post(String target, String body, String... headers) throws IOException {
    return ask("POST", target, body.getBytes(StandardCharsets.UTF_8), headers);
  }

  /**
   * Opens a session without a connection.
   *
   * @return its id
   */
  public String open(String wish) throws IOException {
    Answer answer = post("/sessions", wish);
    if (answer.status() != 201) {
      throw new IOException("no session: " + answer);
    }
    JsonNode welcome = answer.json();
    return welcome.path("session").asText();
  }

  /** Opens a session on the hub. */
  public String open() throws IOException {
    return open("");
  }

  @Override
  public void close() {
    footbridge.close();
  }
}
