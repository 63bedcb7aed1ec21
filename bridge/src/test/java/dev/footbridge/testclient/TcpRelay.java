package dev.footbridge.testclient;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** A network between a port of its own and another one, which can fall silent. Thread-safe. */
public final class TcpRelay implements AutoCloseable {
  private final ServerSocket listening;
  private final int target;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile boolean silent;

  /** Leads to a port of this machine. */
  public TcpRelay(int target) throws IOException {
    this.target = target;
    this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    background(this::accept);
  }

  /** A port that nothing listens on just now. */
  public static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  private static void background(Runnable action) {
    Thread thread = new Thread(action, "tcp-relay");
    thread.setDaemon(true);
    thread.start();
  }

  /** Where it listens. */
  public int port() {
    return listening.getLocalPort();
  }

  /** From now on whatever comes is dropped, and nobody is told. */
  public void fallSilent() {
    silent = true;
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket near = listening.accept();
        open.add(near);
        Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(far);
        background(() -> carry(near, far));
        background(() -> carry(far, near));
      } catch (IOException e) {
        if (!listening.isClosed()) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private void carry(Socket from, Socket to) {
    byte[] buffer = new byte[8192];
    try (InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        if (!silent) {
          out.write(buffer, 0, count);
        }
      }
    } catch (IOException over) {
      // One of the two ends has gone; so does the other, by the closing above.
      return;
    } finally {
      open.remove(from);
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
