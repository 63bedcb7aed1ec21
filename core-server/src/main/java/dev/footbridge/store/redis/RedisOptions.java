package dev.footbridge.store.redis;

import io.lettuce.core.RedisCredentials;
import io.lettuce.core.RedisURI;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where Redis is and how it is talked to.
 *
 * @param kind whether it is one server, one behind Sentinel, or a cluster
 * @param nodes the server; the Sentinels' single address with all of them; or some of the cluster
 * @param prefix what all keys and topics begin with
 * @param timeout how long a command may take
 * @param queue commands that may wait at a time
 */
public record RedisOptions(
    Kind kind, List<RedisURI> nodes, String prefix, Duration timeout, int queue) {
  /** The variable with the user's name. */
  public static final String USER = "FOOTBRIDGE_REDIS_USER";

  /** The variable with the password. */
  public static final String PASSWORD = "FOOTBRIDGE_REDIS_PASSWORD";

  /** The variable with the path of a file that has nothing but the password. */
  public static final String PASSWORD_FILE = "FOOTBRIDGE_REDIS_PASSWORD_FILE";

  private static final String CLUSTER = "-cluster";

  /** What stands behind the URL. */
  public enum Kind {
    SINGLE,
    SENTINEL,
    CLUSTER
  }

  /**
   * Reads a URL: {@code redis://host:port/database}, {@code
   * redis-sentinel://host1:port,host2:port/database#name}, {@code
   * redis-cluster://host1:port,host2:port}; with {@code rediss} for TLS. User and password may
   * stand in the URL, or better in the environment, which beats the URL.
   *
   * @throws IllegalArgumentException with one sentence for the operator, without any secret
   */
  public static RedisOptions parse(
      String url, Map<String, String> environment, String prefix, Duration timeout, int queue) {
    try {
      String scheme = url.substring(0, url.indexOf("://")).toLowerCase(Locale.ROOT);
      Kind kind =
          scheme.endsWith(CLUSTER)
              ? Kind.CLUSTER
              : scheme.endsWith("-sentinel") ? Kind.SENTINEL : Kind.SINGLE;
      List<RedisURI> nodes = new ArrayList<>();
      if (kind == Kind.CLUSTER) {
        String single = scheme.substring(0, scheme.length() - CLUSTER.length()) + "://";
        String rest = url.substring(scheme.length() + "://".length());
        String credentials = rest.contains("@") ? rest.substring(0, rest.lastIndexOf('@') + 1) : "";
        for (String node : rest.substring(credentials.length()).split(",", -1)) {
          nodes.add(RedisURI.create(single + credentials + node));
        }
      } else {
        nodes.add(RedisURI.create(url));
      }
      @Nullable String password = password(environment);
      @Nullable String user = environment.get(USER);
      for (RedisURI node : nodes) {
        node.setTimeout(timeout);
        // Or one that stands still keeps the others from being asked for a minute.
        node.getSentinels().forEach(sentinel -> sentinel.setTimeout(timeout));
        node.setClientName("footbridge");
        if (password != null) {
          node.setCredentialsProvider(
              () ->
                  reactor.core.publisher.Mono.just(
                      RedisCredentials.just(user, password.toCharArray())));
        }
      }
      return new RedisOptions(kind, List.copyOf(nodes), prefix, timeout, queue);
    } catch (IllegalArgumentException | IndexOutOfBoundsException notOne) {
      if (notOne instanceof UnreadableException) {
        throw notOne;
      }
      throw new IllegalArgumentException(
          "\"store\" is not the URL of a Redis; it must be such as redis://127.0.0.1:6379,"
              + " redis-sentinel://host1:26379,host2:26379#name or"
              + " redis-cluster://host1:6379,host2:6379, with rediss for TLS.");
    }
  }

  /** The password cannot be had; the message says why. */
  private static final class UnreadableException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    UnreadableException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private static @Nullable String password(Map<String, String> environment) {
    String file = environment.get(PASSWORD_FILE);
    if (file == null) {
      return environment.get(PASSWORD);
    }
    try {
      return Files.readString(Path.of(file)).strip();
    } catch (IOException e) {
      throw new UnreadableException(
          "The file " + file + " that " + PASSWORD_FILE + " names cannot be read.", e);
    }
  }

  /** The host and port of the first server that is asked. */
  public RedisURI first() {
    RedisURI first = nodes.get(0);
    return first.getSentinels().isEmpty() ? first : first.getSentinels().get(0);
  }

  /** Where it is, without credentials. */
  @Override
  public String toString() {
    return "Redis at " + first().getHost() + ":" + first().getPort();
  }
}
