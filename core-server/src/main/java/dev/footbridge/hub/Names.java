package dev.footbridge.hub;

import dev.footbridge.wire.ProtocolException;

/** The rule for the names of channels and procedures. */
public final class Names {
  /** The longest name, in characters. */
  public static final int MAX_LENGTH = 128;

  private Names() {}

  /**
   * Checks a name.
   *
   * @throws ProtocolException {@code malformed} where it has other characters than ASCII letters,
   *     digits and {@code _ . : @ ~ -}, or not 1 to 128 of them
   */
  public static String check(String name) throws ProtocolException {
    boolean valid = !name.isEmpty() && name.length() <= MAX_LENGTH;
    for (int i = 0; valid && i < name.length(); i++) {
      valid = isAllowed(name.charAt(i));
    }
    if (!valid) {
      throw ProtocolException.malformed(
          "A name has 1 to " + MAX_LENGTH + " characters: letters, digits and _ . : @ ~ - only.");
    }
    return name;
  }

  private static boolean isAllowed(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || "_.:@~-".indexOf(c) >= 0;
  }
}
