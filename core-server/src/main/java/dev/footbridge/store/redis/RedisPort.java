package dev.footbridge.store.redis;

import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * What presence and the directory of callees need of Redis. Safe for any thread; nothing blocks. A
 * stage fails with a {@link dev.footbridge.wire.ProtocolException} ({@code unavailable}) while
 * Redis is away.
 */
public interface RedisPort {
  /**
   * Runs one of the scripts of this package. One that Redis does not know is sent whole then, and
   * may be overtaken by what was asked for later.
   *
   * @param script its file's name without {@code .lua}
   * @param keys all in one slot
   * @return its answer: {@code byte[]}, {@code Long} and {@code List} of these
   */
  CompletionStage<Object> run(String script, List<String> keys, List<byte[]> arguments);

  /**
   * Runs one of the scripts of this package, with a single command.
   *
   * @param whole whether the script is sent, which Redis knows from then on; otherwise only its
   *     digest
   * @return as {@link #run}; fails with {@link UnknownScriptException} where Redis does not know it
   */
  CompletionStage<Object> tryRun(
      String script, boolean whole, List<String> keys, List<byte[]> arguments);

  /**
   * Hears what is published on a topic, in order, one at a time.
   *
   * @return completes when it is heard; run what it gives to hear no more
   */
  CompletionStage<Runnable> hear(String topic, Consumer<byte[]> listener);

  /** The command that scripts publish a channel's own topic with: PUBLISH or SPUBLISH. */
  String publishCommand();

  /**
   * Calls whenever both connections stand again after either was lost: what was published meanwhile
   * was not heard, and Redis may have lost what it had.
   */
  void onReconnect(Runnable action);
}
