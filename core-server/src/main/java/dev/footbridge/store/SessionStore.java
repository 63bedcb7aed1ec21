package dev.footbridge.store;

import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Which node owns which session, and what another node needs to go on with it. A session's
 * <i>fence</i> rises with every change of owner: whoever writes with an older one is told that it
 * has lost the session. Safe for any thread; never blocks. A stage fails with a {@link
 * dev.footbridge.wire.ProtocolException} ({@code unavailable}) when the store cannot do it now.
 */
public interface SessionStore {
  /** The owner of a session that has been released and that nobody has claimed yet. */
  String NOBODY = "";

  /**
   * Who owns a session.
   *
   * @param node the owner's id, or {@link #NOBODY}
   * @param fence how often it has changed its owner, the first counted
   */
  record Tenancy(String node, long fence) {}

  /**
   * A session that has a new owner.
   *
   * @param fence the new owner's
   * @param meta what was last {@link #put}
   * @param state what the former owner released it with; null if it did not and its messages are
   *     lost
   */
  record Claimed(long fence, byte[] meta, byte @Nullable [] state) {}

  /**
   * Writes a session of the given owner, or one that is not there yet, and keeps it for its time to
   * live.
   *
   * @param meta what is needed to rebuild it; null leaves it as it is
   * @return false if it belongs to another; nothing has changed then. Where {@code meta} is null
   *     also if it was not there, or is there as it was in an older life
   */
  CompletionStage<Boolean> put(
      String id, Tenancy by, byte @Nullable [] meta, long timeToLiveMillis);

  /** Who owns a session; empty if there is no such session. */
  CompletionStage<Optional<Tenancy>> find(String id);

  /**
   * Makes a node the owner of a session, if the owner is still the expected one. What it was
   * released with stays until the new owner has first {@link #put} it: a node that was not answered
   * finds itself as the owner, claims once more, and has lost nothing.
   *
   * @param expected the former owner as it was found; its node is dead, or nobody, or the same
   * @return empty if it has another owner by now, or has gone
   */
  CompletionStage<Optional<Claimed>> claim(
      String id, String node, Tenancy expected, long timeToLiveMillis);

  /**
   * Gives a session up, complete, for whoever claims it. Again does no harm: where it is not known
   * whether it has been done, it must be done again before anything else happens to the session.
   *
   * @return false if it belongs to another; nothing has changed then
   */
  CompletionStage<Boolean> release(
      String id, Tenancy by, byte[] meta, byte[] state, long timeToLiveMillis);

  /** Forgets a session that has ended, if it still belongs to the owner. */
  CompletionStage<?> remove(String id, Tenancy by);

  /**
   * Remembers for a while which node opens the session of a certain opening.
   *
   * @param key the opening's secret name
   * @param newest whether it takes the place of what is remembered already
   */
  CompletionStage<?> putOpening(String key, String node, boolean newest, long timeToLiveMillis);

  /** The node that has opened the session of an opening; empty if that is not remembered. */
  CompletionStage<Optional<String>> findOpening(String key);
}
