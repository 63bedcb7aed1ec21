package dev.footbridge.bridge.probe;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.PeerWatch;
import dev.footbridge.http.Requests;
import dev.footbridge.io.Lane;
import dev.footbridge.node.Node;
import dev.footbridge.session.Bye;
import dev.footbridge.session.Sessions;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timeout;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.xnio.IoUtils;

/** A request that is held for a time and answered then. Owned by its connection's I/O thread. */
final class ProbePoll implements Probes.Probe {
  private final Node node;
  private final Probes probes;
  private final HttpServerExchange exchange;
  private final String address;
  private final Lane lane;
  private final PeerWatch watch;
  private @Nullable Timeout deadline;
  private boolean done;

  ProbePoll(Node node, Probes probes, HttpServerExchange exchange) {
    this.node = node;
    this.probes = probes;
    this.exchange = exchange;
    this.address = Requests.address(exchange);
    this.lane = node.lanes().of(exchange.getIoThread());
    this.watch = new PeerWatch(exchange, this::gone);
  }

  /** Begins. Called by the exchange's handler. */
  void start(long seconds) throws ProtocolException {
    probes.add(this);
    exchange.dispatch(
        SameThreadExecutor.INSTANCE,
        () -> {
          watch.start();
          deadline =
              node.timer()
                  .newTimeout(
                      timeout -> lane.execute(() -> finish(this::answer)),
                      seconds,
                      TimeUnit.SECONDS);
        });
  }

  private void answer() {
    Exchanges.json(exchange, node.timer(), 200, ProbeHandler.PONG);
  }

  private void finish(Runnable how) {
    if (done) {
      return;
    }
    done = true;
    probes.remove(this);
    watch.stop();
    Timeout held = deadline;
    if (held != null) {
      held.cancel();
    }
    how.run();
  }

  private void gone() {
    finish(() -> IoUtils.safeClose(exchange.getConnection()));
  }

  @Override
  public String address() {
    return address;
  }

  @Override
  public void end(Bye last) {
    lane.execute(() -> finish(() -> Exchanges.fail(exchange, Sessions.draining())));
  }
}
