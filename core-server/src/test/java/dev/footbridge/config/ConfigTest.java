package dev.footbridge.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.footbridge.store.Retention;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigTest {
  private static void assertRefused(ThrowingCallable setting, String... words) {
    assertThatThrownBy(setting).isInstanceOf(ConfigException.class).hasMessageContainingAll(words);
  }

  @Test
  void the_defaults_fit_each_other() {
    Config config = Config.builder().build();
    assertThat(config.getInt(Setting.PORT)).isEqualTo(8080);
    assertThat(config.sessionOptions().ttlNanos()).isEqualTo(TimeUnit.SECONDS.toNanos(60));
    assertThat(config.sessionOptions().windowNanos()).isEqualTo(TimeUnit.SECONDS.toNanos(1));
    assertThat(config.hubLimits().publishPerSecond()).isEqualTo(10_000);
    assertThat(config.sessionLimits().perAddress()).isEqualTo(10_000);
    assertThat(config.host()).isEqualTo("0.0.0.0");
    assertThat(config.basePath()).isEmpty();
    assertThat(config.origins()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(Setting.class)
  void every_number_has_a_default_within_its_range_and_says_what_it_means(Setting setting) {
    assertThat(setting.standard()).isBetween(setting.least(), setting.most());
    assertThat(setting.meaning()).isNotBlank();
    assertThat(setting.key()).matches("[a-z]+([.-][a-z]+)*");
    assertThat(Setting.of(setting.key())).isSameAs(setting);
    assertThat(Config.builder().set(setting, setting.least()).set(setting, setting.most()))
        .isNotNull();
  }

  @ParameterizedTest
  @EnumSource(Setting.class)
  void a_number_out_of_range_is_refused_with_key_value_and_range(Setting setting) {
    assertRefused(
        () -> Config.builder().set(setting, setting.least() - 1),
        setting.key(),
        Long.toString(setting.least() - 1),
        Long.toString(setting.least()),
        Long.toString(setting.most()));
    if (setting.most() < Long.MAX_VALUE) {
      assertRefused(() -> Config.builder().set(setting, setting.most() + 1), setting.key());
    }
  }

  @Test
  void keys_and_variables_are_unique() {
    assertThat(Arrays.stream(Setting.values()).map(Setting::key)).doesNotHaveDuplicates();
    assertThat(Arrays.stream(Setting.values()).map(Setting::variable)).doesNotHaveDuplicates();
    assertThat(Setting.LIMITS_MESSAGE_BYTES.variable())
        .isEqualTo("FOOTBRIDGE_LIMITS_MESSAGE_BYTES");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "1.5", "1e3", "0x10", "99999999999999999999", "1 0"})
  void a_number_that_is_none_is_refused_with_key_and_value(String value) {
    assertRefused(() -> Config.builder().set("port", value), "\"port\"", "\"" + value + "\"");
  }

  @Test
  void a_number_may_be_written_with_underscores() {
    assertThat(Config.builder().set("limits.sessions", " 1_000 ").build().sessionLimits().perNode())
        .isEqualTo(1000);
  }

  @Test
  void an_unknown_key_is_refused_by_its_name() {
    assertRefused(() -> Config.builder().set("prot", "1"), "\"prot\"");
  }

  @Test
  void variables_of_the_environment_set_everything_and_others_are_left_alone() {
    Config config =
        Config.builder()
            .environment(
                Map.of(
                    "FOOTBRIDGE_PORT", "9000",
                    "FOOTBRIDGE_HOST", "127.0.0.1",
                    "FOOTBRIDGE_BASE_PATH", "/realtime",
                    "FOOTBRIDGE_ORIGINS", "https://a.example, http://b.example:8080,",
                    "FOOTBRIDGE_HISTORY_AGE_SECONDS", "7",
                    "PATH", "/bin"))
            .build();
    assertThat(config.getInt(Setting.PORT)).isEqualTo(9000);
    assertThat(config.host()).isEqualTo("127.0.0.1");
    assertThat(config.basePath()).isEqualTo("/realtime");
    assertThat(config.origins())
        .containsExactlyInAnyOrder("https://a.example", "http://b.example:8080");
    assertThat(config.retention("x").ageNanos()).isEqualTo(TimeUnit.SECONDS.toNanos(7));
    assertRefused(
        () -> Config.builder().environment(Map.of("FOOTBRIDGE_PORT", "no")), "\"port\"", "\"no\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "/", "/a/", "a/b", "//a", "/a b", "/a?b"})
  void a_base_path_begins_with_a_slash_and_ends_without(String path) {
    assertRefused(() -> Config.builder().basePath(path), "\"" + path + "\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"example.org", "https://", "https://a/b", "https://a b", ""})
  void an_origin_is_scheme_and_host_without_a_path(String origin) {
    assertRefused(() -> Config.builder().origin(origin), "\"" + origin + "\"");
  }

  @Test
  void an_empty_host_is_refused() {
    assertRefused(() -> Config.builder().host(" "), "\"host\"");
  }

  @Test
  void a_batch_must_have_room_for_a_message() {
    assertRefused(
        () ->
            Config.builder()
                .set(Setting.LIMITS_MESSAGE_BYTES, 1000)
                .set(Setting.LIMITS_BATCH_BYTES, 999)
                .build(),
        "limits.batch-bytes",
        "limits.message-bytes");
  }

  @Test
  void the_first_rule_that_matches_a_channel_counts_and_else_the_defaults() {
    Retention first = new Retention(1, 2, 3);
    Retention second = new Retention(4, 5, 6);
    Config config =
        Config.builder()
            .channels(new ChannelRule("user:*", first))
            .channels(new ChannelRule("user:ann", second))
            .channels(new ChannelRule("news", second))
            .set(Setting.HISTORY_COUNT, 7)
            .build();
    assertThat(config.retention("user:ann")).isEqualTo(first);
    assertThat(config.retention("news")).isEqualTo(second);
    assertThat(config.retention("other").count()).isEqualTo(7);
  }
}
