package dev.footbridge.store.redis;

import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.output.CommandOutput;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A script's answer as it is: {@code byte[]}, {@code Long}, null, or a list of these and of lists.
 * The client's own outputs either want a list or make one of everything. For RESP2.
 */
final class AnswerOutput extends CommandOutput<String, byte[], Object> {
  /** A list that has not got all of its elements yet. */
  private record Open(List<@Nullable Object> list, int size) {}

  private final Deque<Open> open = new ArrayDeque<>(2);

  @SuppressWarnings("NullAway") // No answer is null too; the client knows that.
  AnswerOutput(RedisCodec<String, byte[]> codec) {
    super(codec, null);
  }

  @Override
  public void set(@Nullable ByteBuffer bytes) {
    if (bytes == null) {
      add(null);
    } else {
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      add(copy);
    }
  }

  @Override
  public void set(long integer) {
    add(integer);
  }

  @Override
  public void multi(int count) {
    if (count < 0) {
      add(null);
    } else if (count == 0) {
      add(List.of());
    } else {
      open.push(new Open(new ArrayList<>(count), count));
    }
  }

  @SuppressWarnings("NullAway")
  private void add(@Nullable Object value) {
    @Nullable Object next = value;
    while (true) {
      Open innermost = open.peek();
      if (innermost == null) {
        output = next;
        return;
      }
      innermost.list().add(next);
      if (innermost.list().size() < innermost.size()) {
        return;
      }
      next = open.pop().list();
    }
  }
}
