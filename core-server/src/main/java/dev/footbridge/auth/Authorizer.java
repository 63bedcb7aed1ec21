package dev.footbridge.auth;

import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Tells what a client may do. Must not block and is called from several threads. */
public interface Authorizer {
  /** What a client may want to do with a channel or a procedure. */
  enum Action {
    SUBSCRIBE,
    PUBLISH,
    HISTORY,
    PRESENCE,
    CALL,
    REGISTER
  }

  /**
   * @param name the channel's or the procedure's name
   * @param token a token for just this channel that came with the command, or null
   * @return completes normally where it is allowed; or, exceptionally, with a {@link
   *     dev.footbridge.wire.ProtocolException}, usually {@code forbidden}
   */
  CompletionStage<?> authorize(Action action, Identity who, String name, @Nullable String token);
}
