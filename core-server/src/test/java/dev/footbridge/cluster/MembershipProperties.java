package dev.footbridge.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.cluster.LeaseBook.Mood;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Whatever happens, no node serves its sessions when another may have taken them. */
class MembershipProperties {
  private static final int STEPS = 120;
  private static final int MOST_NODES = 8;

  @Property(tries = 2000)
  void nobody_holds_what_was_declared_dead(@ForAll long seed) {
    play(seed);
  }

  /** A schedule in which a node under a new name declared dead one that did not know it yet. */
  @Example
  void nor_by_one_that_has_another_name_since_a_moment() {
    play(-83423);
  }

  private static void play(long seed) {
    Random random = new Random(seed);
    Nodes nodes = new Nodes();
    int count = 2 + random.nextInt(3);
    for (int i = 0; i < count; i++) {
      nodes.start();
    }
    for (int step = 0; step < STEPS; step++) {
      disturb(nodes, random);
      nodes.pass(random.nextInt(1500));
      for (Nodes.Node node : nodes.all) {
        if (node.holds()) {
          assertThat(nodes.book.hasDeparted(node.id())).isFalse();
        }
      }
    }
    calm(nodes);
    nodes.pass(4 * Nodes.LEASE_MILLIS);
    assertThat(nodes.all).allMatch(node -> node.killed || node.holds());
  }

  private static void disturb(Nodes nodes, Random random) {
    List<Nodes.Node> all = nodes.all;
    Nodes.Node one = all.get(random.nextInt(all.size()));
    Nodes.Node other = all.get(random.nextInt(all.size()));
    switch (random.nextInt(11)) {
      case 0, 1 -> one.stopped = !one.stopped;
      case 2 -> nodes.book.mood(random.nextBoolean() ? Mood.REFUSES : Mood.HANGS);
      case 3 -> nodes.book.mood(Mood.ANSWERS);
      case 4 -> {
        if (one != other) {
          nodes.cut(one, other, random.nextBoolean());
        }
      }
      case 5 -> {
        if (one.holds()) {
          one.membership.declareDead(other.id());
        }
      }
      case 6 -> one.cutOff = !one.cutOff;
      case 7 -> one.killed |= random.nextInt(4) == 0;
      case 8 -> {
        if (all.size() < MOST_NODES && nodes.book.isThere()) {
          nodes.start();
        }
      }
      default -> {
        // A while without anything.
      }
    }
  }

  private static void calm(Nodes nodes) {
    nodes.book.mood(Mood.ANSWERS);
    for (Nodes.Node one : nodes.all) {
      one.stopped = false;
      one.cutOff = false;
      nodes.all.stream()
          .filter(other -> other != one)
          .forEach(other -> nodes.cut(one, other, false));
    }
  }
}
