package dev.footbridge.doctor;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * One connection to the server, which speaks HTTP/1.1 as far as it is needed here. Nothing is
 * repeated and no redirect followed. Every wait ends with the deadline, by a {@link
 * java.net.SocketTimeoutException}. For one thread.
 */
final class Connection implements AutoCloseable {
  private static final int MOST_LINE = 16 * 1024;

  /** All header lines of an answer together, and of those that only announce it. */
  private static final int MOST_HEAD = 64 * 1024;

  private static final int SWITCHING = 101;
  private static final int OK = 200;
  private static final int NO_CONTENT = 204;

  private final Target target;
  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;
  private final boolean absolute;

  private Connection(
      Target target, Socket socket, InputStream in, OutputStream out, boolean absolute) {
    this.target = target;
    this.socket = socket;
    this.in = in;
    this.out = out;
    this.absolute = absolute;
  }

  /** The beginning of an answer. */
  record Head(int status, Map<String, String> headers) {
    String header(String name) {
      return headers.getOrDefault(name, "");
    }
  }

  /**
   * Connects, with TLS and through the proxy where these are wanted.
   *
   * @param tunnel whether a proxy is asked to let it through as it is, also without TLS
   */
  static Connection open(Target target, Deadline deadline, boolean tunnel) throws IOException {
    InetSocketAddress proxy = target.proxy();
    Socket socket =
        proxy == null
            ? connect(target.host(), target.port(), deadline)
            : connect(proxy.getHostString(), proxy.getPort(), deadline);
    try {
      if (proxy != null && (target.tls() || tunnel)) {
        Connection toProxy = over(target, socket, deadline, false);
        toProxy.write(
            "CONNECT " + target.hostAndPort() + " HTTP/1.1\r\nHost: " + target.hostAndPort());
        int status = toProxy.head().status();
        if (status != OK) {
          throw new IOException("the proxy answers " + status);
        }
      }
      if (target.tls()) {
        socket.setSoTimeout(deadline.left());
        SSLSocket secure =
            (SSLSocket)
                ((SSLSocketFactory) SSLSocketFactory.getDefault())
                    .createSocket(socket, target.host(), target.port(), true);
        SSLParameters parameters = secure.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        secure.setSSLParameters(parameters);
        secure.startHandshake();
        return over(target, secure, deadline, false);
      }
      return over(target, socket, deadline, proxy != null && !tunnel);
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  private static Connection over(Target target, Socket socket, Deadline deadline, boolean absolute)
      throws IOException {
    InputStream timed = new Timed(socket, deadline);
    return new Connection(
        target, socket, new BufferedInputStream(timed), socket.getOutputStream(), absolute);
  }

  private static Socket connect(String host, int port, Deadline deadline) throws IOException {
    IOException failure = new UnknownHostException(host);
    for (InetAddress address : InetAddress.getAllByName(host)) {
      Socket socket = new Socket();
      try {
        socket.connect(new InetSocketAddress(address, port), deadline.left());
        socket.setTcpNoDelay(true);
        return socket;
      } catch (IOException e) {
        socket.close();
        failure = e;
      }
    }
    throw failure;
  }

  /** Reads from the socket, and no longer than there is time. */
  private static final class Timed extends InputStream {
    private final Socket socket;
    private final InputStream from;
    private final Deadline deadline;

    Timed(Socket socket, Deadline deadline) throws IOException {
      this.socket = socket;
      this.from = socket.getInputStream();
      this.deadline = deadline;
    }

    @Override
    public int read() throws IOException {
      socket.setSoTimeout(deadline.left());
      return from.read();
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      socket.setSoTimeout(deadline.left());
      return from.read(bytes, offset, length);
    }

    @Override
    public int available() throws IOException {
      return from.available();
    }
  }

  /** Sends a request without a body, with further header lines. */
  void request(String method, String path, String... headers) throws IOException {
    write(start(method, path, headers));
  }

  /** Sends a request with a body of JSON. */
  void post(String path, String body) throws IOException {
    byte[] bytes = body.getBytes(UTF_8);
    write(start("POST", path, "Content-Type: application/json", "Content-Length: " + bytes.length));
    out.write(bytes);
    out.flush();
  }

  private String start(String method, String path, String... headers) {
    StringBuilder text = new StringBuilder(method).append(' ');
    if (absolute) {
      text.append("http://").append(target.authority());
    }
    text.append(target.path()).append(path).append(" HTTP/1.1\r\nHost: ");
    text.append(target.authority()).append("\r\nUser-Agent: footbridge-doctor");
    text.append("\r\nAccept: */*\r\nCache-Control: no-cache");
    for (String header : headers) {
      text.append("\r\n").append(header);
    }
    return text.toString();
  }

  private void write(String head) throws IOException {
    out.write((head + "\r\n\r\n").getBytes(ISO_8859_1));
    out.flush();
  }

  /** Reads the beginning of an answer, and passes over those that only announce one. */
  Head head() throws IOException {
    int left = MOST_HEAD;
    while (true) {
      String line = line();
      left = less(left, line);
      String[] parts = line.split(" ", 3);
      if (!line.startsWith("HTTP/1.") || parts.length < 2 || !parts[1].matches("[1-9][0-9]{2}")) {
        throw new IOException("what answers does not speak HTTP");
      }
      Map<String, String> headers = new HashMap<>();
      for (String next = line(); !next.isEmpty(); next = line()) {
        left = less(left, next);
        int colon = next.indexOf(':');
        if (colon > 0) {
          headers.put(
              next.substring(0, colon).toLowerCase(Locale.ROOT), next.substring(colon + 1).strip());
        }
      }
      int status = Integer.parseInt(parts[1]);
      if (status >= OK || status == SWITCHING) {
        return new Head(status, headers);
      }
    }
  }

  private static int less(int left, String line) throws IOException {
    int rest = left - line.length() - 2;
    if (rest < 0) {
      throw new IOException("the answer has more than 64 KiB of headers");
    }
    return rest;
  }

  private String line() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int next = octet(); next != '\n'; next = octet()) {
      if (text.length() == MOST_LINE) {
        throw new IOException("what answers does not speak HTTP");
      }
      text.append((char) next);
    }
    int end = text.length();
    return text.substring(0, end > 0 && text.charAt(end - 1) == '\r' ? end - 1 : end);
  }

