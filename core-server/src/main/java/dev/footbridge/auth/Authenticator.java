package dev.footbridge.auth;

import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/** Tells who a client is. Must not block and is called from several threads. */
public interface Authenticator {
  /**
   * @param token what the client gave, or null
   * @param address the client's address without port
   * @return who it is; or, exceptionally, a {@link dev.footbridge.wire.ProtocolException} with the
   *     answer, usually {@code unauthenticated}
   */
  CompletionStage<Identity> authenticate(@Nullable String token, String address);
}
