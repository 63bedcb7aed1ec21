package dev.footbridge.support;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Shrinkable;
import net.jqwik.api.ShrinkingDistance;

/**
 * A random history as plain numbers: steps of a few choices each. What a choice means is up to
 * whoever plays the script; 0 should be the simplest. Made from a seed in a microsecond, so that
 * histories can be many, and shrunk by leaving steps out and making choices smaller.
 */
public final class Script {
  /** Choices of one step; what a step does not use is left over. */
  public static final int CHOICES = 8;

  private static final int HIGHEST = 256;

  private final short[] choices;
  private int at;
  private int stepEnd;

  private Script(short[] choices) {
    this.choices = choices;
  }

  /** Scripts of some number of steps. */
  public static Arbitrary<Script> scripts(int minSteps, int maxSteps) {
    return Arbitraries.fromGenerator(random -> new Shrunken(random(random, minSteps, maxSteps)));
  }

  private static short[] random(Random random, int minSteps, int maxSteps) {
    int steps = minSteps + random.nextInt(maxSteps - minSteps + 1);
    short[] choices = new short[steps * CHOICES];
    for (int i = 0; i < choices.length; i++) {
      choices[i] = (short) (random.nextInt() >>> 24);
    }
    return choices;
  }

  /** Goes on to the next step; false at the end. */
  public boolean step() {
    at = stepEnd;
    stepEnd = at + CHOICES;
    return at < choices.length;
  }

  /** A choice from 0 to one less than the bound. */
  public int choose(int bound) {
    return at < stepEnd && at < choices.length ? choices[at++] * bound / HIGHEST : 0;
  }

  /** True once in so many times. */
  public boolean oneIn(int times) {
    return choose(times) == times - 1;
  }

  @Override
  public String toString() {
    List<String> steps = new ArrayList<>();
    for (int i = 0; i < choices.length; i += CHOICES) {
      steps.add(Arrays.toString(Arrays.copyOfRange(choices, i, i + CHOICES)));
    }
    return "Script of " + steps.size() + " steps " + steps;
  }

  private static final class Shrunken implements Shrinkable<Script> {
    private final short[] choices;

    Shrunken(short[] choices) {
      this.choices = choices;
    }

    @Override
    public Script value() {
      return new Script(choices);
    }

    @Override
    public Stream<Shrinkable<Script>> shrink() {
      return Stream.concat(shorter(), smaller());
    }

    private Stream<Shrinkable<Script>> shorter() {
      int steps = choices.length / CHOICES;
      return Stream.iterate(steps / 2, part -> part > 0, part -> part / 2)
          .flatMap(
              part ->
                  Stream.iterate(0, from -> from + part <= steps, from -> from + part)
                      .map(from -> without(from * CHOICES, part * CHOICES)));
    }

    private Shrinkable<Script> without(int from, int count) {
      short[] rest = Arrays.copyOf(choices, choices.length - count);
      System.arraycopy(choices, from + count, rest, from, choices.length - from - count);
      return new Shrunken(rest);
    }

    private Stream<Shrinkable<Script>> smaller() {
      return Stream.iterate(0, i -> i < choices.length, i -> i + 1)
          .filter(i -> choices[i] > 0)
          .flatMap(i -> Stream.of(0, choices[i] / 2, choices[i] - 1).map(value -> with(i, value)));
    }

    private Shrinkable<Script> with(int at, int value) {
      short[] changed = choices.clone();
      changed[at] = (short) value;
      return new Shrunken(changed);
    }

    @Override
    public ShrinkingDistance distance() {
      long sum = 0;
      for (short choice : choices) {
        sum += choice;
      }
      return ShrinkingDistance.of(choices.length, sum);
    }
  }
}
