package dev.footbridge.endpoint;

/**
 * A session's endpoint, as it was elsewhere or before.
 *
 * @param endpoint the path of the endpoint
 * @param state what {@link Endpoint#settle} or {@link Endpoint#state} gave; it must not be changed
 * @param whole whether the session's messages have come with it, so that the endpoint goes on
 *     exactly where it was; if not, its client has been told so and the endpoint begins in the
 *     present
 * @param address the address that opened the session
 */
public record RestoreRequest(String endpoint, byte[] state, boolean whole, String address) {
  /** Shows nothing of the state. */
  @Override
  public String toString() {
    return "RestoreRequest[" + endpoint + " from " + address + (whole ? ", whole]" : "]");
  }
}
