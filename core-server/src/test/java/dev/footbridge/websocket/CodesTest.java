package dev.footbridge.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CodesTest {

  @Test
  void exactly_the_named_and_the_private_close_codes_may_be_on_the_wire() {
    int[] named = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014};
    int[] expected =
        IntStream.concat(IntStream.of(named), IntStream.rangeClosed(3000, 4999)).toArray();

    assertThat(IntStream.rangeClosed(-1, 65_536).filter(CloseCode::isValidOnWire))
        .containsExactly(IntStream.of(expected).boxed().toArray(Integer[]::new));
  }

  @Test
  void six_opcodes_are_known_and_the_upper_half_is_for_control_frames() {
    assertThat(IntStream.rangeClosed(-1, 256).filter(Opcode::isKnown))
        .containsExactly(0, 1, 2, 8, 9, 10);
    assertThat(IntStream.rangeClosed(-1, 256).filter(Opcode::isControl))
        .containsExactly(8, 9, 10, 11, 12, 13, 14, 15);
  }
}
