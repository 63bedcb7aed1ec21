package dev.footbridge.support;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.footbridge.io.Lane;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Receiver;
import dev.footbridge.session.Session;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The client of a real session, on connections without sockets: takes messages on its lane as a
 * WebSocket does, counts them, acknowledges them. Safe for any thread.
 */
public final class TestClient {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final Session session;
  private final List<JsonNode> heard = new ArrayList<>();
  private final AtomicInteger ids = new AtomicInteger();
  private volatile boolean acknowledges = true;
  private volatile @Nullable Connection connection;
  private volatile @Nullable String bye;
  private long got;

  /** A client on a connection of the given lane. */
  public TestClient(Session session, Lane lane) {
    this.session = session;
    connect(lane);
  }

  private TestClient(Session session, Lane lane, long got) {
    this.session = session;
    this.got = got;
    connect(lane);
  }

  /** One that has got so many messages already. */
  public static TestClient after(Session session, Lane lane, long got) {
    return new TestClient(session, lane, got);
  }

  private final class Connection implements Receiver {
    private final Lane lane;

    Connection(Lane lane) {
      this.lane = lane;
    }

    void take() {
      long last;
      synchronized (heard) {
        session.take(this, this::accept);
        last = got;
      }
      if (acknowledges) {
        try {
          session.acknowledge(this, last);
        } catch (ProtocolException e) {
          throw new AssertionError(e);
        }
      }
    }

    private boolean accept(long number, Message message) {
      if (number != got + 1) {
        throw new AssertionError("Message " + number + " came after " + got);
      }
      got = number;
      heard.add(json(message.toString()));
      return true;
    }

    @Override
    public Lane lane() {
      return lane;
    }

    @Override
    public boolean duplex() {
      return true;
    }

    @Override
    public boolean streaming() {
      return true;
    }

    @Override
    public void ready() {
      lane.execute(this::take);
    }

    @Override
    public void end(Bye reason) {
      if (!reason.equals(Bye.SUPERSEDED)) {
        bye = reason.code();
      }
    }

    @Override
    public void check(long nowNanos) {}

    @Override
    public boolean idle() {
      return true;
    }
  }

  /** Text as a tree. */
  public static JsonNode json(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (JsonProcessingException e) {
      throw new AssertionError("Not JSON: " + text, e);
    }
  }

  /** The session. */
  public Session session() {
    return session;
  }

  /** Goes on over a new connection; the answer is the {@code welcome}. */
  public JsonNode connect(Lane lane) {
    Connection next = new Connection(lane);
    try {
      JsonNode welcome;
      synchronized (heard) {
        welcome = json(session.attach(next, got, Session.UNKNOWN).toString());
        connection = next;
      }
      next.ready();
      return welcome;
    } catch (ProtocolException e) {
      throw new AssertionError(e);
    }
  }

  /** Loses its connection. */
  public void disconnect() {
    session.detach(connection);
    connection = null;
  }

  /** Whether it acknowledges what it gets, which makes room for more. */
  public void acknowledges(boolean yes) {
    acknowledges = yes;
    if (yes) {
      connection.ready();
    }
  }

  /**
   * Says a value.
   *
   * @throws ProtocolException where the session refuses it
   */
  public void say(String value) throws ProtocolException {
    if (!session.receive(connection, Value.parse(value.getBytes(UTF_8)))) {
      throw new AssertionError("The connection is not attached.");
    }
  }

  /**
   * Says a command, with an id of its own.
   *
   * @param fields the members besides {@code op} and {@code id}
   * @return the id
   */
  public int command(String op, String fields) {
    int id = ids.incrementAndGet();
    try {
      say("{\"op\":\"" + op + "\",\"id\":" + id + (fields.isEmpty() ? "" : "," + fields) + "}");
    } catch (ProtocolException e) {
      throw new AssertionError(e);
    }
    return id;
  }

  /** All that it has heard and that was not asked for yet. */
  public List<JsonNode> heard() {
    synchronized (heard) {
      List<JsonNode> all = List.copyOf(heard);
      heard.clear();
      return all;
    }
  }

  /** Why its session or its connection ended, or null. */
  public @Nullable String bye() {
    return bye;
  }
}
