package dev.footbridge.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.store.Retention;
import java.time.Duration;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Assertions;

class ChannelRuleTest {
  private static ChannelRule rule(String pattern) {
    return new ChannelRule(pattern, new Retention(1, 1, 1));
  }

  @Property(tries = 5000)
  void a_rule_matches_what_the_same_regular_expression_matches(
      @ForAll("patterns") String pattern, @ForAll("names") String name) {
    String regex =
        pattern
            .chars()
            .mapToObj(c -> c == '*' ? ".*" : Pattern.quote(String.valueOf((char) c)))
            .collect(Collectors.joining());
    assertThat(rule(pattern).matches(name)).isEqualTo(name.matches(regex));
  }

  @Provide
  Arbitrary<String> patterns() {
    return Arbitraries.strings().withChars("ab:**").ofMinLength(1).ofMaxLength(8);
  }

  @Provide
  Arbitrary<String> names() {
    return Arbitraries.strings().withChars("ab:").ofMinLength(1).ofMaxLength(10);
  }

  @Example
  void a_pattern_without_a_star_is_one_channel() {
    assertThat(rule("news").matches("news")).isTrue();
    assertThat(rule("news").matches("newsy")).isFalse();
    assertThat(rule("news").matches("new")).isFalse();
    assertThat(rule("n.ws").matches("news")).isFalse();
  }

  @Example
  void a_star_stands_for_any_characters_or_none() {
    assertThat(rule("user:*:inbox").matches("user:ann:inbox")).isTrue();
    assertThat(rule("user:*:inbox").matches("user::inbox")).isTrue();
    assertThat(rule("user:*:inbox").matches("user:ann:outbox")).isFalse();
    assertThat(rule("*").matches("anything")).isTrue();
    assertThat(rule("***").matches("a")).isTrue();
  }

  @Example
  void no_pattern_takes_long() {
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(5),
        () -> assertThat(rule("a*".repeat(60) + "b").matches("a".repeat(128))).isFalse());
  }

  @Example
  void another_character_than_a_names_or_a_star_is_refused_and_named() {
    for (String pattern : new String[] {"", "a b", "a/b", "ü", "a?", "a".repeat(129), "a\n"}) {
      assertThatThrownBy(() -> rule(pattern))
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("\"" + pattern + "\"");
    }
  }
}
