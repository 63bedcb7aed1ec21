package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import dev.footbridge.Footbridge;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.UnaryOperator;

/** A real server on a free port, in this process; or several that are asked in turn. */
public final class TestServer implements AutoCloseable {
  private final Footbridge footbridge;
  private final IntSupplier ports;
  private final Runnable stop;

  private TestServer(Footbridge footbridge, IntSupplier ports, Runnable stop) {
    this.footbridge = footbridge;
    this.ports = ports;
    this.stop = stop;
  }

  /**
   * Several servers as one: each connection goes to the next of them, as behind a balancer without
   * stickiness. They are closed with it.
   */
  public static TestServer inTurn(List<TestServer> servers) {
    AtomicInteger turn = new AtomicInteger();
    return new TestServer(
        servers.get(0).footbridge(),
        () -> servers.get(Math.floorMod(turn.getAndIncrement(), servers.size())).port(),
        () -> servers.forEach(TestServer::close));
  }

  /** Starts one with the defaults. */
  public static TestServer start() throws IOException {
    return start(builder -> builder);
  }

  /** Starts one as wished. */
  public static TestServer start(UnaryOperator<Footbridge.Builder> wish) throws IOException {
    Footbridge started = wish.apply(Footbridge.builder().host("127.0.0.1").port(0)).start();
    return new TestServer(started, started::port, started::close);
  }

  /** The server; the first, if there are several. */
  public Footbridge footbridge() {
    return footbridge;
  }

  /** Its port, or that of the one whose turn it is. */
  public int port() {
    return ports.getAsInt();
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
    stop.run();
  }
}
