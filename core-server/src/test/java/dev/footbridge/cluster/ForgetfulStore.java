package dev.footbridge.cluster;

import dev.footbridge.store.SessionStore;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.ProtocolException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Does what it is asked, and may lose the answer or take its time. */
final class ForgetfulStore implements SessionStore {
  private final SessionStore store;

  /** How many answers to {@link #release} are lost from now on. */
  final AtomicInteger lostReleases = new AtomicInteger();

  /** How many answers to {@link #claim} are lost from now on. */
  final AtomicInteger lostClaims = new AtomicInteger();

  /** How many answers to {@link #put} are lost from now on. */
  final AtomicInteger lostPuts = new AtomicInteger();

  /** Answers to claims wait for it. */
  volatile CompletionStage<?> claimsTold = CompletableFuture.completedStage(null);

  ForgetfulStore(SessionStore store) {
    this.store = store;
  }

  private static <T> CompletionStage<T> answered(AtomicInteger lost, CompletionStage<T> done) {
    return done.thenCompose(
        result ->
            lost.getAndUpdate(count -> Math.max(0, count - 1)) > 0
                ? CompletableFuture.failedStage(
                    new ProtocolException(ErrorCode.UNAVAILABLE, "The answer is lost."))
                : CompletableFuture.completedStage(result));
  }

  @Override
  public CompletionStage<Boolean> put(
      String id, Tenancy by, byte @Nullable [] meta, long timeToLiveMillis) {
    return answered(lostPuts, store.put(id, by, meta, timeToLiveMillis));
  }

  @Override
  public CompletionStage<Optional<Tenancy>> find(String id) {
    return store.find(id);
  }

  @Override
  public CompletionStage<Optional<Claimed>> claim(
      String id, String node, Tenancy expected, long timeToLiveMillis) {
    return answered(lostClaims, store.claim(id, node, expected, timeToLiveMillis))
        .thenCompose(claimed -> claimsTold.thenApply(told -> claimed));
  }

  @Override
  public CompletionStage<Boolean> release(
      String id, Tenancy by, byte[] meta, byte[] state, long timeToLiveMillis) {
    return answered(lostReleases, store.release(id, by, meta, state, timeToLiveMillis));
  }

  @Override
  public CompletionStage<?> remove(String id, Tenancy by) {
    return store.remove(id, by);
  }

  @Override
  public CompletionStage<?> putOpening(
      String key, String node, boolean newest, long timeToLiveMillis) {
    return store.putOpening(key, node, newest, timeToLiveMillis);
  }

  @Override
  public CompletionStage<Optional<String>> findOpening(String key) {
    return store.findOpening(key);
  }
}
