package dev.footbridge.testclient;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * A client's end of a session: the two counts, what has not been confirmed, and the connection that
 * it is on at present. It is strict where a real client may be lenient: a message that comes twice
 * or too early, or a confirmation of what was never sent, fails the test.
 *
 * <p>Guarded by itself.
 */
public final class SessionClient implements AutoCloseable {
  static final int PATIENCE_SECONDS = 20;
  private static final int ACK_EVERY = 16;
  private static final long ACK_MILLIS = 100;

  private volatile TestServer server;
  private final String endpoint;
  private String id;
  private long turn;
  private long after;
  private long acknowledged;
  private long confirmed;
  private boolean acknowledges = true;
  private final ArrayDeque<JsonNode> outbox = new ArrayDeque<>();
  private final List<JsonNode> received = new ArrayList<>();
  private long sentHere;
  private Connection connection;
  private Throwable failure;

  private SessionClient(TestServer server, String endpoint) {
    this.server = server;
    this.endpoint = endpoint;
  }

  /** Opens a session on the hub and attaches to it. */
  public static SessionClient open(TestServer server, Transport transport) throws IOException {
    return open(server, transport, "/");
  }

  /** Opens a session on an endpoint and attaches to it; on a WebSocket both in one. */
  public static SessionClient open(TestServer server, Transport transport, String endpoint)
      throws IOException {
    SessionClient client = new SessionClient(server, endpoint);
    if (transport != Transport.WEBSOCKET) {
      client.id = server.open("{\"endpoint\":\"" + endpoint + "\"}");
    }
    client.connect(transport);
    return client;
  }

  /** Never acknowledges on its own any more; only coming back does. */
  public synchronized SessionClient withoutAcknowledging() {
    acknowledges = false;
    return this;
  }

  TestServer server() {
    return server;
  }

  String endpoint() {
    return endpoint;
  }

  /** From its next connection on it finds its session elsewhere. */
  public SessionClient movedTo(TestServer next) {
    server = next;
    return this;
  }

  /** The session's id; null before the first welcome. */
  public synchronized String id() {
    return id;
  }

  synchronized void opened(String session) {
    id = session;
  }

  /** What every request about the session begins with. */
  public synchronized String path() {
    return "/sessions/" + id;
  }

  /** The last message that came. */
  public synchronized long after() {
    return after;
  }

  synchronized long confirmed() {
    return confirmed;
  }

  // ---- connections ----

  /** Goes over to a connection, and waits until it is attached. */
  public Connection connect(Transport transport) {
    Connection next = begin(transport);
    next.awaitAttached();
    return next;
  }

  /** Goes over to a connection. */
  public Connection begin(Transport transport) {
    Connection next;
    synchronized (this) {
      turn++;
      next = transport.connection(this, turn);
      connection = next;
      sentHere = confirmed;
    }
    next.start();
    return next;
  }

  /** The connection at present. */
  public synchronized Connection connection() {
    return connection;
  }

  /** Breaks the connection without a goodbye. */
  public void kill() {
    connection().kill();
  }

  @Override
  public void close() throws IOException {
    kill();
    if (id() != null) {
      server.ask("DELETE", path(), null);
    }
  }

  // ---- up ----

  /** Sends a value, now or as soon as there is a connection. */
  public synchronized void send(JsonNode value) {
    outbox.add(value);
    notifyAll();
  }

  /** Sends a value given as JSON. */
  public void send(String json) {
    send(Answer.parse(json));
  }

  /** Sends an application's text message. */
  public void text(String text) {
    send(JsonNodeFactory.instance.textNode(text));
  }

  /** Sends an application's binary message. */
  public void binary(byte[] data) {
    send(binaryValue(data));
  }

