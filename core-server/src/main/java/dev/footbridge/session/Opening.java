package dev.footbridge.session;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** An opening that its client may ask for again. Safe for any thread. */
final class Opening {
  /** What one takes besides its texts, about. */
  private static final int OVERHEAD = 300;

  private final Openings all;
  private final String key;
  private final String endpoint;
  private final byte[] tokenDigest;
  private final long sinceNanos;
  private final CompletableFuture<Session> session = new CompletableFuture<>();
  private volatile byte @Nullable [] description;

  /** About how many octets it takes; guarded by all of them. */
  int weight;

  Opening(Openings all, OpeningWish wish, String key, long sinceNanos) {
    this.all = all;
    this.key = key;
    this.endpoint = wish.request().endpoint();
    this.tokenDigest = digest(wish.request().token());
    this.sinceNanos = sinceNanos;
    this.weight = OVERHEAD + key.length();
  }

  String key() {
    return key;
  }

  long sinceNanos() {
    return sinceNanos;
  }

  /** The session; fails where none opened. */
  CompletableFuture<Session> session() {
    return session;
  }

  boolean isFor(String path) {
    return endpoint.equals(path);
  }

  boolean hasToken(@Nullable String token) {
    return MessageDigest.isEqual(tokenDigest, digest(token));
  }

  /** Whoever asks again may have another one; the token itself is not kept. */
  private static byte[] digest(@Nullable String token) {
    try {
      return token == null
          ? new byte[0]
          : MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** How the endpoint described itself when the session had opened; null if that is not kept. */
  byte @Nullable [] description() {
    return description;
  }

  void describe(byte[] then) {
    description = then;
    all.grown(this, then.length);
  }

  /** It is not kept any longer. */
  void dropped() {
    description = null;
  }

  /** The client has been told. */
  void spend() {
    all.spend(this);
  }

  /** There is nothing to be told. */
  void forget() {
    all.forget(this);
  }
}
