package dev.footbridge.store.redis;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.footbridge.io.Stages;
import dev.footbridge.store.ChannelStore.Follower;
import dev.footbridge.store.ChannelStore.Following;
import dev.footbridge.store.LogEntry;
import dev.footbridge.store.Page;
import dev.footbridge.store.Position;
import dev.footbridge.wire.Message;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A channel that this node follows, for all its followers.
 *
 * <p>Three things may come in, on any thread and in any order: what is heard, what is read, and
 * what a look at the channel's top tells. Followers are told of an entry only if it is the one
 * after the last, so the order in which things come in does not matter:
 *
 * <ul>
 *   <li>heard, and the next: it is told;
 *   <li>heard, and beyond the next: it is put aside, and the hole is read from the log in pages.
 *       While that goes on everything heard is put aside, up to a bound; what is dropped is one
 *       more hole;
 *   <li>a hole that the log does not reach back to, or another epoch: the followers are reset.
 * </ul>
 *
 * <p>Redis may lose the end of a log: a replica that takes over can be behind. Then its numbers
 * come to stand for other messages. It shows in a top that is before what was told, or in the
 * message that was told last: what the log has at its place is of another time. Both are looked at
 * with every read and every look at the top, and at once if a place is heard a second time. Then
 * the epoch is ended, so that nobody goes on by these numbers.
 *
 * <p>Guarded by itself; followers are called while it is locked. Stages are completed when it is
 * not.
 */
final class FollowedChannel {
  private static final Logger LOG = LoggerFactory.getLogger(FollowedChannel.class);
  private static final long CHECK_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final long KEEP_NANOS = TimeUnit.HOURS.toNanos(1);
  private static final long RETRY_MILLIS = 200;

  /** How long what is published may be on its way before it is taken for lost. */
  private static final long ON_ITS_WAY_MILLIS = 100;

  private static final int PAGE = 64;
  private static final int ASIDE_COUNT = 1024;
  private static final long ASIDE_BYTES = 8 << 20;

  private enum State {
    BEGINNING,
    LIVE,
    READING,
    ENDED
  }

  private record Joining(Follower follower, CompletableFuture<Following> stage) {}

  private record Heard(String epoch, LogEntry entry) {}

  private final RedisChannelStore store;
  private final String name;
  private final ArrayDeque<Heard> aside = new ArrayDeque<>();
  private long asideBytes;
  private boolean dropped;
  private State state = State.BEGINNING;
  private List<Joining> joining = new ArrayList<>();
  private List<Follower> followers = List.of();
  private @Nullable Runnable deaf;
  private String epoch = "";
  private long told;

  /** The time of the message that was told last; 0 if it is not known. */
  private long toldTime;

  private String heardEpoch = "";
  private long heardOffset;
  private long reading;
  private volatile long checkNanos;
  private long keepNanos;

  FollowedChannel(RedisChannelStore store, String name) {
    this.store = store;
    this.name = name;
  }

  String name() {
    return name;
  }

  /** The last message that this node has seen, which the log cannot be before. */
  synchronized Position seen() {
    return new Position(epoch, least());
  }

  // ---- who follows ----

  /** Null if this has ended and another one must be made. */
  @Nullable CompletionStage<Following> join(Follower follower) {
    Following following;
    synchronized (this) {
      if (state == State.ENDED) {
        return null;
      }
      if (state == State.BEGINNING) {
        Joining one = new Joining(follower, new CompletableFuture<>());
        joining.add(one);
        if (joining.size() == 1) {
          begin();
        }
        return one.stage();
      }
      following = add(follower);
    }
    return CompletableFuture.completedStage(following);
  }

  private Following add(Follower follower) {
    List<Follower> more = new ArrayList<>(followers);
    more.add(follower);
    followers = List.copyOf(more);
    Position top = new Position(epoch, told);
    return new Following() {
      @Override
      public Position top() {
        return top;
      }

      @Override
      public void stop() {
        remove(follower);
      }
    };
  }

  private void remove(Follower follower) {
    synchronized (this) {
      List<Follower> fewer = new ArrayList<>(followers);
      if (!fewer.remove(follower) || !fewer.isEmpty()) {
        followers = List.copyOf(fewer);
        return;
      }
      followers = List.of();
      state = State.ENDED;
      dropAside();
    }
    leave();
  }

