package dev.footbridge.store.redis;

import dev.footbridge.store.SessionStore;
import io.lettuce.core.SetArgs;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Sessions' records in Redis, a hash each. */
public final class RedisSessionStore implements SessionStore {
  private static final byte[] NOTHING = {};

  private final RedisConnections redis;
  private final String prefix;

  /**
   * @param prefix what all keys begin with
   */
  public RedisSessionStore(RedisConnections redis, String prefix) {
    this.redis = redis;
    this.prefix = prefix;
  }

  private String key(String id) {
    return prefix + ":session:" + id;
  }

  private CompletionStage<Object> run(String script, String id, List<byte[]> arguments) {
    return redis.run(script, List.of(key(id)), arguments);
  }

  @Override
  public CompletionStage<Boolean> put(
      String id, Tenancy by, byte @Nullable [] meta, long timeToLiveMillis) {
    return run(
            "session-put",
            id,
            List.of(
                Answers.bytes(by.node()),
                Answers.bytes(by.fence()),
                Answers.bytes(timeToLiveMillis),
                Answers.bytes(meta == null ? "alive" : "meta"),
                meta == null ? NOTHING : meta))
        .thenApply(answer -> Answers.number(answer) == 1);
  }

  @Override
  public CompletionStage<Optional<Tenancy>> find(String id) {
    return redis
        .command(commands -> commands.hmget(key(id), "owner", "fence"))
        .thenApply(
            fields ->
                fields.get(0).hasValue() && fields.get(1).hasValue()
                    ? Optional.of(
                        new Tenancy(
                            Answers.text(fields.get(0).getValue()),
                            Answers.number(fields.get(1).getValue())))
                    : Optional.empty());
  }

  @Override
  public CompletionStage<Optional<Claimed>> claim(
      String id, String node, Tenancy expected, long timeToLiveMillis) {
    return run(
            "session-claim",
            id,
            List.of(
                Answers.bytes(node),
                Answers.bytes(expected.node()),
                Answers.bytes(expected.fence()),
                Answers.bytes(timeToLiveMillis)))
        .thenApply(RedisSessionStore::claimed);
  }

  private static Optional<Claimed> claimed(@Nullable Object answer) {
    if (answer == null) {
      return Optional.empty();
    }
    List<?> parts = Answers.list(answer);
    byte[] state = parts.size() > 2 ? (byte[]) parts.get(2) : null;
    return Optional.of(new Claimed(Answers.number(parts.get(0)), (byte[]) parts.get(1), state));
  }

  @Override
  public CompletionStage<Boolean> release(
      String id, Tenancy by, byte[] meta, byte[] state, long timeToLiveMillis) {
    return run(
            "session-release",
            id,
            List.of(
                Answers.bytes(by.node()),
                Answers.bytes(by.fence()),
                Answers.bytes(timeToLiveMillis),
                meta,
                state))
        .thenApply(answer -> Answers.number(answer) == 1);
  }

  @Override
  public CompletionStage<?> remove(String id, Tenancy by) {
    return run("session-remove", id, List.of(Answers.bytes(by.node()), Answers.bytes(by.fence())));
  }

  private String openingKey(String key) {
    return prefix + ":opening:" + key;
  }

  @Override
  public CompletionStage<?> putOpening(
      String key, String node, boolean newest, long timeToLiveMillis) {
    SetArgs how = SetArgs.Builder.px(timeToLiveMillis);
    return redis.command(
        commands -> commands.set(openingKey(key), Answers.bytes(node), newest ? how : how.nx()));
  }

  @Override
  public CompletionStage<Optional<String>> findOpening(String key) {
    return redis
        .command(commands -> commands.get(openingKey(key)))
        .thenApply(node -> Optional.ofNullable(node).map(Answers::text));
  }
}
