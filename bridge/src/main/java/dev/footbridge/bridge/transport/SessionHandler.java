package dev.footbridge.bridge.transport;

import dev.footbridge.config.Config;
import dev.footbridge.config.Setting;
import dev.footbridge.http.Problems;
import dev.footbridge.http.Requests;
import dev.footbridge.io.Lane;
import dev.footbridge.node.Node;
import dev.footbridge.session.OpeningWish;
import dev.footbridge.session.Openings;
import dev.footbridge.session.Session;
import dev.footbridge.session.Sessions;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import dev.footbridge.wire.Value;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@code /sessions} and all below it. */
public final class SessionHandler implements HttpHandler {
  private static final HttpString LAST_EVENT_ID = new HttpString("Last-Event-ID");

  /** Time is looked at once a second; so much earlier no silence becomes longer by that. */
  private static final long EARLY_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Node node;
  private final Sessions sessions;
  private final Openings openings;
  private final Config config;
  private final PollAdvice advice;
  private final SessionAccess access;

  /** Wires the parts; none of them is owned. */
  public SessionHandler(Node node, SessionAccess access) {
    this.node = node;
    this.access = access;
    this.sessions = node.sessions();
    this.openings = node.openings();
    this.config = node.config();
    this.advice =
        new PollAdvice(
            config.getInt(Setting.POLL_INTERVAL_SECONDS),
            config.getInt(Setting.POLL_BUDGET_PER_SECOND));
    node.everySecond(now -> advice.check());
  }

  @Override
  public void handleRequest(HttpServerExchange exchange) throws ProtocolException {
    String[] path = exchange.getRelativePath().split("/", -1);
    // "/sessions", "/sessions/ID" or "/sessions/ID/what"
    if (path.length != 4 || !path[3].equals("jsonp")) {
      HiddenStatus.heed(exchange);
    }
    if (path.length == 2) {
      Routes.require(exchange, "POST");
      body(exchange, body -> open(exchange, body));
      return;
    }
    String id = path[2];
    if (path.length == 3) {
      Routes.require(exchange, "DELETE");
      close(exchange, id);
      return;
    }
    if (path.length != 4) {
      throw Routes.notFound();
    }
    switch (path[3]) {
      case "poll" -> {
        Routes.require(exchange, "GET", "POST");
        boolean sends = exchange.getRequestMethod().equalToString("POST");
        access.with(
            exchange,
            id,
            session -> {
              if (sends) {
                body(exchange, body -> poll(exchange, session, batch(body)));
              } else {
                poll(exchange, session, null);
              }
            });
      }
      case "send" -> {
        Routes.require(exchange, "POST");
        access.with(exchange, id, session -> body(exchange, body -> send(exchange, session, body)));
      }
      case "events" -> {
        Routes.require(exchange, "GET");
        access.with(exchange, id, session -> stream(exchange, session, true));
      }
      case "stream" -> {
        Routes.require(exchange, "GET");
        access.with(exchange, id, session -> stream(exchange, session, false));
      }
      case "jsonp" -> {
        Routes.require(exchange, "GET");
        jsonp(exchange, id);
      }
      case "close" -> {
        Routes.require(exchange, "POST");
        close(exchange, id);
      }
      default -> throw Routes.notFound();
    }
  }

  private void body(HttpServerExchange exchange, Exchanges.Step<byte[]> then) {
    Exchanges.body(
        exchange,
        config.getInt(Setting.LIMITS_BATCH_BYTES),
        TimeUnit.MILLISECONDS.toNanos(config.get(Setting.LIMITS_BODY_TIMEOUT_MILLIS)),
        node.timer(),
        then);
  }

  private Lane lane(HttpServerExchange exchange) {
    return node.lanes().of(exchange.getIoThread());
  }

  private void open(HttpServerExchange exchange, byte[] body) throws ProtocolException {
    OpeningWish wish =
        OpeningWish.of(
            body.length == 0 ? Json.object(new byte[] {'{', '}'}) : Json.object(body),
            Requests.token(exchange),
            Requests.address(exchange),
            config.getInt(Setting.LIMITS_MESSAGE_BYTES));
    int expected =
        wish.messages() == null ? 0 : sessions.expect(wish.request(), wish.firstMessages());
    access.opening(exchange, wish, body, () -> open(exchange, wish, expected));
  }

  private void open(HttpServerExchange exchange, OpeningWish wish, int expected) {
    Exchanges.await(
        exchange,
        openings.open(wish, lane(exchange)),
        opened -> begin(exchange, wish, expected, opened));
  }

  private void begin(
      HttpServerExchange exchange, OpeningWish wish, int expected, Openings.Opened opened)
      throws ProtocolException {
    Session session = opened.session();
    FirstAnswer answer =
        wish.messages() == null ? null : firstAnswer(exchange, session, wish, expected);
    Message welcome;
    if (opened.again()) {
      welcome =
          answer == null
              ? session.welcomeAgain()
              : session.attachAgain(answer, wish.firstMessages());
      if (welcome == null) {
        // Its client has been told of it just now.
        open(exchange, wish, expected);
        return;
      }
    } else {
      welcome =
          answer == null
              ? session.firstWelcome()
              : attachFirst(session, answer, wish.firstMessages());
    }
    if (answer == null) {
      opened(exchange, session, welcome.raw());
    } else {
      answer.start(welcome);
    }
  }

  private FirstAnswer firstAnswer(
      HttpServerExchange exchange, Session session, OpeningWish wish, int expected) {
    return new FirstAnswer(
        exchange,
        lane(exchange),
        session,
        json -> opened(exchange, session, json),
        expected,
        node.timer(),
        config.getInt(Setting.LIMITS_BATCH_BYTES),
        wish.key() != null);
  }

