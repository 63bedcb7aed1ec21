package dev.footbridge.testclient;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * A network between a port of its own and a server, which does to each request what its path
 * deserves. One request on each connection, but for those that pass. Thread-safe.
 */
public final class BadNetwork implements AutoCloseable {
  /** What becomes of a request. */
  public enum Fate {
    /** Nothing happens to it. */
    PASS,
    /** Its connection is ended at once. */
    CUT,
    /** Its connection is ended in the midst of the answer, after 1.4 s. */
    CUT_LATER,
    /** It is never answered. */
    HANG,
    /** Somebody else answers. */
    PORTAL,
    /** It is forbidden. */
    FORBID,
    /** Its answer is handed on when it is whole. */
    BUFFER,
    /** Of its answer nothing but the head comes. */
    SWALLOW_DOWN,
    /** What follows the request does not arrive. */
    SWALLOW_UP,
    /** It arrives without its wish to become something else. */
    STRIP_UPGRADE
  }

  private static final String END_OF_HEAD = "\r\n\r\n";
  private static final String END_OF_CHUNKS = "\r\n0\r\n\r\n";
  private static final String PORTAL =
      "<html><head><title>Welcome to the hotel</title></head></html>";
  private static final long LATER_MILLIS = 1400;

  private final ServerSocket listening;
  private final int target;
  private final Function<String, Fate> fates;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  /**
   * Leads to a port of this machine.
   *
   * @param fates by a request's path, with its query
   */
  public BadNetwork(int target, Function<String, Fate> fates) throws IOException {
    this.target = target;
    this.fates = fates;
    this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    background(
        () -> {
          while (true) {
            Socket near = listening.accept();
            open.add(near);
            background(() -> treat(near));
          }
        });
  }

  private interface Work {
    void run() throws IOException, InterruptedException;
  }

  private static void background(Work work) {
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } catch (IOException | InterruptedException over) {
                // One end has gone, or the network has been closed.
                return;
              }
            },
            "bad-network");
    thread.setDaemon(true);
    thread.start();
  }

  /** Where it listens. */
  public int port() {
    return listening.getLocalPort();
  }

  private void treat(Socket near) throws IOException, InterruptedException {
    String head = until(near.getInputStream(), END_OF_HEAD);
    Fate fate = fates.apply(head.split(" ", 3)[1]);
    switch (fate) {
      case CUT -> near.close();
      case HANG -> {}
      case PORTAL -> answer(near, "200 OK", PORTAL);
      case FORBID -> answer(near, "403 Forbidden", "<title>Not here</title>");
      case STRIP_UPGRADE ->
          carry(near, head.replaceAll("(?i)(upgrade|connection): [^\r]*\r\n", ""), fate);
      default -> carry(near, head, fate);
    }
  }

  private static void answer(Socket near, String status, String body) throws IOException {
    String text =
        "HTTP/1.1 " + status + "\r\nContent-Type: text/html\r\nContent-Length: " + body.length();
    near.getOutputStream().write((text + END_OF_HEAD + body).getBytes(ISO_8859_1));
    near.close();
  }

  private void carry(Socket near, String head, Fate fate) throws IOException, InterruptedException {
    Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
    open.add(far);
    far.getOutputStream().write(head.getBytes(ISO_8859_1));
    InputStream down = far.getInputStream();
    OutputStream toClient = near.getOutputStream();
    if (fate != Fate.SWALLOW_UP) {
      background(() -> near.getInputStream().transferTo(far.getOutputStream()));
    }
    switch (fate) {
      case BUFFER -> toClient.write(until(down, END_OF_CHUNKS).getBytes(ISO_8859_1));
      case SWALLOW_DOWN -> toClient.write(until(down, END_OF_HEAD).getBytes(ISO_8859_1));
      case CUT_LATER -> {
        background(() -> pour(down, near, far));
        Thread.sleep(LATER_MILLIS);
        near.close();
        far.close();
      }
      default -> pour(down, near, far);
    }
  }

  private static void pour(InputStream down, Socket near, Socket far) throws IOException {
    try {
      down.transferTo(near.getOutputStream());
    } finally {
      near.close();
      far.close();
    }
  }

  private static String until(InputStream in, String end) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    String text = "";
    while (!text.endsWith(end)) {
      int next = in.read();
      if (next < 0) {
        throw new IOException("It ended.");
      }
      bytes.write(next);
      text = next == '\n' ? bytes.toString(ISO_8859_1) : "";
    }
    return text;
  }

  @Override
  public void close() throws IOException {
    listening.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
