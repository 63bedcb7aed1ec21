package dev.footbridge.store;

import dev.footbridge.wire.ProtocolException;
import java.math.BigInteger;
import java.security.SecureRandom;

/**
 * A place in a channel's log.
 *
 * @param epoch names one life of the log; holds no {@code :} or {@code ,}
 * @param offset the last message that is before this place; 0 is the beginning
 */
public record Position(String epoch, long offset) {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int EPOCH_BITS = 40;
  private static final int MAX_EPOCH_LENGTH = 64;

  /** A name for a life of a log that begins now; no two are the same by chance. */
  public static String newEpoch() {
    return new BigInteger(EPOCH_BITS, RANDOM).toString(36);
  }

  /** The text form {@code EPOCH:OFFSET}. */
  @Override
  public String toString() {
    return epoch + ":" + offset;
  }

  /**
   * Reads the text form.
   *
   * @throws ProtocolException {@code malformed} where it is not of that form
   */
  public static Position parse(String text) throws ProtocolException {
    int colon = text.indexOf(':');
    String digits = text.substring(colon + 1);
    if (colon > 0 && digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
      try {
        return of(text.substring(0, colon), Long.parseLong(digits));
      } catch (NumberFormatException noneOrTooMany) {
        // falls through to the one sentence for all of these
      }
    }
    throw ProtocolException.malformed("A position is EPOCH:OFFSET, such as k3:41.");
  }

  /** A position that a client gave in two parts. */
  public static Position of(String epoch, long offset) throws ProtocolException {
    boolean named =
        !epoch.isEmpty()
            && epoch.length() <= MAX_EPOCH_LENGTH
            && epoch.chars().allMatch(c -> c > ' ' && c < 127 && c != ':' && c != ',');
    if (!named || offset < 0) {
      throw ProtocolException.malformed(
          "A position has an epoch of 1 to 64 visible characters without ':' and ',' and an offset"
              + " of 0 or more.");
    }
    return new Position(epoch, offset);
  }
}
