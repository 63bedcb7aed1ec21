package dev.footbridge.bridge.feed;

import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.PeerWatch;
import dev.footbridge.channelapi.HubService;
import dev.footbridge.http.Problems;
import dev.footbridge.hub.Subscriber;
import dev.footbridge.hub.Subscription;
import dev.footbridge.io.Lane;
import dev.footbridge.io.Stages;
import dev.footbridge.node.Node;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;
import io.netty.util.Timeout;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.xnio.IoUtils;

/**
 * A long poll on one channel: waits until something comes after a position, then answers with the
 * history from there. Owned by the exchange's I/O thread.
 */
final class FeedPoll implements Subscriber {
  private final Node node;
  private final HttpServerExchange exchange;
  private final String name;
  private final Position since;
  private final int limit;
  private final Lane lane;
  private final PeerWatch watch;
  private @Nullable Subscription subscription;
  private @Nullable Timeout deadline;
  private boolean done;

  FeedPoll(Node node, HttpServerExchange exchange, String name, Position since, int limit) {
    this.limit = limit;
    this.node = node;
    this.exchange = exchange;
    this.name = name;
    this.since = since;
    this.lane = node.lanes().of(exchange.getIoThread());
    this.watch = new PeerWatch(exchange, this::gone);
  }

  /** Holds the request. Called by the exchange's handler. */
  void hold(long waitNanos) {
    exchange.dispatch(
        SameThreadExecutor.INSTANCE,
        () -> {
          watch.start();
          deadline =
              node.timer()
                  .newTimeout(
                      timeout -> lane.execute(this::answer), waitNanos, TimeUnit.NANOSECONDS);
          Stages.on(
              node.hub().subscribe(name, this, since, 0),
              begun -> lane.execute(() -> begin(begun.subscription())),
              failure -> lane.execute(() -> fail(failure)));
        });
  }

  private void begin(Subscription begun) {
    if (done) {
      begun.end();
      return;
    }
    subscription = begun;
    begun.start();
  }

  private void answer() {
    if (done) {
      return;
    }
    release();
    Exchanges.await(
        exchange,
        node.hub().history(name, since, limit),
        page -> {
          if (!page.reached()) {
            throw HubService.gap(page.top());
          }
          Exchanges.json(exchange, node.timer(), 200, node.service().historyJson(page, false));
        });
  }

  private void fail(Throwable failure) {
    if (!done) {
      release();
      Problems.send(exchange, Problems.of(failure));
    }
  }

  private void gone() {
    if (!done) {
      release();
      IoUtils.safeClose(exchange.getConnection());
    }
  }

  private void release() {
    done = true;
    watch.stop();
    Timeout held = deadline;
    if (held != null) {
      held.cancel();
    }
    Subscription begun = subscription;
    if (begun != null) {
      begun.end();
    }
  }

  @Override
  public boolean deliver(Subscription from, LogEntry entry) {
    lane.execute(this::answer);
    return false;
  }

  @Override
  public boolean gap(Subscription from, Position next) {
    lane.execute(this::answer);
    return false;
  }

  @Override
  public Lane lane() {
    return lane;
  }
}