  private void leave() {
    store.forget(this);
    Runnable once;
    synchronized (this) {
      once = deaf;
      deaf = null;
    }
    if (once != null) {
      once.run();
    }
  }

  // ---- the beginning: hear, then look where the channel stands ----

  private void begin() {
    Stages.on(
        store
            .redis()
            .hear(store.topic(name), this::heard)
            .thenCompose(
                heard -> {
                  synchronized (this) {
                    deaf = heard;
                  }
                  return store.readKept(name, null, 0);
                }),
        look -> begun(look.page().top(), look.time()),
        this::failed);
  }

  private void begun(Position top, long time) {
    List<Joining> joined;
    List<Following> followings = new ArrayList<>();
    synchronized (this) {
      long now = store.nanos();
      epoch = top.epoch();
      told = top.offset();
      toldTime = time;
      keepNanos = now + KEEP_NANOS;
      checkNanos = now + ThreadLocalRandom.current().nextLong(CHECK_NANOS);
      joined = joining;
      joining = List.of();
      joined.forEach(one -> followings.add(add(one.follower())));
      state = State.LIVE;
      goOn();
    }
    for (int i = 0; i < joined.size(); i++) {
      joined.get(i).stage().complete(followings.get(i));
    }
  }

  private void failed(Throwable failure) {
    List<Joining> joined;
    synchronized (this) {
      state = State.ENDED;
      joined = joining;
      joining = List.of();
      dropAside();
    }
    leave();
    joined.forEach(one -> one.stage().completeExceptionally(failure));
  }

  // ---- what is heard ----

  /** {@code mEPOCH:OFFSET:MESSAGE}. */
  private void heard(byte[] published) {
    int epochEnd = indexOfColon(published, 1);
    int offsetEnd = indexOfColon(published, epochEnd + 1);
    String ofEpoch = new String(published, 1, epochEnd - 1, US_ASCII);
    long offset =
        Long.parseLong(new String(published, epochEnd + 1, offsetEnd - epochEnd - 1, US_ASCII));
    byte[] message = Arrays.copyOfRange(published, offsetEnd + 1, published.length);
    heard(new Heard(ofEpoch, new LogEntry(offset, Message.json(message))));
  }

  private static int indexOfColon(byte[] published, int from) {
    for (int i = from; i < published.length; i++) {
      if (published[i] == ':') {
        return i;
      }
    }
    throw new IllegalArgumentException("It is not of the form mEPOCH:OFFSET:MESSAGE.");
  }

  private synchronized void heard(Heard heard) {
    if (state == State.ENDED) {
      return;
    }
    long offset = heard.entry().offset();
    boolean again = heard.epoch().equals(heardEpoch) && offset <= heardOffset;
    heardEpoch = heard.epoch();
    heardOffset = offset;
    if (again && state != State.BEGINNING) {
      // It has come by a second way, or its number has been given out a second time.
      if (state == State.LIVE) {
        read();
      } else {
        dropped = true;
      }
      return;
    }
    if (state == State.LIVE && isNext(heard)) {
      tell(heard.entry());
      return;
    }
    putAside(heard);
    if (state == State.LIVE) {
      goOn();
    }
  }

  private boolean isNext(Heard heard) {
    return heard.epoch().equals(epoch) && heard.entry().offset() == told + 1;
  }

  private void tell(LogEntry entry) {
    told = entry.offset();
    toldTime = timeOf(entry.message());
    for (Follower follower : followers) {
      follower.appended(entry);
    }
  }

  /**
   * A message ends with the time when it was published; see {@link
   * dev.footbridge.store.Publication}.
   */
  private static long timeOf(Message message) {
    byte[] json = message.json();
    int from = json.length - 1;
    while (from > 0 && json[from - 1] >= '0' && json[from - 1] <= '9') {
      from--;
    }
    int size = json.length - 1 - from;
    return size > 0 ? Long.parseLong(new String(json, from, size, US_ASCII)) : 0;
  }

  private void putAside(Heard heard) {
    if (aside.size() == ASIDE_COUNT || asideBytes > ASIDE_BYTES) {
      dropAside();
      dropped = true;
    }
    aside.add(heard);
    asideBytes += heard.entry().message().size();
  }

  private void dropAside() {
    aside.clear();
    asideBytes = 0;
  }

