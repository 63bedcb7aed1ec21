package dev.footbridge.bridge.probe;

import dev.footbridge.bridge.transport.ByteQueue;
import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.HttpFraming;
import dev.footbridge.bridge.transport.OpenResponse;
import dev.footbridge.http.Requests;
import dev.footbridge.io.Lane;
import dev.footbridge.io.SinkWriter;
import dev.footbridge.node.Node;
import dev.footbridge.session.Bye;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timeout;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A response that stays open for a time and has a value each second, framed as a session's. Owned
 * by its connection's I/O thread.
 */
final class ProbeStream implements Probes.Probe, SinkWriter.Source {
  private static final Message PING = Message.json(JsonWriter.object().text("op", "ping").bytes());
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long LINGER_SECONDS = 10;

  private final Node node;
  private final Probes probes;
  private final HttpFraming framing;
  private final String address;
  private final Lane lane;
  private final OpenResponse response;
  private final SinkWriter writer;
  private final ByteQueue queue = new ByteQueue();
  private final long seconds;
  private final long beganNanos;
  private long passed;
  private @Nullable Timeout next;
  private @Nullable Timeout linger;
  private boolean ending;
  private boolean gone;

  ProbeStream(Node node, Probes probes, HttpServerExchange exchange, boolean events, long seconds) {
    this.node = node;
    this.probes = probes;
    this.framing = HttpFraming.of(events, Exchanges.isHttp11(exchange));
    this.address = Requests.address(exchange);
    this.lane = node.lanes().of(exchange.getIoThread());
    this.response = new OpenResponse(exchange, events, this::over);
    this.writer = new SinkWriter(lane, this, !OpenResponse.isRaw(exchange));
    this.seconds = seconds;
    this.beganNanos = node.nanoClock().getAsLong();
  }

  /** Begins. Called by the exchange's handler. */
  void start(HttpServerExchange exchange, int paddingBytes) throws ProtocolException {
    probes.add(this);
    exchange.dispatch(
        SameThreadExecutor.INSTANCE,
        () -> {
          writer.open(response.open());
          if (paddingBytes > 0) {
            queue.add(framing.padding(paddingBytes));
          }
          queue.add(framing.control(PING));
          writer.flush();
          response.conduit().ifPresent(writer::bypass);
          goOn();
        });
  }

  /** By the clock from the beginning on, so that what is late once is not late for ever. */
  private void goOn() {
    if (gone || ending) {
      return;
    }
    if (passed == seconds) {
      finish(Bye.ended("done"));
      return;
    }
    passed++;
    long delay = beganNanos + passed * SECOND - node.nanoClock().getAsLong();
    next =
        node.timer()
            .newTimeout(
                timeout -> lane.execute(this::secondPassed),
                Math.max(0, delay),
                TimeUnit.NANOSECONDS);
  }

  private void secondPassed() {
    if (!gone && !ending && passed < seconds && queue.isEmpty()) {
      queue.add(framing.control(PING));
      writer.flush();
    }
    goOn();
  }

  private void finish(Bye last) {
    if (gone || ending) {
      return;
    }
    ending = true;
    cancel(next);
    queue.add(framing.control(last.message()));
    // A peer that does not even read this is not waited for. Until it has, the probe counts.
    linger =
        node.timer()
            .newTimeout(timeout -> lane.execute(this::over), LINGER_SECONDS, TimeUnit.SECONDS);
    writer.flush();
  }

  private void endWhenWritten() {
    if (ending && !gone && queue.isEmpty()) {
      response.watch().stop();
      writer.shutdown(framing.end());
    }
  }

  /** The response is complete, or its peer is not there any more. */
  private void over() {
    if (!gone) {
      gone = true;
      queue.clear();
      cancel(next);
      cancel(linger);
      probes.remove(this);
      response.abort();
    }
  }

  private static void cancel(@Nullable Timeout timeout) {
    if (timeout != null) {
      timeout.cancel();
    }
  }

  @Override
  public void fill(ByteBuffer out) {
    queue.fill(out);
    if (ending && queue.isEmpty()) {
      // Runs after the bytes have been handed to the connection or kept for it.
      lane.execute(this::endWhenWritten);
    }
  }

  @Override
  public void failed(IOException reason) {
    over();
  }

  @Override
  public String address() {
    return address;
  }

  @Override
  public void end(Bye last) {
    lane.execute(() -> finish(last));
  }
}
