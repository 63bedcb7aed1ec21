package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The server's part of the opening handshake (RFC 6455, section 4.2), on values only: it reads what
 * a request says and tells what to answer. Reading the request and sending the answer is the
 * caller's, and so is the decision whether the request's Origin may enter.
 *
 * <p>Stateless; any thread may call.
 */
public final class Handshake {

  /** The only version of the protocol that is spoken here; a value of Sec-WebSocket-Version. */
  public static final String VERSION = "13";

  private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  private static final int KEY_BYTES = 16;
  private static final int KEY_CHARS = 24;

  private static final int BAD_REQUEST = 400;
  private static final int UPGRADE_REQUIRED = 426;

  private Handshake() {}

  /** The header fields of a request. */
  @FunctionalInterface
  public interface Headers {

    /**
     * The values of a field, one for each line on which it came.
     *
     * @param name the field's name, to be compared without regard to case
     * @return the values, or null or an empty list if the request does not have the field
     */
    @Nullable List<String> values(String name);
  }

  /** What to answer. */
  public sealed interface Result permits Accepted, Rejected {}

  /**
   * Answer 101 with {@code Upgrade: websocket}, {@code Connection: Upgrade} and these.
   *
   * @param acceptKey the value of Sec-WebSocket-Accept
   * @param subprotocol the value of Sec-WebSocket-Protocol; the field must be left out if null
   */
  public record Accepted(String acceptKey, @Nullable String subprotocol) implements Result {}

  /**
   * Refuse. A 426 must carry {@code Upgrade: websocket} (RFC 9110, section 15.5.22) and {@code
   * Sec-WebSocket-Version: 13} (RFC 6455, section 4.4).
   *
   * @param status the HTTP status: 426 if the request is no WebSocket handshake or of another
   *     version, 400 if it is a wrong one
   * @param reason one sentence for the person at the other end
   */
  public record Rejected(int status, String reason) implements Result {}

  /**
   * Checks a request and chooses a subprotocol: the first that the client offers among {@code
   * supported}. None in common is no error; the client may then go on without or leave.
   *
   * @param method the HTTP method, in capitals as it came
   * @param headers the fields of the request
   * @param supported the subprotocols that the server speaks, in any order
   */
  public static Result check(String method, Headers headers, List<String> supported) {
    if (!method.equals("GET")) {
      return new Rejected(
          BAD_REQUEST, "A WebSocket handshake is a GET request, not " + method + ".");
    }
    if (!hasToken(headers, "Upgrade", "websocket")) {
      return new Rejected(
          UPGRADE_REQUIRED, "Only WebSocket connections are served here: send Upgrade: websocket.");
    }
    if (!hasToken(headers, "Connection", "Upgrade")) {
      return new Rejected(
          BAD_REQUEST, "The header Connection: Upgrade is missing; a proxy may have removed it.");
    }
    if (!VERSION.equals(only(headers, "Sec-WebSocket-Version"))) {
      return new Rejected(UPGRADE_REQUIRED, "Sec-WebSocket-Version must be " + VERSION + ".");
    }
    String key = only(headers, "Sec-WebSocket-Key");
    if (key == null || !isKey(key)) {
      return new Rejected(BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in Base64.");
    }
    return new Accepted(acceptKey(key), choose(headers, supported));
  }

  /**
   * The Sec-WebSocket-Accept that proves to the client that its key was read (section 4.2.2, item
   * 5.4).
   */
  public static String acceptKey(String key) {
    byte[] proof = sha1().digest((key + GUID).getBytes(US_ASCII));
    return Base64.getEncoder().encodeToString(proof);
  }

  private static boolean hasToken(Headers headers, String name, String token) {
    return elements(headers, name).anyMatch(token::equalsIgnoreCase);
  }

  private static @Nullable String choose(Headers headers, List<String> supported) {
    return elements(headers, "Sec-WebSocket-Protocol")
        .filter(supported::contains)
        .findFirst()
        .orElse(null);
  }

  /** The elements of a field that is a comma-separated list, on however many lines. */
  private static Stream<String> elements(Headers headers, String name) {
    return values(headers, name).stream()
        .flatMap(line -> Stream.of(line.split(",", -1)))
        .map(String::strip);
  }

  /** The value of a field that must come exactly once (section 11.3), or null. */
  private static @Nullable String only(Headers headers, String name) {
    List<String> values = values(headers, name);
    return values.size() == 1 ? values.get(0).strip() : null;
  }

  private static List<String> values(Headers headers, String name) {
    List<String> values = headers.values(name);
    return values == null ? List.of() : values;
  }

  private static boolean isKey(String key) {
    if (key.length() != KEY_CHARS) {
      return false;
    }
    try {
      return Base64.getDecoder().decode(key).length == KEY_BYTES;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static MessageDigest sha1() {
    try {
      return MessageDigest.getInstance("SHA-1");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-1.", e);
    }
  }
}
