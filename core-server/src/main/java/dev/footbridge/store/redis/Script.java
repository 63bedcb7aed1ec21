package dev.footbridge.store.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A script out of this package's resources; its file says what keys and arguments it takes and what
 * it answers.
 *
 * @param source its text
 * @param digest by which Redis knows it
 */
record Script(String source, String digest) {
  private static final ConcurrentHashMap<String, Script> KNOWN = new ConcurrentHashMap<>();

  /**
   * A script by its file's name without {@code .lua}.
   *
   * @throws IllegalArgumentException where there is none
   */
  static Script of(String name) {
    return KNOWN.computeIfAbsent(name, Script::load);
  }

  private static Script load(String name) {
    try (InputStream in = Script.class.getResourceAsStream(name + ".lua")) {
      if (in == null) {
        throw new IllegalArgumentException("There is no script " + name + ".");
      }
      byte[] source = in.readAllBytes();
      byte[] digest = MessageDigest.getInstance("SHA-1").digest(source);
      return new Script(
          new String(source, StandardCharsets.UTF_8), HexFormat.of().formatHex(digest));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