  /** The next octet of the connection. */
  int octet() throws IOException {
    int next = in.read();
    if (next < 0) {
      throw new EOFException("the connection ended");
    }
    return next;
  }

  /** Sends octets as they are. */
  void send(byte[] bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  /** What an answer brings after its head. An end before it is whole is an {@link IOException}. */
  InputStream body(Head head) {
    if (head.status() == NO_CONTENT) {
      return InputStream.nullInputStream();
    }
    boolean chunked = head.header("transfer-encoding").toLowerCase(Locale.ROOT).endsWith("chunked");
    String length = head.header("content-length");
    if (!chunked && !length.matches("[0-9]{1,18}")) {
      return in;
    }
    return new Body(chunked ? -1 : Long.parseLong(length));
  }

  private void skipTrailers() throws IOException {
    String line = line();
    while (!line.isEmpty()) {
      line = line();
    }
  }

  /** A body in chunks, or of a known length. */
  private final class Body extends InputStream {
    private final boolean chunked;
    private long left;
    private boolean begun;
    private boolean over;

    Body(long length) {
      this.chunked = length < 0;
      this.left = Math.max(0, length);
    }

    @Override
    public int read() throws IOException {
      if (left == 0 && !over) {
        next();
      }
      if (over) {
        return -1;
      }
      left--;
      return octet();
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
      if (left == 0 && !over) {
        next();
      }
      if (over || length == 0) {
        return over ? -1 : 0;
      }
      int count = in.read(bytes, offset, (int) Math.min(length, left));
      if (count < 0) {
        throw new EOFException("the connection ended");
      }
      left -= count;
      return count;
    }

    private void next() throws IOException {
      if (!chunked) {
        over = true;
        return;
      }
      if (begun) {
        line();
      }
      begun = true;
      String size = line().replaceFirst("[; ].*", "");
      if (!size.matches("[0-9a-fA-F]{1,8}")) {
        throw new IOException("a chunk has no length");
      }
      left = Long.parseLong(size, 16);
      if (left == 0) {
        over = true;
        skipTrailers();
      }
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // It is of no use any more, whatever it says.
      return;
    }
  }
}
