package dev.footbridge.auth;

import org.jspecify.annotations.Nullable;

/**
 * Who a client is.
 *
 * @param user the user's name, shown to others with what it publishes; null for anonymous
 * @param info JSON that is shown to others in presence, or null
 */
public record Identity(@Nullable String user, byte @Nullable [] info) {
  /** Nobody in particular. */
  public static final Identity ANONYMOUS = new Identity(null, null);

  /** A user without further information. */
  public static Identity of(String user) {
    return new Identity(user, null);
  }
}
