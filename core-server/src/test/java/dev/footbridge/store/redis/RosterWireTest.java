package dev.footbridge.store.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.footbridge.store.Member;
import java.util.List;
import org.junit.jupiter.api.Test;

class RosterWireTest {
  private static Member read(String id, byte[] value) {
    return RosterWire.read(
            List.of(
                "e".getBytes(UTF_8),
                1L,
                1L,
                1L,
                List.of("n".getBytes(UTF_8)),
                List.of(id.getBytes(UTF_8), value)))
        .members()
        .get(0);
  }

  @Test
  void what_is_told_of_a_member_may_be_spread_over_lines() {
    Member member =
        new Member("m", "ann \"\n\u2028", "n", "{\n  \"info\" : \"a\\nb\"\r\n}".getBytes(UTF_8));
    Member same = read("m", RosterWire.value(member));
    assertThat(same.user()).isEqualTo(member.user());
    assertThat(same.node()).isEqualTo("n");
    assertThat(new String(same.json(), UTF_8)).isEqualTo("{   \"info\" : \"a\\nb\"\r }");
  }
}
