package dev.footbridge.testclient;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * One TCP connection that speaks HTTP/1.1 as told, rightly or wrongly. Reads wait {@value
 * #PATIENCE_MILLIS} ms at most. One thread may write while another reads.
 */
public final class HttpSocket implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 20_000;

  private final Socket socket;
  private final InputStream in;

  private HttpSocket(Socket socket) throws IOException {
    this.socket = socket;
    this.in = new BufferedInputStream(socket.getInputStream(), 16 * 1024);
  }

  /** Connects to a port of this machine. */
  public static HttpSocket connect(int port) throws IOException {
    return connect(port, 0);
  }

  /**
   * Connects with a receive buffer of a certain size.
   *
   * @param receiveBuffer octets; 0 leaves it as it is
   */
  public static HttpSocket connect(int port, int receiveBuffer) throws IOException {
    Socket socket = new Socket();
    if (receiveBuffer > 0) {
      socket.setReceiveBufferSize(receiveBuffer);
    }
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE_MILLIS);
    return new HttpSocket(socket);
  }

  /** Connects from another address of this machine. */
  public static HttpSocket connect(int port, String from) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(from, 0));
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), PATIENCE_MILLIS);
    return new HttpSocket(socket);
  }

  /** Sends bytes as they are. */
  public HttpSocket write(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    return this;
  }

  /** Sends text as UTF-8. */
  public HttpSocket write(String text) throws IOException {
    return write(text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Sends a request.
   *
   * @param body null for none
   * @param headers whole lines such as {@code "Accept: text/plain"}
   */
  public HttpSocket request(String method, String target, byte[] body, String... headers)
      throws IOException {
    byte[] head = head(method, target, body, headers).getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(head);
    if (body != null) {
      all.write(body);
    }
    return write(all.toByteArray());
  }

  private String head(String method, String target, byte[] body, String... headers) {
    StringBuilder head = new StringBuilder(method + " " + target + " HTTP/1.1\r\n");
    boolean host = false;
    for (String header : headers) {
      head.append(header).append("\r\n");
      host |= header.toLowerCase(Locale.ROOT).startsWith("host:");
    }
    if (!host) {
      head.append("Host: localhost:" + socket.getPort() + "\r\n");
    }
    if (body != null) {
      head.append("Content-Length: " + body.length + "\r\n");
    }
    return head.append("\r\n").toString();
  }

  /** Reads a whole answer. */
  public Answer answer() throws IOException {
    Answer head = head();
    return new Answer(head.status(), head.headers(), body(head).readAllBytes());
  }

  /** Reads an answer's status and headers. */
  public Answer head() throws IOException {
    String start = line();
    while (start.startsWith("HTTP/1.1 100")) {
      line();
      start = line();
    }
    if (!start.startsWith("HTTP/1.1 ")) {
      throw new IOException("not an answer: " + start);
    }
    Map<String, String> headers = new LinkedHashMap<>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      headers.merge(
          line.substring(0, colon).toLowerCase(Locale.ROOT),
          line.substring(colon + 1).trim(),
          (one, other) -> one + ", " + other);
    }
    return new Answer(Integer.parseInt(start.substring(9, 12)), headers, new byte[0]);
  }

  /** The body that follows a head, freed of its chunks. */
  public InputStream body(Answer head) {
    if ("chunked".equalsIgnoreCase(head.header("Transfer-Encoding"))) {
      return new Chunks();
    }
    String length = head.header("Content-Length");
    if (length != null) {
      return new Counted(Long.parseLong(length));
    }
    boolean bodiless = head.status() == 204 || head.status() == 304 || head.status() == 101;
    return bodiless ? InputStream.nullInputStream() : in;
  }

  /** Reads up to a line break; the end of the connection before one is an exception. */
  public String line() throws IOException {
    String line = line(in);
    if (line == null) {
      throw new EOFException("the connection has ended");
    }
    return line;
  }

  /** Reads a line of UTF-8; null at the end. */
  public static String line(InputStream from) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    int next = from.read();
    if (next < 0) {
      return null;
    }
    for (; next >= 0 && next != '\n'; next = from.read()) {
      line.write(next);
    }
    String text = line.toString(StandardCharsets.UTF_8);
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  /** What comes, byte by byte. */
  public InputStream in() {
    return in;
  }

  /** Whether the server has ended the connection; reads and drops what came before that. */
  public boolean endsByServer() throws IOException {
    try {
      in.transferTo(java.io.OutputStream.nullOutputStream());
      return true;
    } catch (SocketException reset) {
      return true;
    } catch (java.net.SocketTimeoutException stillOpen) {
      return false;
    }
  }

  /** How long reads wait. */
  public HttpSocket patience(int millis) throws IOException {
    socket.setSoTimeout(millis);
    return this;
  }

  /** Ends the connection without a goodbye: the server sees a reset. Any thread. */
  public void kill() {
    try {
      socket.setSoLinger(true, 0);
      socket.close();
    } catch (IOException alreadyGone) {
      // It is what was wanted.
    }
  }

  /** Ends the connection in order. Any thread. */
  @Override
  public void close() throws IOException {
    socket.close();
  }

  private final class Chunks extends InputStream {
    private int left;
    private boolean first = true;
    private boolean ended;

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      if (left == 0 && !ended) {
        if (!first) {
          requireEmpty(line());
        }
        first = false;
        left = Integer.parseInt(line(), 16);
        if (left == 0) {
          requireEmpty(line());
          ended = true;
        }
      }
      if (ended) {
        return -1;
      }
      int count = in.read(into, offset, Math.min(length, left));
      if (count < 0) {
        throw new EOFException("the connection has ended in a chunk");
      }
      left -= count;
      return count;
    }

    private void requireEmpty(String line) throws IOException {
      if (!line.isEmpty()) {
        throw new IOException("a chunk does not end where it should: " + line);
      }
    }
  }

  private final class Counted extends InputStream {
    private long left;

    Counted(long length) {
      this.left = length;
    }

    @Override
    public int read() throws IOException {
      if (left == 0) {
        return -1;
      }
      int next = in.read();
      if (next < 0) {
        throw new EOFException("the connection has ended in a body");
      }
      left--;
      return next;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int count = in.read(into, offset, (int) Math.min(length, left));
      if (count < 0) {
        throw new EOFException("the connection has ended in a body");
      }
      left -= count;
      return count;
    }
  }
}
