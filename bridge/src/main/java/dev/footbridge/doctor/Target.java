package dev.footbridge.doctor;

import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The server that is examined.
 *
 * @param host without the brackets of an IPv6 address
 * @param path what all paths begin with; empty, or with a slash in front and none at the end
 * @param proxy what the environment wants to be asked in between
 */
public record Target(
    boolean tls, String host, int port, String path, @Nullable InetSocketAddress proxy) {
  private static final String DOCTOR = "/doctor";
  private static final int HTTP = 80;
  private static final int HTTPS = 443;

  /**
   * Reads an address.
   *
   * @param text {@code http}, {@code https}, {@code ws} or {@code wss}, also that of the page
   * @param environment where {@code http_proxy}, {@code https_proxy} and {@code no_proxy} are
   *     looked for
   * @throws IllegalArgumentException with a sentence where it is none
   */
  public static Target of(String text, Map<String, String> environment) {
    URI uri;
    try {
      uri = new URI(text);
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("\"" + text + "\" is no address: " + e.getReason(), e);
    }
    String scheme = uri.getScheme() == null ? "" : uri.getScheme().toLowerCase(Locale.ROOT);
    boolean tls = scheme.equals("https") || scheme.equals("wss");
    String host = uri.getHost();
    if (host == null || !(tls || scheme.equals("http") || scheme.equals("ws"))) {
      throw new IllegalArgumentException(
          "\"" + text + "\" is no address of a server, such as https://example.org/.");
    }
    if (uri.getRawUserInfo() != null) {
      throw new IllegalArgumentException("The address must not have a name or password in it.");
    }
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    path = path.replaceFirst("/+$", "");
    if (path.endsWith(DOCTOR)) {
      path = path.substring(0, path.length() - DOCTOR.length());
    }
    String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    int port = uri.getPort() >= 0 ? uri.getPort() : tls ? HTTPS : HTTP;
    return new Target(tls, bare, port, path, proxy(tls, bare, environment));
  }

  private static @Nullable InetSocketAddress proxy(
      boolean tls, String host, Map<String, String> environment) {
    String proxy = variable(environment, tls ? "https_proxy" : "http_proxy");
    for (String direct : variable(environment, "no_proxy").split(",", -1)) {
      String name = direct.strip().replaceFirst("^\\*?\\.", "");
      if (name.equals("*")
          || (!name.isEmpty() && (host.equals(name) || host.endsWith("." + name)))) {
        return null;
      }
    }
    boolean local = host.equals("localhost") || host.startsWith("127.") || host.equals("::1");
    if (proxy.isEmpty() || local) {
      return null;
    }
    try {
      URI uri = new URI(proxy.contains("://") ? proxy : "http://" + proxy);
      if ("http".equals(uri.getScheme()) && uri.getHost() != null) {
        return InetSocketAddress.createUnresolved(
            uri.getHost(), uri.getPort() >= 0 ? uri.getPort() : HTTP);
      }
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException(
          "The proxy of the environment is no address: " + e.getReason(), e);
    }
    throw new IllegalArgumentException(
        "The proxy of the environment is none that can be used; it must be http://HOST:PORT.");
  }

  private static String variable(Map<String, String> environment, String name) {
    String value = environment.get(name);
    if (value == null) {
      value = environment.get(name.toUpperCase(Locale.ROOT));
    }
    return value == null ? "" : value;
  }

  /** The host as a request names it, with its port where that is not the usual one. */
  String authority() {
    return port == (tls ? HTTPS : HTTP) ? bracketed() : bracketed() + ":" + port;
  }

  /** The host and, always, its port. */
  String hostAndPort() {
    return bracketed() + ":" + port;
  }

  private String bracketed() {
    return host.indexOf(':') >= 0 ? "[" + host + "]" : host;
  }

  /** The server's address, as a page would be opened. */
  public String url() {
    return (tls ? "https://" : "http://") + authority() + path + "/";
  }
}
