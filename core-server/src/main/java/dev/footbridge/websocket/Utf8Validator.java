package dev.footbridge.websocket;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * Checks that bytes which arrive piece by piece are UTF-8 as RFC 3629 has it: no overlong form, no
 * surrogate, nothing above U+10FFFF. RFC 6455, section 8.1, asks this of every text message.
 *
 * <p>A piece is refused at the first byte that no continuation could make valid, even in the middle
 * of a character.
 *
 * <p>Used by one I/O thread at a time; not thread-safe.
 */
public final class Utf8Validator {

  /*
   * The state between two bytes is one int, so that a decoder can keep it in a field of its own:
   * ACCEPTED between characters, REJECTED for ever after a bad byte, and within a character
   *
   *     bytes still to come << 16 | lowest next byte << 8 | highest next byte
   *
   * Only the second byte of a character ever has a range narrower than 80..BF. That range is what
   * keeps overlong forms, surrogates and code points that are too high out (RFC 3629, section 4).
   */
  static final int ACCEPTED = 0;
  static final int REJECTED = -1;

  private static final int ANY = 0x80BF;
  private static final int ONE_MORE = 1 << 16;
  private static final int TWO_MORE = 2 << 16;
  private static final int THREE_MORE = 3 << 16;

  private static final long HIGH_BITS = 0x8080_8080_8080_8080L;
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private int state = ACCEPTED;

  /** Creates a validator that stands at the start of a text. */
  public Utf8Validator() {}

  /**
   * Checks the next {@code len} bytes of the text.
   *
   * @return false if the text can no longer become valid; then every later call gives false too,
   *     until {@link #reset()}
   * @throws IndexOutOfBoundsException if the range is not within {@code b}
   */
  public boolean update(byte[] b, int off, int len) {
    state = advance(state, b, off, len);
    return state != REJECTED;
  }

  /** Whether all bytes so far are valid and the text may end here, not within a character. */
  public boolean complete() {
    return state == ACCEPTED;
  }

  /** Forgets everything and stands at the start of a new text. */
  public void reset() {
    state = ACCEPTED;
  }

  /**
   * Whether the {@code len} bytes are a valid text on their own.
   *
   * @throws IndexOutOfBoundsException if the range is not within {@code b}
   */
  public static boolean isValid(byte[] b, int off, int len) {
    return advance(ACCEPTED, b, off, len) == ACCEPTED;
  }

  /** The state after {@code len} more bytes. Start from {@link #ACCEPTED}. */
  static int advance(int state, byte[] b, int off, int len) {
    Objects.checkFromIndexSize(off, len, b.length);
    int end = off + len;
    int i = off;
    while (i < end && state != REJECTED) {
      if (state != ACCEPTED) {
        state = afterContinuation(state, b[i++] & 0xFF);
      } else if (b[i] < 0) {
        state = afterLead(b[i++] & 0xFF);
      } else {
        i = skipAscii(b, i, end);
      }
    }
    return state;
  }

  /** The index of the first byte in {@code [from, end)} that is not ASCII, or {@code end}. */
  private static int skipAscii(byte[] b, int from, int end) {
    int i = from;
    for (; i <= end - Long.BYTES; i += Long.BYTES) {
      long high = (long) LONGS.get(b, i) & HIGH_BITS;
      if (high != 0) {
        return i + Long.numberOfTrailingZeros(high) / Byte.SIZE;
      }
    }
    while (i < end && b[i] >= 0) {
      i++;
    }
    return i;
  }

  /** The state after the first byte of a character that is not ASCII. */
  private static int afterLead(int lead) {
    if (lead < 0xC2) {
      return REJECTED; // a continuation byte, or a lead that only overlong forms would need
    } else if (lead < 0xE0) {
      return ONE_MORE | ANY;
    } else if (lead < 0xF0) {
      return switch (lead) {
        case 0xE0 -> TWO_MORE | 0xA0BF; // below A0: overlong
        case 0xED -> TWO_MORE | 0x809F; // above 9F: a surrogate
        default -> TWO_MORE | ANY;
      };
    } else {
      return switch (lead) {
        case 0xF0 -> THREE_MORE | 0x90BF; // below 90: overlong
        case 0xF1, 0xF2, 0xF3 -> THREE_MORE | ANY;
        case 0xF4 -> THREE_MORE | 0x808F; // above 8F: over U+10FFFF
        default -> REJECTED;
      };
    }
  }

  private static int afterContinuation(int state, int b) {
    int lowest = (state >>> 8) & 0xFF;
    int highest = state & 0xFF;
    if (b < lowest || b > highest) {
      return REJECTED;
    }
    int missing = (state >>> 16) - 1;
    return missing == 0 ? ACCEPTED : missing << 16 | ANY;
  }
}
