package dev.footbridge.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PublicationTest {
  private static Publication by(String user) {
    return new Publication("news", "{\"a\" : 1.0}".getBytes(UTF_8), user, "key");
  }

  @Test
  void a_message_carries_the_data_as_it_was() {
    assertThat(by(null).encode(42, 1_790_000_000_000L))
        .hasToString(
            "{\"op\":\"message\",\"channel\":\"news\",\"offset\":42,\"data\":{\"a\" : 1.0},"
                + "\"time\":1790000000000}");
    assertThat(by("ann").encode(1, 2).toString()).contains("\"user\":\"ann\"");
  }

  @Test
  void what_is_shown_of_a_publication_is_not_its_data() {
    assertThat(by("ann")).hasToString("Publication[news, 11 bytes]");
  }
}
