package dev.footbridge.store.redis;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TurnsTest {
  private final Turns<Integer> turns = new Turns<>();

  @Test
  void each_has_its_turn_once_in_so_many_rounds() {
    IntStream.range(0, 25).forEach(turns::add);
    List<Integer> seen = new ArrayList<>();
    for (int round = 0; round < 10; round++) {
      List<Integer> next = turns.next(10);
      assertThat(next).hasSize(3);
      seen.addAll(next);
    }
    assertThat(seen.subList(0, 25))
        .containsExactlyElementsOf(IntStream.range(0, 25).boxed().toList());
  }

  @Test
  void what_comes_again_and_again_waits_once() {
    for (int i = 0; i < 1000; i++) {
      turns.add(1);
      turns.remove(1);
      turns.add(1);
    }
    assertThat(turns.all()).containsExactly(1);
  }

  @Test
  void what_has_gone_has_no_turn() {
    turns.add(1);
    turns.add(2);
    turns.remove(1);
    assertThat(turns.next(1)).containsExactly(2);
    assertThat(new Turns<Integer>().next(3)).isEmpty();
  }
}
