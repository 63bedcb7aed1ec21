package dev.footbridge.bridge.transport;

import dev.footbridge.io.Lane;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Receiver;
import dev.footbridge.session.Session;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import io.netty.util.Timeout;
import io.netty.util.Timer;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.xnio.IoUtils;

/**
 * One poll: answers with the messages that there are, or waits for the first one. Owned by the
 * exchange's I/O thread, except for the methods of {@link Receiver}.
 */
final class PollReceiver extends HeldReceiver {
  /** The poll is no longer attached; a bye is on its way. */
  private static final long ENDED = -1;

  private final HttpServerExchange exchange;
  private final Session session;
  private final Consumer<byte[]> respond;
  private final PollAdvice advice;
  private final Timer timer;
  private final int maxBytes;
  private final PeerWatch watch;
  private @Nullable Timeout deadline;
  private boolean done;

  /**
   * @param respond sends the answer, which is JSON
   * @param maxBytes octets of messages in the answer, unless the first alone is larger
   */
  PollReceiver(
      HttpServerExchange exchange,
      Lane lane,
      Session session,
      Consumer<byte[]> respond,
      PollAdvice advice,
      Timer timer,
      int maxBytes) {
    super(lane);
    this.exchange = exchange;
    this.session = session;
    this.respond = respond;
    this.advice = advice;
    this.timer = timer;
    this.maxBytes = maxBytes;
    this.watch = new PeerWatch(exchange, this::gone);
  }

  /**
   * The poll is attached: answers now or holds. Called by the exchange's handler.
   *
   * @param welcome what a client is told whose session was rebuilt, or null; it is the answer
   */
  void start(long waitNanos, @Nullable Message welcome) {
    if (welcome != null) {
      answer(empty().raw("welcome", welcome.raw()).bytes());
      return;
    }
    List<Message> messages = new ArrayList<>();
    long first = collect(messages);
    if (!messages.isEmpty()) {
      answer(messagesJson(first, messages));
    } else if (waitNanos == 0 && first != ENDED) {
      answer(emptyJson());
    } else {
      // Also when it has been ended already: the bye that is on its way is the answer.
      exchange.dispatch(SameThreadExecutor.INSTANCE, () -> hold(waitNanos));
    }
  }

  private void hold(long waitNanos) {
    watch.start();
    deadline =
        timer.newTimeout(
            timeout -> lane.execute(() -> finish(this::emptyJson)),
            waitNanos,
            TimeUnit.NANOSECONDS);
  }

  /** What there is; the number of the first, 0 if there is none, or {@link #ENDED}. */
  private long collect(List<Message> into) {
    long[] first = new long[1];
    long[] bytes = new long[1];
    boolean attached =
        session.take(
            this,
            (number, message) -> {
              if (!into.isEmpty() && bytes[0] + message.size() > maxBytes) {
                return false;
              }
              if (into.isEmpty()) {
                first[0] = number;
              }
              bytes[0] += message.size();
              into.add(message);
              return true;
            });
    return attached ? first[0] : ENDED;
  }

  @Override
  void deliver() {
    if (done) {
      return;
    }
    List<Message> messages = new ArrayList<>();
    long first = collect(messages);
    if (!messages.isEmpty()) {
      finish(() -> messagesJson(first, messages));
    }
  }

  private interface Json {
    byte[] bytes();
  }

  private void finish(Json json) {
    if (!done) {
      answer(json.bytes());
    }
  }

  private void answer(byte[] json) {
    done = true;
    release();
    session.detach(this);
    respond.accept(json);
  }

  private void gone() {
    if (!done) {
      done = true;
      release();
      session.detach(this);
      IoUtils.safeClose(exchange.getConnection());
    }
  }

  private void release() {
    watch.stop();
    Timeout held = deadline;
    if (held != null) {
      held.cancel();
      deadline = null;
    }
  }

  private byte[] messagesJson(long first, List<Message> messages) {
    JsonWriter json = JsonWriter.object().number("first", first).beginArray("messages");
    messages.forEach(message -> json.element(message.json()));
    return json.end().number("received", session.received()).bytes();
  }

  private byte[] emptyJson() {
    return empty().number("interval", advice.empty()).bytes();
  }

  private JsonWriter empty() {
    return JsonWriter.object().beginArray("messages").end().number("received", session.received());
  }

  // ---- Receiver: any thread ----

  @Override
  public void end(Bye bye) {
    lane.execute(() -> finish(() -> empty().raw("bye", bye.message().raw()).bytes()));
  }
}
