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
 * The answer to an opening that brought the session's first messages: its {@code welcome}, and what
 * has come down because of them within a moment. Owned by the exchange's I/O thread, except for the
 * methods of {@link Receiver}.
 */
final class FirstAnswer extends HeldReceiver {
  /** What is later than this comes with the next request. */
  private static final long HOLD_MILLIS = 250;

  private final HttpServerExchange exchange;
  private final Session session;
  private final Consumer<byte[]> respond;
  private final int expected;
  private final Timer timer;
  private final int maxBytes;
  private final boolean stays;
  private final PeerWatch watch;
  private final List<Message> messages = new ArrayList<>();
  private byte[] welcome = {};
  private long bytes;
  private boolean full;
  private @Nullable Timeout deadline;
  private boolean done;

  /**
   * @param respond sends the answer, which is JSON
   * @param expected how many messages are waited for
   * @param maxBytes octets of messages in the answer, unless the first alone is larger
   * @param stays whether the session stays when nobody takes the answer, since it can be asked for
   *     again
   */
  FirstAnswer(
      HttpServerExchange exchange,
      Lane lane,
      Session session,
      Consumer<byte[]> respond,
      int expected,
      Timer timer,
      int maxBytes,
      boolean stays) {
    super(lane);
    this.exchange = exchange;
    this.session = session;
    this.respond = respond;
    this.expected = expected;
    this.timer = timer;
    this.maxBytes = maxBytes;
    this.stays = stays;
    this.watch = new PeerWatch(exchange, this::gone);
  }

  /**
   * It is attached, or another was quicker: answers now or holds. Called by the exchange's handler.
   */
  void start(Message first) {
    welcome = first.raw();
    if (!collect() || isEnough()) {
      answer(null);
    } else {
      exchange.dispatch(SameThreadExecutor.INSTANCE, this::hold);
    }
  }

  private void hold() {
    if (done) {
      return;
    }
    watch.start();
    deadline =
        timer.newTimeout(
            timeout -> lane.execute(() -> answer(null)), HOLD_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** False if it is not attached any more, and its answer is what it has. */
  private boolean collect() {
    return session.take(
        this,
        (number, message) -> {
          full = !messages.isEmpty() && bytes + message.size() > maxBytes;
          if (!full) {
            bytes += message.size();
            messages.add(message);
          }
          return !full;
        });
  }

  private boolean isEnough() {
    return full || messages.size() >= expected;
  }

  @Override
  void deliver() {
    if (!done) {
      collect();
      if (isEnough()) {
        answer(null);
      }
    }
  }

  private void answer(@Nullable Bye bye) {
    if (!done) {
      done = true;
      release();
      session.detach(this);
      respond.accept(json(bye));
    }
  }

  private void gone() {
    if (!done) {
      done = true;
      release();
      session.detach(this);
      if (!stays) {
        // Nobody has been told of the session, and nobody will be.
        session.close("closed");
      }
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

  /** The welcome with some members more. */
  private byte[] json(@Nullable Bye bye) {
    JsonWriter json = JsonWriter.object().members(welcome).beginArray("messages");
    messages.forEach(message -> json.element(message.json()));
    json.end();
    if (bye != null) {
      json.raw("bye", bye.message().raw());
    }
    return json.bytes();
  }

  // ---- Receiver: any thread ----

  @Override
  public void end(Bye bye) {
    // Whoever has asked again meanwhile gets the rest; the session has not ended.
    lane.execute(() -> answer(bye.equals(Bye.SUPERSEDED) ? null : bye));
  }
}
