package dev.footbridge.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ClusterSecretTest {
  private final ClusterSecret secret = new ClusterSecret("first");

  @Test
  void only_who_knows_it_is_accepted() {
    assertThat(secret.accepts("first")).isTrue();
    assertThat(secret.accepts("firs")).isFalse();
    assertThat(secret.accepts("")).isFalse();
    assertThat(secret.accepts(null)).isFalse();
  }

  @Test
  void the_former_one_is_accepted_until_there_is_another_former_one() {
    secret.adopt("second");
    secret.adopt("second");
    assertThat(secret.current()).isEqualTo("second");
    assertThat(secret.accepts("first")).isTrue();
    secret.adopt("third");
    assertThat(secret.accepts("second")).isTrue();
    assertThat(secret.accepts("first")).isFalse();
  }

  @Test
  void one_that_can_be_guessed_or_does_not_fit_into_a_header_is_not_usable() {
    assertThat(ClusterSecret.isUsable("correct-horse-battery-staple")).isTrue();
    for (String bad :
        List.of(
            "", "short", "with spaces in between", "line\nbreak-and-more-of-it", "x".repeat(513))) {
      assertThat(ClusterSecret.isUsable(bad)).as(bad).isFalse();
    }
    assertThat(ClusterSecret.isUsable("\u00fcber-lang-und-geheim")).isFalse();
  }

  @Test
  void it_is_never_shown() {
    assertThat(secret.toString()).doesNotContain("first");
  }
}
