package dev.footbridge.bridge.feed;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The feeds that are open, so that they can be pinged and ended. Safe for any thread. */
public final class Feeds {
  private final Set<FeedStream> open = ConcurrentHashMap.newKeySet();

  void add(FeedStream feed) {
    open.add(feed);
  }

  void remove(FeedStream feed) {
    open.remove(feed);
  }

  /** Time has passed: looks after every feed. */
  public void check(long nowNanos) {
    open.forEach(feed -> feed.check(nowNanos));
  }

  /** Ends all of them; their clients come back by themselves. */
  public void closeAll() {
    open.forEach(FeedStream::close);
  }

  /** How many there are. */
  public int count() {
    return open.size();
  }
}