  /** Tells what was put aside as far as it follows; reads what is missing. */
  private void goOn() {
    for (Heard next = aside.peek(); next != null; next = aside.peek()) {
      if (isNext(next)) {
        tell(next.entry());
      } else if (!next.epoch().equals(epoch) || next.entry().offset() > told) {
        read();
        return;
      }
      aside.remove();
      asideBytes -= next.entry().message().size();
    }
    if (dropped) {
      read();
    } else {
      state = State.LIVE;
    }
  }

  // ---- what is read ----

  private void read() {
    state = State.READING;
    dropped = false;
    long attempt = ++reading;
    long least = least();
    Stages.on(
        store.readKept(name, new Position(epoch, told), PAGE),
        look -> wasRead(attempt, least, look.page(), look.time()),
        failure -> readLater(attempt, failure));
  }

  /** Where the top must be by now, as everything that is published is in the log before. */
  private long least() {
    return heardEpoch.equals(epoch) ? Math.max(heardOffset, told) : told;
  }

  private void readLater(long attempt, Throwable failure) {
    LOG.debug("Reading what was missed of {} failed.", name, failure);
    store.later(RETRY_MILLIS, () -> readAgain(attempt));
  }

  private synchronized void readAgain(long attempt) {
    if (state == State.READING && attempt == reading) {
      read();
    }
  }

  private synchronized void wasRead(long attempt, long least, Page page, long time) {
    if (state != State.READING || attempt != reading) {
      return;
    }
    Position top = page.top();
    if (top.epoch().equals(epoch)
        && (top.offset() < least || (page.reached() && isAnother(toldTime, time)))) {
      wentBack();
      return;
    }
    if (page.reached()) {
      page.entries().forEach(this::tell);
      if (told < top.offset()) {
        read();
        return;
      }
    } else {
      reset(top, time);
    }
    // What was heard of an epoch that is over can never follow.
    while (!aside.isEmpty() && !aside.peek().epoch().equals(epoch)) {
      asideBytes -= aside.remove().entry().message().size();
    }
    goOn();
  }

  /** Whether two messages, of which it may not be known when they were published, are not one. */
  private static boolean isAnother(long time, long otherTime) {
    return time != 0 && otherTime != 0 && time != otherTime;
  }

  private void reset(Position top, long time) {
    epoch = top.epoch();
    told = top.offset();
    toldTime = time;
    for (Follower follower : followers) {
      follower.reset(top);
    }
  }

  private void wentBack() {
    LOG.warn("The store has lost the end of channel {}; it begins a new epoch.", name);
    state = State.READING;
    dropAside();
    long attempt = ++reading;
    Stages.on(
        store.endEpoch(name, epoch),
        done -> readAgain(attempt),
        failure -> readLater(attempt, failure));
  }

  // ---- looks at the top ----

  boolean isDue(long now) {
    return now - checkNanos >= 0;
  }

  /** Looks at the channel's top; completes, never with a failure, when it is known. */
  CompletionStage<?> check() {
    long least;
    long offset;
    long time;
    boolean keep;
    long now = store.nanos();
    synchronized (this) {
      checkNanos = now + CHECK_NANOS;
      if (state != State.LIVE) {
        return CompletableFuture.completedStage(null);
      }
      least = least();
      offset = told;
      time = toldTime;
      keep = now - keepNanos >= 0;
      if (keep) {
        keepNanos = now + KEEP_NANOS;
      }
    }
    CompletionStage<?> kept =
        keep ? store.readKept(name, null, 0) : CompletableFuture.completedStage(null);
    return kept.thenCompose(done -> store.stand(name, offset))
        .handle(
            (standing, failure) -> {
              if (failure == null) {
                stands(standing.top(), least, isAnother(time, standing.time()));
              } else {
                // All are looked at once Redis is back; this is for what else may have gone wrong.
                checkNanos = now + ThreadLocalRandom.current().nextLong(CHECK_NANOS);
              }
              return null;
            });
  }

  private synchronized void stands(Position top, long least, boolean another) {
    if (state != State.LIVE) {
      return;
    }
    if (another && top.epoch().equals(epoch)) {
      wentBack();
    } else if (!top.epoch().equals(epoch) || top.offset() < least) {
      read();
    } else if (top.offset() > told) {
      store.later(ON_ITS_WAY_MILLIS, () -> mustHaveCome(top));
    }
  }

  private synchronized void mustHaveCome(Position top) {
    if (state == State.LIVE && epoch.equals(top.epoch()) && told < top.offset()) {
      read();
    }
  }
}
