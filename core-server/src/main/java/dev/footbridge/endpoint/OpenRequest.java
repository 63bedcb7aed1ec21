package dev.footbridge.endpoint;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a client asked for when it opened its session.
 *
 * @param endpoint the path of the endpoint; {@code "/"} is the hub
 * @param token the client's credential, or null
 * @param protocols subprotocols that the client offers to the endpoint, in its order of preference
 * @param subscribe channels to subscribe to at once: JSON strings or subscribe objects
 * @param address the client's address without port, for limits and logs
 */
public record OpenRequest(
    String endpoint,
    @Nullable String token,
    List<String> protocols,
    List<byte[]> subscribe,
    String address) {
  /** The path of the hub. */
  public static final String HUB = "/";

  /** A request for the hub without any wish. */
  public static OpenRequest hub(String address) {
    return new OpenRequest(HUB, null, List.of(), List.of(), address);
  }

  /** Shows no credential. */
  @Override
  public String toString() {
    return "OpenRequest[" + endpoint + " from " + address + "]";
  }
}
