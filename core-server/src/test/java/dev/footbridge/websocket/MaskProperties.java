package dev.footbridge.websocket;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Masking by eight bytes beside masking by one. */
class MaskProperties {

  private static byte[] slowly(byte[] bytes, int from, int to, int key) {
    byte[] masked = bytes.clone();
    for (int i = from; i < to; i++) {
      masked[i] ^= (byte) (key >>> (24 - 8 * ((i - from) % 4)));
    }
    return masked;
  }

  @Property
  void any_part_of_an_array_is_masked_and_the_rest_is_left_alone(
      @ForAll @Size(max = 60) byte[] bytes,
      @ForAll @IntRange(max = 60) int a,
      @ForAll @IntRange(max = 60) int b,
      @ForAll int key) {
    int from = Math.min(Math.min(a, b), bytes.length);
    int to = Math.min(Math.max(a, b), bytes.length);
    byte[] expected = slowly(bytes, from, to, key);

    byte[] masked = bytes.clone();
    Mask.apply(masked, from, to - from, key);
    ByteBuffer put = ByteBuffer.allocate(to - from);
    Mask.put(put, bytes, from, to - from, key);

    assertThat(masked).isEqualTo(expected);
    assertThat(put.array()).isEqualTo(Arrays.copyOfRange(expected, from, to));
    assertThat(put.hasRemaining()).isFalse();
  }

  @Property
  void a_payload_may_be_unmasked_in_two_parts(
      @ForAll @Size(max = 60) byte[] bytes, @ForAll @IntRange(max = 60) int cut, @ForAll int key) {
    int middle = Math.min(cut, bytes.length);
    byte[] masked = bytes.clone();

    Mask.apply(masked, 0, middle, key);
    Mask.apply(masked, middle, bytes.length - middle, Mask.advance(key, middle));

    assertThat(masked).isEqualTo(slowly(bytes, 0, bytes.length, key));
  }
}
