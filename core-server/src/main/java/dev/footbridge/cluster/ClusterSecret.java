package dev.footbridge.cluster;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What all nodes of a store share and nobody else knows. Where the store makes it and loses it, the
 * nodes may have to take another one; the former one is accepted too, until all have. Safe for any
 * thread; never shown.
 */
public final class ClusterSecret {
  /** What fits into a header, and is too long to be tried out. */
  private static final Pattern USABLE = Pattern.compile("[!-~]{16,512}");

  private record Both(String current, @Nullable String former) {}

  private volatile Both both;

  /** Whether an operator may choose this: 16 to 512 visible ASCII characters. */
  public static boolean isUsable(String secret) {
    return USABLE.matcher(secret).matches();
  }

  /** Begins with the one that is known now. */
  public ClusterSecret(String secret) {
    this.both = new Both(Objects.requireNonNull(secret), null);
  }

  /** The one to show to others. */
  public String current() {
    return both.current();
  }

  /**
   * Whether somebody who shows this is one of the nodes. Takes the same time for each wrong one.
   */
  public boolean accepts(@Nullable String shown) {
    Both now = both;
    return shown != null
        && (same(now.current(), shown) || (now.former() != null && same(now.former(), shown)));
  }

  private static boolean same(String one, String other) {
    return MessageDigest.isEqual(
        one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
  }

  /** Takes the one that the others have; the present one is accepted still. */
  public synchronized void adopt(String secret) {
    if (!secret.equals(both.current())) {
      both = new Both(secret, both.current());
    }
  }

  /** Shows no secret. */
  @Override
  public String toString() {
    return "ClusterSecret";
  }
}
