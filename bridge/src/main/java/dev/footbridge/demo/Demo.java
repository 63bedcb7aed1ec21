package dev.footbridge.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.footbridge.auth.Identity;
import dev.footbridge.hub.Hub;
import dev.footbridge.hub.Procedures;
import dev.footbridge.io.Stages;
import dev.footbridge.node.Node;
import dev.footbridge.server.Pages;
import dev.footbridge.store.Publication;
import dev.footbridge.wire.ErrorCode;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.ProtocolException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Wires the demo: its pages, its visitors' names and its little applications. */
public final class Demo {
  private static final Logger LOG = LoggerFactory.getLogger(Demo.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String GUEST = "guest:";
  private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N} _.-]{1,32}");
  private static final String[] FILES = {
    "index.html",
    "demo.css",
    "favicon.svg",
    "bench.js",
    "chat.js",
    "crossings.js",
    "demo.js",
    "devices.js",
    "dom.js",
    "log.js",
    "seats.js",
    "strip.js",
    "transports.js"
  };

  /** Answers a procedure of the demo; an error for the caller is thrown. */
  interface Answer {
    Object to(JsonObject data, String user) throws ProtocolException;
  }

  /** Visitors name themselves; everybody may do everything. */
  public Node.Application application() {
    return new Node.Application(
        (token, address) -> {
          if (token == null) {
            return CompletableFuture.completedStage(Identity.ANONYMOUS);
          }
          String name = token.startsWith(GUEST) ? token.substring(GUEST.length()) : "";
          return NAME.matcher(name).matches()
              ? CompletableFuture.completedStage(Identity.of(name))
              : CompletableFuture.failedStage(
                  new ProtocolException(
                      ErrorCode.UNAUTHENTICATED,
                      "A token of the demo is guest:NAME with 1 to 32 letters or digits."));
        },
        (action, who, name, token) -> CompletableFuture.completedStage(null),
        Map.of());
  }

  /** The client library and the demo's pages. */
  public Pages pages() {
    Pages pages = new Pages();
    for (String file : FILES) {
      pages.add("/" + file, "/dev/footbridge/demo/" + file);
    }
    return pages.add("/", "/dev/footbridge/demo/index.html");
  }

  /** Begins the demo's applications on a node. */
  public void start(Node node) {
    LogTail log = new LogTail(node.hub());
    Seats seats = new Seats(node.hub(), log);
    Devices devices = new Devices(node, log);
    seats.register();
    devices.register();
    log.line("info", "The demo has begun.");
  }

  static void publish(Hub hub, String channel, Object data) {
    Stages.on(
        hub.publish(new Publication(channel, json(data), null, null)),
        position -> {},
        failure -> LOG.warn("The demo could not publish: {}", failure.toString()));
  }

  static void register(Hub hub, String procedure, Answer answer) {
    Procedures.Callee callee =
        invocation -> {
          String user = invocation.user();
          try {
            byte[] data = invocation.data();
            JsonObject fields =
                data[0] == '{'
                    ? Json.object(data)
                    : Json.object(new byte[] {(byte) 123, (byte) 125});
            invocation.succeed(json(answer.to(fields, user == null ? "somebody" : user)));
          } catch (ProtocolException e) {
            invocation.fail(e);
          }
          return true;
        };
    hub.procedures().register(procedure, callee);
  }

  static byte[] json(@Nullable Object data) {
    try {
      return JSON.writeValueAsBytes(data);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A map in the given order, in which a value may be null. */
  static Map<String, @Nullable Object> fields(@Nullable Object... namesAndValues) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      map.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
    }
    return map;
  }
}