  /** The session's first messages came with its opening; so do the first answers. */
  private static Message attachFirst(Session session, FirstAnswer answer, List<Value> messages)
      throws ProtocolException {
    try {
      return session.attachFirst(answer, messages).welcome();
    } catch (ProtocolException refused) {
      session.close(refused.code());
      throw refused;
    }
  }

  private void opened(HttpServerExchange exchange, Session session, byte[] welcome) {
    exchange
        .getResponseHeaders()
        .put(Headers.LOCATION, config.basePath() + "/sessions/" + session.id());
    Exchanges.json(exchange, node.timer(), 201, welcome);
  }

  private List<Value> messages(JsonObject fields) throws ProtocolException {
    return Value.parseAll(fields.array("messages"), config.getInt(Setting.LIMITS_MESSAGE_BYTES));
  }

  private void send(HttpServerExchange exchange, Session session, byte[] body)
      throws ProtocolException {
    long received = session.send(batch(body), Requests.count(exchange, "turn"));
    Exchanges.json(
        exchange,
        node.timer(),
        200,
        dev.footbridge.wire.JsonWriter.object().number("received", received).bytes());
  }

  /** A batch: {@code {"after":M,"received":N,"messages":[…]}}. */
  private Session.Batch batch(byte[] body) throws ProtocolException {
    JsonObject fields = Json.object(body);
    return new Session.Batch(
        fields.integer("after", Session.UNKNOWN, 0, Long.MAX_VALUE),
        fields.integer("received", Session.UNKNOWN, 0, Long.MAX_VALUE),
        messages(fields));
  }

  private void poll(HttpServerExchange exchange, Session session, Session.@Nullable Batch batch)
      throws ProtocolException {
    poll(exchange, session, batch, json -> Exchanges.json(exchange, node.timer(), 200, json));
  }

  private void poll(
      HttpServerExchange exchange,
      Session session,
      Session.@Nullable Batch batch,
      Consumer<byte[]> respond)
      throws ProtocolException {
    long after = Requests.count(exchange, "after");
    long turn = Requests.count(exchange, "turn");
    long wait =
        Math.min(
            Math.max(0, Requests.count(exchange, "wait")),
            config.get(Setting.POLL_MAX_WAIT_SECONDS));
    PollReceiver receiver =
        new PollReceiver(
            exchange,
            lane(exchange),
            session,
            respond,
            advice,
            node.timer(),
            config.getInt(Setting.LIMITS_BATCH_BYTES));
    Message rebuilt = session.attachPoll(receiver, after, turn, batch);
    receiver.start(TimeUnit.SECONDS.toNanos(wait), rebuilt);
  }

  private void jsonp(HttpServerExchange exchange, String id) throws ProtocolException {
    String callback = Jsonp.callback(Requests.query(exchange, "callback"));
    if (callback == null) {
      Jsonp.refuse(exchange);
      return;
    }
    Consumer<ProtocolException> refuse =
        problem -> Jsonp.send(exchange, node.timer(), callback, Problems.document(problem));
    access.with(
        exchange,
        id,
        session -> {
          try {
            poll(
                exchange,
                session,
                null,
                json -> Jsonp.send(exchange, node.timer(), callback, json));
          } catch (ProtocolException e) {
            refuse.accept(e);
          }
        },
        refuse);
  }

  private void stream(HttpServerExchange exchange, Session session, boolean events)
      throws ProtocolException {
    String lastEventId = exchange.getRequestHeaders().getFirst(LAST_EVENT_ID);
    long after =
        events && lastEventId != null
            ? Requests.count("Last-Event-ID", lastEventId)
            : Requests.count(exchange, "after");
    long turn = Requests.count(exchange, "turn");
    int padding = Exchanges.padding(exchange);
    HttpStream stream =
        new HttpStream(
            exchange,
            lane(exchange),
            events,
            node.nanoClock(),
            node.timer(),
            sessions.options().pingNanos(),
            silenceNanos(exchange),
            config.get(Setting.STREAM_BYTES));
    Message welcome = session.attach(stream, after, turn);
    stream.start(exchange, session, welcome, padding);
  }

  /** After how much silence the stream is pinged: what its client wants, within what is set. */
  private long silenceNanos(HttpServerExchange exchange) throws ProtocolException {
    long set = sessions.options().pingNanos();
    long wanted = Requests.count(exchange, "ping");
    if (wanted == 0) {
      throw ProtocolException.malformed("\"ping\" must be at least 1.");
    }
    return wanted == Session.UNKNOWN || wanted >= TimeUnit.NANOSECONDS.toSeconds(set)
        ? set
        : TimeUnit.SECONDS.toNanos(wanted) - EARLY_NANOS;
  }

  private void close(HttpServerExchange exchange, String id) {
    access.with(
        exchange,
        id,
        session -> {
          if (exchange.getRequestMethod().equalToString("POST")) {
            body(exchange, body -> closed(exchange, session));
          } else {
            closed(exchange, session);
          }
        },
        problem -> {
          // Closing what has ended already is what the client wanted; only no id at all is an
          // error.
          if (problem.status() == ErrorCode.SESSION_GONE.status()) {
            Exchanges.nothing(exchange);
          } else {
            Exchanges.fail(exchange, problem);
          }
        });
  }

  private static void closed(HttpServerExchange exchange, Session session)
      throws ProtocolException {
    session.closeByClient();
    Exchanges.nothing(exchange);
  }
}
