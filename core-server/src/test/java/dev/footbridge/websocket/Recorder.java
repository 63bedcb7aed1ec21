package dev.footbridge.websocket;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** Writes down what a decoder tells, one line each. */
class Recorder implements FrameHandler {

  private final List<String> events = new ArrayList<>();

  List<String> events() {
    return events;
  }

  @Override
  public void onText(byte[] utf8) {
    events.add(text(utf8));
  }

  @Override
  public void onBinary(byte[] data) {
    events.add(binary(data));
  }

  @Override
  public void onPing(byte[] data) {
    events.add(ping(data));
  }

  @Override
  public void onPong(byte[] data) {
    events.add(pong(data));
  }

  @Override
  public void onClose(int code, byte[] reasonUtf8) {
    events.add(close(code, reasonUtf8));
  }

  static String text(byte[] utf8) {
    return "text " + new String(utf8, UTF_8);
  }

  static String binary(byte[] data) {
    return "binary " + HexFormat.of().formatHex(data);
  }

  static String ping(byte[] data) {
    return "ping " + HexFormat.of().formatHex(data);
  }

  static String pong(byte[] data) {
    return "pong " + HexFormat.of().formatHex(data);
  }

  static String close(int code, byte[] reason) {
    return "close " + code + " " + new String(reason, UTF_8);
  }
}
