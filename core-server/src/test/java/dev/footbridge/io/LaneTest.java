package dev.footbridge.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.support.ManualExecutor;
import dev.footbridge.support.Together;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LaneTest {
  private final ManualExecutor thread = new ManualExecutor();
  private final Lane lane = new Lane(thread);
  private final List<Integer> done = new ArrayList<>();

  @Test
  void however_many_tasks_are_given_the_thread_is_woken_once_and_does_them_in_order() {
    IntStream.range(0, 100).forEach(i -> lane.execute(() -> done.add(i)));
    assertThat(thread.waiting()).isEqualTo(1);
    thread.run();
    assertThat(done).isEqualTo(IntStream.range(0, 100).boxed().toList());
  }

  @Test
  void a_task_given_by_a_task_is_done_after_those_that_wait() {
    lane.execute(() -> lane.execute(() -> done.add(2)));
    lane.execute(() -> done.add(1));
    thread.run();
    assertThat(done).containsExactly(1, 2);
  }

  @ParameterizedTest
  @ValueSource(classes = {IllegalStateException.class, OutOfMemoryError.class})
  void a_task_that_fails_does_not_stop_the_others(Class<? extends Throwable> failure) {
    lane.execute(
        () -> {
          if (Error.class.isAssignableFrom(failure)) {
            throw new OutOfMemoryError("Not really: the test wants it.");
          }
          throw new IllegalStateException("Broken, as the test wants it.");
        });
    lane.execute(() -> done.add(1));
    thread.run();
    lane.execute(() -> done.add(2));
    thread.run();
    assertThat(done).containsExactly(1, 2);
  }

  @Test
  void tasks_that_bring_tasks_for_ever_let_the_thread_look_at_its_sockets() {
    Runnable forEver =
        new Runnable() {
          @Override
          public void run() {
            done.add(done.size());
            if (done.size() < 100_000) {
              lane.execute(this);
            }
          }
        };
    lane.execute(forEver);
    List<Integer> seen = new ArrayList<>();
    thread.execute(() -> {});
    thread.execute(() -> seen.add(done.size()));
    thread.run();
    assertThat(seen.get(0)).isLessThan(100_000);
    assertThat(done).hasSize(100_000);
  }

  @Test
  void tasks_of_many_threads_are_all_done_each_threads_own_in_order() throws InterruptedException {
    ExecutorService real = Executors.newSingleThreadExecutor();
    Lane busy = new Lane(real);
    int each = 20_000;
    int threads = 3;
    CountDownLatch left = new CountDownLatch(threads * each);
    int[] last = new int[threads];
    Together.call(
        threads,
        mine ->
            () -> {
              for (int i = 1; i <= each; i++) {
                int number = i;
                busy.execute(
                    () -> {
                      if (++last[mine] == number) {
                        left.countDown();
                      }
                    });
              }
              return null;
            });
    assertThat(left.await(20, TimeUnit.SECONDS)).isTrue();
    real.shutdownNow();
  }

  @Test
  void a_thread_has_one_lane_and_work_without_a_thread_takes_turns() {
    ManualExecutor other = new ManualExecutor();
    Lanes lanes = new Lanes(List.of(thread, other));
    assertThat(lanes.of(thread)).isSameAs(lanes.of(thread)).isNotSameAs(lanes.of(other));
    assertThat(List.of(lanes.any(), lanes.any(), lanes.any()))
        .containsExactly(lanes.of(thread), lanes.of(other), lanes.of(thread));
    assertThatThrownBy(() -> new Lanes(List.of())).isInstanceOf(IllegalArgumentException.class);
  }
}
