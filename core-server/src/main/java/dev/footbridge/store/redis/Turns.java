package dev.footbridge.store.redis;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Things that are looked after in turn, a part of them each time. Safe for any thread. */
final class Turns<T> {
  private final Set<T> waiting = new LinkedHashSet<>();

  synchronized void add(T thing) {
    waiting.add(thing);
  }

  synchronized void remove(T thing) {
    waiting.remove(thing);
  }

  synchronized List<T> all() {
    return new ArrayList<>(waiting);
  }

  /**
   * Those whose turn it is.
   *
   * @param rounds after how many calls each has had its turn
   */
  synchronized List<T> next(int rounds) {
    int share = (waiting.size() + rounds - 1) / rounds;
    List<T> next = new ArrayList<>(share);
    for (Iterator<T> each = waiting.iterator(); next.size() < share; each.remove()) {
      next.add(each.next());
    }
    waiting.addAll(next);
    return next;
  }
}
