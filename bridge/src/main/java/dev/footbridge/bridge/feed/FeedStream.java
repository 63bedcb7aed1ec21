package dev.footbridge.bridge.feed;

import dev.footbridge.bridge.transport.ByteQueue;
import dev.footbridge.bridge.transport.Exchanges;
import dev.footbridge.bridge.transport.OpenResponse;
import dev.footbridge.config.Setting;
import dev.footbridge.hub.Hub;
import dev.footbridge.hub.Subscriber;
import dev.footbridge.hub.Subscription;
import dev.footbridge.io.Lane;
import dev.footbridge.io.SinkWriter;
import dev.footbridge.node.Node;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Position;
import dev.footbridge.wire.JsonWriter;
import io.netty.util.Timeout;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.xnio.channels.StreamSinkChannel;

/**
 * One or several channels on a response that stays open. It has no session and keeps nothing for a
 * client that is away: an event's id says where the client has got to in each channel, and the
 * channels' history brings it back there. While the connection takes no more, messages wait in that
 * history too; only a few are held here.
 *
 * <p>Owned by the connection's I/O thread, which is also the lane of its subscriptions.
 */
final class FeedStream implements Subscriber, SinkWriter.Source {
  private static final long LINGER_SECONDS = 10;
  private static final int QUEUE_BYTES = 64 * 1024;
  private static final byte[] NOTHING = {};
  private static final byte[] LAST_CHUNK = "0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] PING_LINE = JsonWriter.object().text("op", "ping").bytes();

  private final Node node;
  private final Feeds feeds;
  private final boolean events;
  private final boolean chunked;
  private final Lane lane;
  private final OpenResponse response;
  private final SinkWriter writer;
  private final String[] positions;
  private final List<Subscription> subscriptions = new ArrayList<>(1);
  private final ByteQueue queue = new ByteQueue();
  private @Nullable Timeout linger;
  private boolean stalled;
  private boolean flushing;
  private boolean ending;
  private boolean gone;
  private volatile long sentNanos;
  private long checkedWritten;
  private long checkedNanos;

  FeedStream(Node node, Feeds feeds, HttpServerExchange exchange, boolean events, int channels) {
    this.node = node;
    this.feeds = feeds;
    this.events = events;
    this.chunked = Exchanges.isHttp11(exchange);
    this.lane = node.lanes().of(exchange.getIoThread());
    this.response = new OpenResponse(exchange, events, this::lost);
    this.writer = new SinkWriter(lane, this, !OpenResponse.isRaw(exchange));
    this.positions = new String[channels];
    this.sentNanos = node.nanoClock().getAsLong();
    this.checkedNanos = sentNanos;
  }

  /**
   * Begins. Called by the exchange's handler.
   *
   * @param since what the client asked for, for each channel
   */
  void start(HttpServerExchange exchange, List<Hub.Begun> begun, List<@Nullable Position> since) {
    exchange.dispatch(
        SameThreadExecutor.INSTANCE,
        () -> {
          writer.open(openNow());
          for (int i = 0; i < begun.size(); i++) {
            Subscription subscription = begun.get(i).subscription();
            subscriptions.add(subscription);
            Position asked = since.get(i);
            // Until the gap has been told, a client that is cut off must ask for the same again.
            positions[i] =
                begun.get(i).recovered() || asked == null
                    ? subscription.position().toString()
                    : asked.toString();
          }
          if (events) {
            // An id without data is remembered by the client and shown to nobody: from now on it
            // can come back, even if nothing is ever published.
            add("id: " + id() + "\n\n", null);
          }
          for (int i = 0; i < begun.size(); i++) {
            if (!begun.get(i).recovered()) {
              gap(subscriptions.get(i), begun.get(i).top());
            }
          }
          feeds.add(this);
          writer.flush();
          // The head has gone out with the first event; a feed of lines has said nothing yet.
          if (writer.written() > 0) {
            response.conduit().ifPresent(writer::bypass);
          }
          subscriptions.forEach(Subscription::start);
        });
  }

  /** Sends the head at once: a feed of lines may have nothing to say for long. */
  private StreamSinkChannel openNow() {
    StreamSinkChannel sink = response.open();
    try {
      sink.flush();
    } catch (IOException e) {
      lane.execute(this::lost);
    }
    return sink;
  }

