package dev.footbridge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.io.Lane;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A program without memory ends, whichever thread found that there is none. */
class OutOfMemoryTest {
  /** The program that runs out of memory on one of its threads. */
  static final class Victim {
    private Victim() {}

    public static void main(String[] arguments) throws InterruptedException {
      OutOfMemory.endsTheProgram();
      Runnable greedy =
          () -> {
            int[] much = new int[Integer.MAX_VALUE];
            throw new IllegalStateException("There was memory: " + much.length);
          };
      if (arguments[0].equals("lane")) {
        new Lane(Executors.newSingleThreadExecutor()).execute(greedy);
      } else {
        new Thread(greedy).start();
      }
      new CountDownLatch(1).await();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"lane", "thread"})
  void it_says_so_last_and_has_a_code_of_its_own(String where)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-Xmx32m",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Victim.class.getName(),
                    where))
            .redirectErrorStream(true)
            .start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      String said = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertThat(process.exitValue()).as(said).isEqualTo(OutOfMemory.EXIT_CODE);
      assertThat(said.strip().lines().toList().get((int) said.strip().lines().count() - 1))
          .contains("no memory left");
    } finally {
      process.destroyForcibly();
    }
  }
}