  static JsonNode binaryValue(byte[] data) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("op", "binary")
        .put("data", Base64.getEncoder().encodeToString(data));
  }

  /** Whether there is something to send; waits a while for it, and for what can be gathered. */
  synchronized boolean awaitWork(Connection by) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ACK_MILLIS);
    while (!by.isOver() && !hasWork(by)) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        return acknowledges && connection == by && by.isAttached() && after > acknowledged;
      }
      wait(left);
    }
    return !by.isOver();
  }

  private boolean hasWork(Connection by) {
    return connection == by
        && by.isAttached()
        && (confirmed + outbox.size() > sentHere
            || (acknowledges && after - acknowledged >= ACK_EVERY));
  }

  synchronized void wake() {
    notifyAll();
  }

  /** What goes up. */
  record Batch(long after, long received, List<JsonNode> values) {
    byte[] json() {
      var json = JsonNodeFactory.instance.objectNode();
      json.put("after", after);
      if (received >= 0) {
        json.put("received", received);
      }
      json.putArray("messages").addAll(values);
      try {
        return Answer.JSON.writeValueAsBytes(json);
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Everything that has not been confirmed, as a request carries it. */
  synchronized Batch unconfirmed(Connection by) {
    sentHere = connection == by ? confirmed + outbox.size() : sentHere;
    return new Batch(confirmed, acknowledging(), List.copyOf(outbox));
  }

  /** What has not been sent on this connection yet, as a WebSocket carries it. */
  synchronized Batch unsent(Connection by) {
    if (connection != by) {
      return new Batch(0, -1, List.of());
    }
    List<JsonNode> values = outbox.stream().skip(Math.max(0, sentHere - confirmed)).toList();
    sentHere = confirmed + outbox.size();
    return new Batch(0, acknowledging(), values);
  }

  private long acknowledging() {
    if (!acknowledges) {
      return -1;
    }
    acknowledged = after;
    return after;
  }

  /** The server says how much has come up. */
  synchronized void confirm(Connection by, long count) {
    if (connection != by) {
      return;
    }
    if (count > confirmed + outbox.size()) {
      throw new AssertionError("the server has received more than was sent: " + count);
    }
    for (; confirmed < count; confirmed++) {
      outbox.poll();
    }
    sentHere = Math.max(sentHere, confirmed);
    notifyAll();
  }

  // ---- down ----

  /** A message has come; what comes on a connection that was given up does not count. */
  synchronized void deliver(Connection by, long number, JsonNode value) {
    if (connection != by || by.isOver()) {
      return;
    }
    if (number != after + 1) {
      throw new AssertionError("message " + number + " came after message " + after);
    }
    after = number;
    received.add(value);
    notifyAll();
  }

  synchronized void fail(Throwable reason) {
    if (failure == null) {
      failure = reason;
    }
    notifyAll();
  }

  /** All that has come. */
  public synchronized List<JsonNode> received() {
    rethrow();
    return List.copyOf(received);
  }

  /** Waits until so much has come. */
  public List<JsonNode> awaitReceived(int count) {
    await(count + " messages", () -> received.size() >= count);
    return received();
  }

  /** Waits for a value. */
  public JsonNode awaitValue(Predicate<JsonNode> wanted) {
    JsonNode[] found = new JsonNode[1];
    int[] at = new int[1];
    await(
        "a value",
        () -> {
          for (; found[0] == null && at[0] < received.size(); at[0]++) {
            if (wanted.test(received.get(at[0]))) {
              found[0] = received.get(at[0]);
            }
          }
          return found[0] != null;
        });
    return found[0];
  }

  /** Sends a command and waits for its reply. */
  public JsonNode command(String json) {
    JsonNode command = Answer.parse(json);
    send(command);
    return awaitReply(command.get("id"));
  }

  /** Waits for the reply to a command. */
  public JsonNode awaitReply(JsonNode id) {
    return awaitValue(
        value -> value.path("op").asText().equals("reply") && value.path("id").equals(id));
  }

  /** Waits until everything that was sent has been confirmed. */
  public void awaitConfirmed() {
    await("confirmation", outbox::isEmpty);
  }

  private interface Condition {
    boolean holds();
  }

  private synchronized void await(String what, Condition condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    rethrow();
    while (!condition.holds()) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        throw new AssertionError("waited in vain for " + what + "; " + this);
      }
      try {
        wait(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      }
      rethrow();
    }
  }

  private void rethrow() {
    if (failure != null) {
      throw new AssertionError(failure.getMessage(), failure);
    }
  }

  @Override
  public synchronized String toString() {
    return "received "
        + after
        + ", confirmed "
        + confirmed
        + ", waiting to be confirmed "
        + outbox.size()
        + ", on "
        + connection
        + (connection != null && connection.isOver() ? " " + connection.awaitEnding() : "");
  }
}
