package dev.footbridge.demo;

import dev.footbridge.hub.Hub;
import dev.footbridge.io.Stages;
import dev.footbridge.node.Node;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.ProtocolException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A small aggregator: devices report by calling a procedure, and whoever watches gets one picture
 * of all of them at most once a second. A few devices of its own keep the board alive. Guarded by
 * itself.
 */
final class Devices {
  private static final String CHANNEL = "demo:devices";
  private static final String PROCEDURE = "demo.devices.report";
  private static final int MAX_DEVICES = 24;
  private static final int MAX_TEXT = 32;
  private static final long FORGET_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final long CALL_NANOS = TimeUnit.SECONDS.toNanos(5);
  private static final int REPORT_EVERY_SECONDS = 3;

  private record Device(String kind, String status, @Nullable Object value, long at, long nanos) {}

  private final Node node;
  private final Hub hub;
  private final LogTail log;
  private final Map<String, Device> devices = new LinkedHashMap<>();
  private final Random random = new Random();
  private boolean changed;
  private int second;

  Devices(Node node, LogTail log) {
    this.node = node;
    this.hub = node.hub();
    this.log = log;
  }

  void register() {
    Demo.register(hub, PROCEDURE, (data, user) -> report(data));
    node.everySecond(this::everySecond);
  }

  private synchronized Object report(JsonObject data) throws ProtocolException {
    String name = shortText(data, "device");
    if (!devices.containsKey(name)) {
      if (devices.size() >= MAX_DEVICES) {
        throw ProtocolException.application("full", "The board shows " + MAX_DEVICES + " devices.");
      }
      log.line("info", "Device " + name + " reports for the first time.");
    }
    byte[] value = data.raw("value");
    Object number = value == null ? null : number(value);
    devices.put(
        name,
        new Device(
            shortText(data, "kind"),
            shortText(data, "status"),
            number,
            System.currentTimeMillis(),
            node.nanoClock().getAsLong()));
    changed = true;
    return Demo.fields("device", name);
  }

  private static @Nullable Object number(byte[] json) throws ProtocolException {
    try {
      return json.length > MAX_TEXT
          ? null
          : Double.valueOf(new String(json, java.nio.charset.StandardCharsets.US_ASCII));
    } catch (NumberFormatException notANumber) {
      throw ProtocolException.malformed("\"value\" must be a number.");
    }
  }

  private static String shortText(JsonObject data, String name) throws ProtocolException {
    String text = data.requiredText(name);
    if (text.isEmpty() || text.length() > MAX_TEXT) {
      throw ProtocolException.malformed(
          "\"" + name + "\" must have 1 to " + MAX_TEXT + " characters.");
    }
    return text;
  }

  private void everySecond(long now) {
    if (second++ % REPORT_EVERY_SECONDS == 0) {
      call("thermometer-1", "thermometer", "on", 19 + random.nextInt(40) / 10.0);
      call("door-2", "door", random.nextInt(6) == 0 ? "open" : "closed", null);
      call("lamp-3", "lamp", random.nextInt(5) == 0 ? "off" : "on", 40.0 + random.nextInt(60));
    }
    tell(now);
  }

  private void call(String device, String kind, String status, @Nullable Double value) {
    Map<String, @Nullable Object> data =
        Demo.fields("device", device, "kind", kind, "status", status);
    if (value != null) {
      data.put("value", value);
    }
    Stages.on(
        hub.procedures().call(PROCEDURE, Demo.json(data), device, CALL_NANOS),
        done -> {},
        failure -> log.line("error", device + " could not report: " + failure.getMessage()));
  }

  private synchronized void tell(long now) {
    if (devices.values().removeIf(device -> now - device.nanos() > FORGET_NANOS)) {
      changed = true;
    }
    if (!changed) {
      return;
    }
    changed = false;
    List<Object> board = new ArrayList<>();
    devices.forEach(
        (name, device) ->
            board.add(
                Demo.fields(
                    "device", name,
                    "kind", device.kind(),
                    "status", device.status(),
                    "value", device.value(),
                    "at", device.at())));
    Demo.publish(hub, CHANNEL, Demo.fields("devices", board, "online", board.size()));
  }
}
