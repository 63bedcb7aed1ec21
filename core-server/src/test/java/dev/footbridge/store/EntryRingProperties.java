package dev.footbridge.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.support.Script;
import dev.footbridge.wire.Message;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The ring of entries beside a list that forgets nothing. */
class EntryRingProperties {
  private static LogEntry entry(long offset, int size) {
    return new LogEntry(offset, Message.binary(new byte[size]));
  }

  @Property(tries = 5000, edgeCases = EdgeCasesMode.NONE)
  void a_ring_keeps_the_newest_entries_in_order(@ForAll("histories") Script history) {
    history.step();
    long before = history.oneIn(2) ? 1_000_000_000_000L : history.choose(50);
    EntryRing ring = new EntryRing(before);
    List<LogEntry> kept = new ArrayList<>();
    List<Long> times = new ArrayList<>();
    long top = before;
    while (history.step()) {
      int count = 1 + history.choose(12);
      if (history.oneIn(3)) {
        for (int i = Math.min(count, kept.size()); i > 0; i--) {
          ring.removeFirst();
          kept.remove(0);
          times.remove(0);
        }
      } else {
        for (int i = 0; i < count; i++) {
          LogEntry entry = entry(++top, history.choose(10));
          ring.add(entry, top * 3);
          kept.add(entry);
          times.add(top * 3);
        }
      }
      assertThat(ring.top()).isEqualTo(top);
      assertThat(ring.first()).isEqualTo(top + 1 - kept.size());
      assertThat(ring.size()).isEqualTo(kept.size());
      assertThat(ring.bytes()).isEqualTo(kept.stream().mapToLong(e -> e.message().size()).sum());
      assertThat(ring.from(0, Integer.MAX_VALUE)).isEqualTo(kept);
      if (!kept.isEmpty()) {
        assertThat(ring.firstNanos()).isEqualTo(times.get(0));
      }
      long offset = ring.first() - 2 + history.choose(20);
      int limit = history.choose(10);
      assertThat(ring.from(offset, limit))
          .isEqualTo(kept.stream().filter(e -> e.offset() >= offset).limit(limit).toList());
      assertThat(ring.get(offset))
          .isEqualTo(kept.stream().filter(e -> e.offset() == offset).findFirst().orElse(null));
    }
  }

  @Provide
  Arbitrary<Script> histories() {
    return Script.scripts(2, 40);
  }

  @Example
  void an_entry_that_does_not_follow_the_top_is_not_taken() {
    EntryRing ring = new EntryRing(5);
    assertThatThrownBy(() -> ring.add(entry(5, 1), 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> ring.add(entry(7, 1), 0)).isInstanceOf(IllegalArgumentException.class);
    ring.add(entry(6, 1), 0);
    assertThat(ring.size()).isEqualTo(1);
  }
}
