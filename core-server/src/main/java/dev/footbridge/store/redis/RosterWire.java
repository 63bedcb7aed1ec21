package dev.footbridge.store.redis;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.footbridge.store.Member;
import dev.footbridge.store.PresenceStore;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How members stand in Redis and in what is published; see {@code presence-change.lua}. */
final class RosterWire {
  private RosterWire() {}

  /**
   * A roster as it was read.
   *
   * @param nodes those that carry any of its members
   */
  record Read(
      String epoch, long version, int count, int users, List<String> nodes, List<Member> members) {
    PresenceStore.Excerpt excerpt() {
      return new PresenceStore.Excerpt(members, count, users);
    }
  }

  /** What one step has changed. */
  record Delta(String epoch, long version, List<Member> joined, List<String> left) {}

  /** {@code NODE LF USER LF JSON}. */
  static byte[] value(Member member) {
    ByteArrayOutputStream value = new ByteArrayOutputStream(member.json().length + 64);
    value.writeBytes(member.node().getBytes(UTF_8));
    value.write('\n');
    String user = member.user();
    if (user != null) {
      value.writeBytes(JsonWriter.quote(user));
    }
    value.write('\n');
    for (byte octet : member.json()) {
      // In JSON a line feed can only be white space.
      value.write(octet == '\n' ? ' ' : octet);
    }
    return value.toByteArray();
  }

  static String text(@Nullable Object bytes) {
    return bytes == null ? "" : new String((byte[]) bytes, UTF_8);
  }

  static Read read(Object answer) {
    List<?> parts = (List<?>) answer;
    List<String> nodes = ((List<?>) parts.get(4)).stream().map(RosterWire::text).toList();
    List<?> pairs = (List<?>) parts.get(5);
    List<Member> members = new ArrayList<>(pairs.size() / 2);
    for (int i = 0; i + 1 < pairs.size(); i += 2) {
      Lines lines = new Lines((byte[]) pairs.get(i + 1));
      members.add(member(text(pairs.get(i)), lines));
    }
    return new Read(
        text(parts.get(0)),
        (Long) parts.get(1),
        ((Long) parts.get(2)).intValue(),
        ((Long) parts.get(3)).intValue(),
        nodes,
        members);
  }

  /** What was published; null if it is something else. */
  static @Nullable Delta delta(byte[] message) {
    Lines lines = new Lines(message);
    if (!lines.next().equals("p")) {
      return null;
    }
    String epoch = lines.next();
    long version = Long.parseLong(lines.next());
    int count = Integer.parseInt(lines.next());
    List<Member> joined = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      joined.add(member(lines.next(), lines));
    }
    List<String> left = new ArrayList<>();
    while (lines.hasNext()) {
      left.add(lines.next());
    }
    return new Delta(epoch, version, joined, left);
  }

  private static Member member(String id, Lines lines) {
    String node = lines.next();
    String quoted = lines.next();
    return new Member(id, quoted.isEmpty() ? null : unquote(quoted), node, lines.nextBytes());
  }

  private static String unquote(String quoted) {
    try {
      return Json.object(JsonWriter.object().raw("user", quoted.getBytes(UTF_8)).bytes())
          .requiredText("user");
    } catch (ProtocolException notOurs) {
      throw new IllegalArgumentException("A user in Redis is not a JSON string.", notOurs);
    }
  }

  /** The lines of a text, one after the other. */
  private static final class Lines {
    private final byte[] bytes;
    private int at;

    Lines(byte[] bytes) {
      this.bytes = bytes;
    }

    boolean hasNext() {
      return at < bytes.length;
    }

    byte[] nextBytes() {
      int end = at;
      while (end < bytes.length && bytes[end] != '\n') {
        end++;
      }
      byte[] line = Arrays.copyOfRange(bytes, at, end);
      at = end + 1;
      return line;
    }

    String next() {
      return new String(nextBytes(), UTF_8);
    }
  }
}
