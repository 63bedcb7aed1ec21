package dev.footbridge.cluster;

import static org.assertj.core.api.Assertions.assertThat;

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
  void it_is_never_shown() {
    assertThat(secret.toString()).doesNotContain("first");
  }
}
