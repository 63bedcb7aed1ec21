package dev.footbridge.testclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/** Says something to a Redis, on a connection of its own. */
public final class RedisCommands {
  private RedisCommands() {}

  /**
   * Runs a command.
   *
   * @param url of the Redis
   * @return the answer's lines without their types: one, or those of a flat list
   */
  public static List<String> run(String url, String... command) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), URI.create(url).getPort())) {
      socket.setSoTimeout(5000);
      StringBuilder request = new StringBuilder("*" + command.length + "\r\n");
      for (String word : command) {
        request.append('$').append(word.length()).append("\r\n").append(word).append("\r\n");
      }
      socket.getOutputStream().write(request.toString().getBytes(UTF_8));
      return answer(new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8)));
    }
  }

  private static List<String> answer(BufferedReader in) throws IOException {
    String head = in.readLine();
    if (head == null || head.startsWith("-")) {
      throw new IOException("Redis says " + head);
    }
    return switch (head.charAt(0)) {
      case '*' -> {
        List<String> all = new ArrayList<>();
        for (int left = Integer.parseInt(head.substring(1)); left > 0; left--) {
          all.addAll(answer(in));
        }
        yield all;
      }
      case '$' -> head.equals("$-1") ? List.of() : List.of(in.readLine());
      default -> List.of(head.substring(1));
    };
  }
}
