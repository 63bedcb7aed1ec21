package dev.footbridge.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One session that is present in a channel.
 *
 * @param id its public name
 * @param user whose session it is; null for an anonymous one
 * @param node the node that carries the session at present
 * @param json the member as others are shown it, without line breaks
 */
public record Member(String id, @Nullable String user, String node, byte[] json) {
  /** Whether the two say the same, also of where the session is. */
  public boolean same(Member other) {
    return id.equals(other.id) && node.equals(other.node) && Arrays.equals(json, other.json);
  }

  @Override
  public String toString() {
    return "Member[" + id + " of " + user + " on " + node + "]";
  }
}
