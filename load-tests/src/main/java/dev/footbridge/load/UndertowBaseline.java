package dev.footbridge.load;

import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.handlers.PathHandler;
import io.undertow.server.handlers.sse.ServerSentEventConnection;
import io.undertow.server.handlers.sse.ServerSentEventHandler;
import io.undertow.util.Headers;
import io.undertow.util.SameThreadExecutor;
import io.undertow.websockets.core.AbstractReceiveListener;
import io.undertow.websockets.core.BufferedTextMessage;
import io.undertow.websockets.core.WebSocketChannel;
import io.undertow.websockets.core.WebSockets;
import io.undertow.websockets.spi.WebSocketHttpExchange;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.xnio.XnioExecutor;

/**
 * The broadcast that a Java programmer writes first: Undertow's own WebSocket channels, its own
 * Server-Sent Events handler and exchanges held for long polls, each used as its documentation
 * shows. It is what Footbridge is compared with.
 *
 * <ul>
 *   <li>{@code GET /ws}: WebSocket; a text message goes to everybody else, on every transport;
 *   <li>{@code GET /sse}: Server-Sent Events;
 *   <li>{@code GET /poll?after=N&wait=S}: long poll, answered with a JSON object of the first
 *       number and the messages; without {@code after} it tells at once where the numbering stands.
 * </ul>
 *
 * <p>There are no sessions here, no acknowledgements and no bounds on queues.
 */
public final class UndertowBaseline {

  /** How many messages are kept for polls that are between two requests. */
  private static final int LOG_SIZE = 1024;

  private final ServerSentEventHandler sse = Handlers.serverSentEvents();
  private final PollLog log = new PollLog();

  private UndertowBaseline() {}

  /**
   * Serves until the process is ended.
   *
   * @param args {@code --port PORT}
   */
  public static void main(String[] args) {
    if (args.length != 2 || !args[0].equals("--port")) {
      System.err.println("UndertowBaseline --port PORT");
      System.exit(1);
    }
    int port = Integer.parseInt(args[1]);
    UndertowBaseline baseline = new UndertowBaseline();
    Undertow.builder()
        .addHttpListener(port, "127.0.0.1")
        .setHandler(baseline.paths())
        .build()
        .start();
    System.err.println("http://127.0.0.1:" + port);
  }

  private HttpHandler paths() {
    return new PathHandler()
        .addExactPath("/ws", Handlers.websocket(this::onConnect))
        .addExactPath("/sse", sse)
        .addExactPath("/poll", this::onPoll);
  }

  private void onConnect(WebSocketHttpExchange exchange, WebSocketChannel channel) {
    channel.getReceiveSetter().set(new Listener());
    channel.resumeReceives();
  }

  private final class Listener extends AbstractReceiveListener {
    @Override
    protected void onFullTextMessage(WebSocketChannel sender, BufferedTextMessage message) {
      broadcast(sender, message.getData());
    }
  }

  private void broadcast(WebSocketChannel sender, String message) {
    for (WebSocketChannel peer : sender.getPeerConnections()) {
      if (peer != sender) {
        WebSockets.sendText(message, peer, null);
      }
    }
    for (ServerSentEventConnection connection : sse.getConnections()) {
      connection.send(message);
    }
    for (HeldPoll poll : log.append(message)) {
      poll.exchange.getIoThread().execute(poll::answer);
    }
  }

  private void onPoll(HttpServerExchange exchange) {
    long after = parameter(exchange, "after", -1);
    long waitSeconds = parameter(exchange, "wait", 0);
    HeldPoll poll = new HeldPoll(exchange, after);
    exchange.dispatch(SameThreadExecutor.INSTANCE, () -> hold(poll, waitSeconds));
  }

  private void hold(HeldPoll poll, long seconds) {
    if (log.hold(poll)) {
      poll.timeout =
          poll.exchange.getIoThread().executeAfter(() -> expire(poll), seconds, TimeUnit.SECONDS);
    } else {
      poll.answer();
    }
  }

  private void expire(HeldPoll poll) {
    if (log.release(poll)) {
      poll.answer();
    }
  }

  private static long parameter(HttpServerExchange exchange, String name, long otherwise) {
    Deque<String> values = exchange.getQueryParameters().get(name);
    return values == null ? otherwise : Long.parseLong(values.getFirst());
  }

  /**
   * A request that waits for a message; all but its place in the log belongs to the exchange's I/O
   * thread.
   */
  private final class HeldPoll {
    private final HttpServerExchange exchange;
    private final long after;
    private XnioExecutor.Key timeout = () -> false;

    HeldPoll(HttpServerExchange exchange, long after) {
      this.exchange = exchange;
      this.after = after;
    }

    void answer() {
      timeout.remove();
      exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "application/json");
      exchange.getResponseSender().send(log.answer(after));
    }
  }

  /**
   * The last messages by number, and the polls that wait for the next one. Safe for every thread.
   */
  private static final class PollLog {
    private final Deque<String> messages = new ArrayDeque<>();
    private long top;
    private List<HeldPoll> held = new ArrayList<>();

    /** Adds a message and lets go of the polls that waited for it. */
    synchronized List<HeldPoll> append(String message) {
      top++;
      messages.addLast(message);
      if (messages.size() > LOG_SIZE) {
        messages.removeFirst();
      }
      List<HeldPoll> released = held;
      held = new ArrayList<>(released.size());
      return released;
    }

    /** Returns false if there is something to answer already. */
    synchronized boolean hold(HeldPoll poll) {
      if (poll.after != top) {
        return false;
      }
      return held.add(poll);
    }

    synchronized boolean release(HeldPoll poll) {
      return held.remove(poll);
    }

    synchronized String answer(long after) {
      if (after == top) {
        return "{\"messages\":[]}";
      }
      long oldest = top - messages.size() + 1;
      long first = after < 0 ? top + 1 : Math.max(after + 1, oldest);
      StringBuilder json =
          new StringBuilder(256).append("{\"first\":").append(first).append(",\"messages\":[");
      long number = oldest;
      String separator = "";
      for (String message : messages) {
        if (number++ >= first) {
          json.append(separator).append(message);
          separator = ",";
        }
      }
      return json.append("]}").toString();
    }
  }
}
