package dev.footbridge.store.redis;

import dev.footbridge.io.Stages;
import dev.footbridge.store.Member;
import dev.footbridge.store.Position;
import dev.footbridge.store.PresenceStore;
import io.netty.util.Timer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rosters in Redis: one hash per channel, changed by one script call per node, channel and
 * interval, each of which raises the roster's version and publishes what it has changed. A follower
 * hears that; where a version is missing it loads the roster anew.
 *
 * <p>Members whose node is gone, in channels that nobody follows, are taken out when the channel is
 * next read. {@link #check()} must be called about once a second.
 */
public final class RedisPresenceStore implements PresenceStore {
  private static final Logger LOG = LoggerFactory.getLogger(RedisPresenceStore.class);

  /** A roster that no node follows is forgotten after this; those who follow it keep it alive. */
  private static final long LIFE_MILLIS = TimeUnit.DAYS.toMillis(1);

  /** Every roster is checked once in so many calls of {@link #check}. */
  private static final int CHECK_ROUNDS = 10;

  /** And is kept alive once in so many checks. */
  private static final int RENEW_ROUNDS = 360;

  private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int BATCH = 500;

  /** For how many calls of {@link #check} it is remembered who has left, and of how many. */
  private static final int LEFT_ROUNDS = 60;

  private static final int MOST_LEFT = 10_000;

  private final RedisPort redis;
  private final String prefix;
  private final Predicate<String> gone;
  private final Timer timer;
  private final Turns<FollowedRoster> followed = new Turns<>();

  /**
   * Who has left of late, the longest ago first; guarded by itself. A Redis that fails over may
   * lose what it has acknowledged, and nobody who is still there would miss it.
   */
  private final Map<Place, Left> left = new LinkedHashMap<>();

  private long round;

  private record Place(String channel, String id) {}

  private record Left(Member member, long round) {}

  /**
   * @param prefix before all keys and topics
   * @param gone whether a node is dead for so long that none of its sessions can come back
   * @param timer for what is tried again
   */
  public RedisPresenceStore(RedisPort redis, String prefix, Predicate<String> gone, Timer timer) {
    this.redis = redis;
    this.prefix = prefix;
    this.gone = gone;
    this.timer = timer;
    redis.onReconnect(
        () -> {
          leaveAgain();
          var unused = Stages.each(followed.all(), BATCH, roster -> roster.reload(true));
        });
  }

  @Override
  public CompletionStage<?> change(
      String channel, Collection<Member> joined, Collection<Member> left) {
    remember(channel, joined, left);
    return run(channel, joined, left);
  }

  private CompletionStage<?> run(
      String channel, Collection<Member> joined, Collection<Member> left) {
    List<byte[]> arguments = new ArrayList<>(5 + 2 * (joined.size() + left.size()));
    arguments.add(Answers.bytes(topic(channel)));
    arguments.add(Answers.bytes(redis.publishCommand()));
    arguments.add(Answers.bytes(Position.newEpoch()));
    arguments.add(Answers.bytes(LIFE_MILLIS));
    arguments.add(Answers.bytes(joined.size()));
    for (Member member : joined) {
      arguments.add(Answers.bytes(member.id()));
      arguments.add(RosterWire.value(member));
    }
    for (Member member : left) {
      arguments.add(Answers.bytes(member.id()));
      arguments.add(Answers.bytes(member.node()));
    }
    return redis.run("presence-change", keys(channel), arguments);
  }

  private void remember(String channel, Collection<Member> joined, Collection<Member> gone) {
    synchronized (left) {
      joined.forEach(member -> left.remove(new Place(channel, member.id())));
      for (Member member : gone) {
        Place place = new Place(channel, member.id());
        left.remove(place);
        left.put(place, new Left(member, round));
      }
      forgetBefore(Long.MIN_VALUE);
    }
  }

  private void forgetBefore(long past) {
    Iterator<Left> eldest = left.values().iterator();
    while (eldest.hasNext() && (eldest.next().round() < past || left.size() > MOST_LEFT)) {
      eldest.remove();
    }
  }

  private void leaveAgain() {
    Map<String, List<Member>> byChannel = new HashMap<>();
    synchronized (left) {
      left.forEach(
          (place, gone) ->
              byChannel
                  .computeIfAbsent(place.channel(), channel -> new ArrayList<>())
                  .add(gone.member()));
    }
    byChannel.forEach(this::leaveAgain);
  }

  private void leaveAgain(String channel, List<Member> members) {
    List<Member> still = new ArrayList<>();
    synchronized (left) {
      for (Member member : members) {
        if (left.containsKey(new Place(channel, member.id()))) {
          still.add(member);
        }
      }
    }
    Stages.on(
        remove(channel, still, 0), done -> {}, failure -> later(() -> leaveAgain(channel, still)));
  }

  @Override
  public CompletionStage<Following> follow(String channel, Follower follower) {
    FollowedRoster roster = new FollowedRoster(this, channel, follower);
    return redis
        .hear(topic(channel), roster::heard)
        .thenCompose(
            deaf -> {
              followed.add(roster);
              return roster
                  .load(false)
                  .handle(
                      (loaded, failure) -> {
                        if (failure == null) {
                          return CompletableFuture.<Following>completedStage(
                              () -> end(roster, deaf));
                        }
                        end(roster, deaf);
                        return CompletableFuture.<Following>failedStage(failure);
                      })
                  .thenCompose(following -> following);
            });
  }

  private void end(FollowedRoster roster, Runnable deaf) {
    roster.end();
    followed.remove(roster);
    deaf.run();
  }

  @Override
  public CompletionStage<Excerpt> read(String channel, int limit) {
    return fetch(channel, limit)
        .thenCompose(
            read ->
                read.nodes().stream().noneMatch(gone)
                    ? CompletableFuture.completedStage(read.excerpt())
                    : fetchAll(channel)
                        .thenCompose(cleaned -> fetch(channel, limit))
                        .thenApply(RosterWire.Read::excerpt));
  }

  /** The whole roster, after those have been taken out whose nodes are gone. */
  CompletionStage<RosterWire.Read> fetchAll(String channel) {
    return fetch(channel, -1)
        .thenCompose(
            read -> {
              List<Member> theirs =
                  read.members().stream().filter(member -> gone.test(member.node())).toList();
              return theirs.isEmpty()
                  ? CompletableFuture.completedStage(read)
                  : remove(channel, theirs, 0).thenCompose(removed -> fetch(channel, -1));
            });
  }

  private CompletionStage<?> remove(String channel, List<Member> theirs, int from) {
    if (from >= theirs.size()) {
      return CompletableFuture.completedStage(null);
    }
    int to = Math.min(from + BATCH, theirs.size());
    return run(channel, List.of(), theirs.subList(from, to))
        .thenCompose(done -> remove(channel, theirs, to));
  }

  private CompletionStage<RosterWire.Read> fetch(String channel, int limit) {
    return redis
        .run("presence-read", keys(channel), List.of(Answers.bytes(limit)))
        .thenApply(RosterWire::read);
  }

  /** Looks whether what is followed is where Redis is, a part of it each time. */
  public void check() {
    synchronized (left) {
      forgetBefore(++round - LEFT_ROUNDS);
    }
    for (FollowedRoster roster : followed.next(CHECK_ROUNDS)) {
      byte[] life = Answers.bytes(roster.checks() % RENEW_ROUNDS == 0 ? LIFE_MILLIS : 0);
      Stages.on(
          redis.run("presence-check", keys(roster.channel()), List.of(life)),
          answer -> {
            List<?> state = (List<?>) answer;
            roster.isAt(RosterWire.text(state.get(0)), (Long) state.get(1));
          },
          failure ->
              LOG.debug("{} could not be checked: {}", roster.channel(), failure.toString()));
    }
  }

  void later(Runnable action) {
    var unused = timer.newTimeout(timeout -> action.run(), RETRY_NANOS, TimeUnit.NANOSECONDS);
  }

  private List<String> keys(String channel) {
    String base = topic(channel);
    return List.of(base, base + ":users", base + ":meta");
  }

  private String topic(String channel) {
    return prefix + ":{" + channel + "}:presence";
  }
}