  private String id() {
    return String.join(",", positions);
  }

  @Override
  public boolean deliver(Subscription from, LogEntry entry) {
    Position position = from.position();
    return put(from, new Position(position.epoch(), entry.offset()), entry.message().json());
  }

  @Override
  public boolean gap(Subscription from, Position next) {
    return put(
        from,
        next,
        JsonWriter.object()
            .text("op", "gap")
            .text("channel", from.channel())
            .text("epoch", next.epoch())
            .number("offset", next.offset())
            .bytes());
  }

  private boolean put(Subscription from, Position position, byte[] json) {
    if (gone || ending || (queue.bytes() + json.length > QUEUE_BYTES && !queue.isEmpty())) {
      stalled = true;
      return false;
    }
    positions[subscriptions.indexOf(from)] = position.toString();
    add(events ? "id: " + id() + "\ndata: " : "", json);
    if (!flushing) {
      flushing = true;
      lane.execute(
          () -> {
            flushing = false;
            writer.flush();
          });
    }
    return true;
  }

  /** Puts one event or line in the queue, with its chunk. */
  private void add(String lead, byte @Nullable [] json) {
    byte[] head = lead.getBytes(StandardCharsets.US_ASCII);
    String tail = json == null ? "" : events ? "\n\n" : "\n";
    int length = head.length + (json == null ? 0 : json.length) + tail.length();
    ByteArrayOutputStream out = new ByteArrayOutputStream(length + 16);
    if (chunked) {
      out.writeBytes((Integer.toHexString(length) + "\r\n").getBytes(StandardCharsets.US_ASCII));
    }
    out.writeBytes(head);
    if (json != null) {
      out.writeBytes(json);
    }
    out.writeBytes(tail.getBytes(StandardCharsets.US_ASCII));
    if (chunked) {
      out.writeBytes("\r\n".getBytes(StandardCharsets.US_ASCII));
    }
    queue.add(out.toByteArray());
  }

  @Override
  public void fill(ByteBuffer out) {
    sentNanos = node.nanoClock().getAsLong();
    queue.fill(out);
    if (stalled && queue.isEmpty() && !ending) {
      stalled = false;
      subscriptions.forEach(Subscription::resume);
    }
    if (writer.written() > node.config().get(Setting.STREAM_BYTES)) {
      lane.execute(this::finish);
    }
  }

  private void finish() {
    if (ending || gone) {
      return;
    }
    ending = true;
    release();
    linger =
        node.timer()
            .newTimeout(timeout -> lane.execute(this::lost), LINGER_SECONDS, TimeUnit.SECONDS);
    writer.flush();
    lane.execute(this::shutdownWhenWritten);
  }

  private void shutdownWhenWritten() {
    if (queue.isEmpty()) {
      response.watch().stop();
      writer.shutdown(chunked ? LAST_CHUNK : NOTHING);
    } else {
      // The client does not take even what it has been sent; it comes back for the rest.
      lost();
    }
  }

  /** The connection has gone, or the response is complete. */
  private void lost() {
    if (!gone) {
      gone = true;
      queue.clear();
      Timeout held = linger;
      if (held != null) {
        held.cancel();
      }
      release();
      response.abort();
    }
  }

  private void release() {
    feeds.remove(this);
    subscriptions.forEach(Subscription::end);
  }

  @Override
  public void failed(IOException reason) {
    lost();
  }

  @Override
  public Lane lane() {
    return lane;
  }

  /** Ends the feed; its client comes back. Any thread. */
  void close() {
    lane.execute(this::finish);
  }

  /** Time has passed. Any thread, but always the same. */
  void check(long now) {
    long ping = node.sessions().options().pingNanos();
    if (writer.written() != checkedWritten || !writer.isBlocked()) {
      checkedWritten = writer.written();
      checkedNanos = now;
    }
    if (now - checkedNanos > 2 * ping) {
      lane.execute(this::lost);
    } else if (now - sentNanos > ping) {
      sentNanos = now;
      lane.execute(
          () -> {
            if (!gone && !ending && queue.isEmpty()) {
              add(events ? ": ping\n\n" : "", events ? null : PING_LINE);
              writer.flush();
            }
          });
    }
  }
}
