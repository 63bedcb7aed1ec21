package dev.footbridge.store.redis;

import dev.footbridge.io.Stages;
import dev.footbridge.store.ChannelStore;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.store.Publication;
import dev.footbridge.store.Retention;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Message;
import dev.footbridge.wire.ProtocolException;
import io.netty.util.Timer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Channel logs in Redis, one for all nodes. A channel is a hash with its epoch and its top and a
 * stream whose entries are numbered by offset; one script call appends, trims, and publishes what
 * was appended. All times are those of Redis, so that the clocks of nodes need not agree.
 *
 * <p>What is published only tells that there is something: what was not heard is found by a hole in
 * the offsets, or by a look at the channel's top every few seconds, and is read from the stream;
 * see {@link FollowedChannel}.
 *
 * <p>{@link #check()} must be called about once a second. A publication whose answer is lost is not
 * sent again: the publisher is told {@code unavailable} and repeats it with its key. What this node
 * publishes to a channel is appended in the order in which it was asked to; see {@link
 * PublishLine}.
 */
public final class RedisChannelStore implements ChannelStore {
  private static final byte[] KEY_LIFE = Answers.bytes(TimeUnit.MINUTES.toMillis(5));

  /** For how long it is known which was this node's last publication; longer than any takes. */
  private static final byte[] MARK_LIFE = Answers.bytes(TimeUnit.SECONDS.toMillis(30));

  /** Octets after which a page ends, however many entries were asked for. */
  private static final byte[] PAGE_BYTES = Answers.bytes(4 << 20);

  /** For how long a place in a channel that nobody has used is true. */
  private static final byte[] LOOK_LIFE = Answers.bytes(TimeUnit.SECONDS.toMillis(30));

  private static final byte[] NOT_KEPT = Answers.bytes(0);
  private static final byte[] NOTHING = {};

  /** A log's numbers are known for longer than its messages, so that they go on. */
  private static final long META_EXTRA_MILLIS = TimeUnit.DAYS.toMillis(1);

  /** Channels whose tops are asked for at a time when all have to be looked at. */
  private static final int BATCH = 100;

  private final RedisPort redis;
  private final String prefix;
  private final Function<String, Retention> retention;
  private final Timer timer;
  private final LongSupplier nanoClock;

  /** No channel has such an epoch. */
  private static final Position NOTHING_SEEN = new Position("", 0);

  private final ConcurrentHashMap<String, FollowedChannel> followed = new ConcurrentHashMap<>();

  /** The channels that are published to at present. */
  private final ConcurrentHashMap<String, PublishLine> lines = new ConcurrentHashMap<>();

  private final AtomicLong publications = new AtomicLong();

  /** By which what comes from here is told from what comes from others. */
  private final String name = Position.newEpoch();

  /**
   * @param prefix what all keys and topics begin with
   * @param retention what each channel keeps, by its name; the same on all nodes
   * @param timer runs what is tried again; nothing that takes long
   * @param nanoClock the monotonic clock
   */
  public RedisChannelStore(
      RedisPort redis,
      String prefix,
      Function<String, Retention> retention,
      Timer timer,
      LongSupplier nanoClock) {
    this.redis = redis;
    this.prefix = prefix;
    this.retention = retention;
    this.timer = timer;
    this.nanoClock = nanoClock;
    redis.onReconnect(this::checkAll);
  }

  // ---- the log ----

  @Override
  public CompletionStage<Position> publish(Publication publication) {
    String channel = publication.channel();
    Retention kept = retention.apply(channel);
    String key = publication.key();
    String keyName = key == null ? null : key(channel, publication.user(), key);
    FollowedChannel known = followed.get(channel);
    Position seen = known == null ? NOTHING_SEEN : known.seen();
    List<byte[]> arguments =
        List.of(
            publication.head(),
            publication.middle(),
            Answers.bytes(Position.newEpoch()),
            Answers.bytes(kept.count()),
            Answers.bytes(kept.bytes()),
            Answers.bytes(ageMillis(kept)),
            metaLife(kept),
            key == null ? MARK_LIFE : KEY_LIFE,
            Answers.bytes(redis.publishCommand()),
            Answers.bytes(topic(channel)),
            Answers.bytes(seen.epoch()),
            Answers.bytes(seen.offset()));
    while (true) {
      PublishLine line = lines.computeIfAbsent(channel, this::newLine);
      CompletionStage<Object> answer = line.publish(keyName, arguments);
      if (answer != null) {
        return answer.thenCompose(RedisChannelStore::place);
      }
      lines.remove(channel, line);
    }
  }

  private PublishLine newLine(String channel) {
    return new PublishLine(
        redis,
        List.of(meta(channel), log(channel)),
        prefix + ":{" + channel + "}:by:" + name,
        publications::incrementAndGet,
        ended -> lines.remove(channel, ended));
  }

  private static CompletionStage<Position> place(Object answer) {
    try {
      return CompletableFuture.completedStage(Position.parse(Answers.text(answer)));
    } catch (ProtocolException foreign) {
      return CompletableFuture.failedStage(
          new ProtocolException(ErrorCode.UNAVAILABLE, "The store has a channel that is damaged."));
    }
  }

  @Override
  public CompletionStage<Page> read(String channel, @Nullable Position since, int limit) {
    return read(channel, since, limit, LOOK_LIFE, NOT_KEPT).thenApply(Look::page);
  }

  /**
   * What a follower reads.
   *
   * @param time that of the message at the place after which the page begins, or at the top if that
   *     was not reached; 0 if it is not known
   */
  record Look(Page page, long time) {}

  /** Reads as a follower, which keeps the channel from being forgotten. */
  CompletionStage<Look> readKept(String channel, @Nullable Position since, int limit) {
    byte[] life = metaLife(retention.apply(channel));
    return read(channel, since, limit, life, life);
  }

  private CompletionStage<Look> read(
      String channel, @Nullable Position since, int limit, byte[] leastLife, byte[] life) {
    List<byte[]> arguments =
        List.of(
            Answers.bytes(Position.newEpoch()),
            leastLife,
            life,
            since == null ? NOTHING : Answers.bytes(since.epoch()),
            since == null ? NOTHING : Answers.bytes(since.offset()),
            Answers.bytes(limit),
            Answers.bytes(ageMillis(retention.apply(channel))),
            PAGE_BYTES);
    return redis
        .run("channel-read", List.of(meta(channel), log(channel)), arguments)
        .thenApply(RedisChannelStore::look);
  }

  private static Look look(Object answer) {
    Iterator<?> parts = Answers.list(answer).iterator();
    Position top = new Position(Answers.text(parts.next()), Answers.number(parts.next()));
    boolean reached = Answers.number(parts.next()) == 1;
    long time = time(parts.next());
    Object first = parts.next();
    List<LogEntry> entries = new ArrayList<>();
    if (parts.hasNext()) {
      String id = Answers.text(first);
      long offset = Long.parseLong(id, 0, id.indexOf('-'), 10);
      while (parts.hasNext()) {
        entries.add(new LogEntry(offset++, Message.json((byte[]) parts.next())));
      }
    }
    return new Look(new Page(top, reached, entries), time);
  }

  private static long time(Object answer) {
    String time = Answers.text(answer);
    return time.isEmpty() ? 0 : Long.parseLong(time);
  }

  /**
   * The channel's top at present, its epoch empty if there is no such channel; and the time of the
   * message at an offset, 0 if it is not known.
   */
  record Standing(Position top, long time) {}

  /** Looks at the channel's top, and at the message at an offset. */
  CompletionStage<Standing> stand(String channel, long offset) {
    return redis
        .run("channel-top", List.of(meta(channel), log(channel)), List.of(Answers.bytes(offset)))
        .thenApply(
            answer -> {
              List<?> parts = Answers.list(answer);
              return new Standing(
                  new Position(Answers.text(parts.get(0)), Answers.number(parts.get(1))),
                  time(parts.get(2)));
            });
  }

  /** Ends an epoch whose numbers have been given out twice. */
  CompletionStage<?> endEpoch(String channel, String epoch) {
    return redis.run(
        "channel-renew",
        List.of(meta(channel)),
        List.of(Answers.bytes(epoch), Answers.bytes(Position.newEpoch())));
  }

  private static long ageMillis(Retention kept) {
    // What is kept for less than a millisecond is kept for one.
    return (kept.ageNanos() + 999_999) / 1_000_000;
  }

  private static byte[] metaLife(Retention kept) {
    return Answers.bytes(ageMillis(kept) + META_EXTRA_MILLIS);
  }

  // ---- keys: all of a channel in one slot ----

  private String meta(String channel) {
    return prefix + ":{" + channel + "}:meta";
  }

  private String log(String channel) {
    return prefix + ":{" + channel + "}:log";
  }

  private String key(String channel, @Nullable String user, String key) {
    // With the length of the user's name, so that two pairs never make the same name.
    String whose = user == null ? "-" : user.length() + ":" + user;
    return prefix + ":{" + channel + "}:key:" + whose + ":" + key;
  }

  String topic(String channel) {
    return prefix + ":{" + channel + "}:m";
  }

  // ---- following ----

  @Override
  public CompletionStage<Following> follow(String channel, Follower follower) {
    while (true) {
      FollowedChannel shared =
          followed.computeIfAbsent(channel, name -> new FollowedChannel(this, name));
      CompletionStage<Following> following = shared.join(follower);
      if (following != null) {
        return following;
      }
      followed.remove(channel, shared);
    }
  }

  void forget(FollowedChannel shared) {
    followed.remove(shared.name(), shared);
  }

  RedisPort redis() {
    return redis;
  }

  long nanos() {
    return nanoClock.getAsLong();
  }

  void later(long millis, Runnable action) {
    var unused = timer.newTimeout(timeout -> action.run(), millis, TimeUnit.MILLISECONDS);
  }

  /** Looks at the tops of the channels whose turn it is; to be called about once a second. */
  public void check() {
    long now = nanoClock.getAsLong();
    for (FollowedChannel shared : followed.values()) {
      if (shared.isDue(now)) {
        var unused = shared.check();
      }
    }
  }

  private void checkAll() {
    var unused = Stages.each(new ArrayList<>(followed.values()), BATCH, FollowedChannel::check);
  }
}
