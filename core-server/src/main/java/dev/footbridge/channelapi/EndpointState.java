package dev.footbridge.channelapi;

import dev.footbridge.auth.Identity;
import dev.footbridge.hub.Names;
import dev.footbridge.store.Position;
import dev.footbridge.wire.Json;
import dev.footbridge.wire.JsonObject;
import dev.footbridge.wire.JsonWriter;
import dev.footbridge.wire.ProtocolException;
import java.util.ArrayList;
import java.util.List;

/**
 * A session's place in the hub, as it travels: {@code
 * {"user":…,"info":…,"channels":{NAME:{"epoch":…,"offset":…,"presence":true}},"procedures":[…]}}.
 *
 * @param procedures those that are registered
 */
record EndpointState(Identity identity, List<Channel> channels, List<String> procedures) {
  /**
   * A subscription.
   *
   * @param position the last that the session was given
   * @param presence whether it is present there
   */
  record Channel(String name, Position position, boolean presence) {}

  byte[] encode() {
    JsonWriter json = JsonWriter.object();
    String user = identity.user();
    if (user != null) {
      json.text("user", user);
    }
    byte[] info = identity.info();
    if (info != null) {
      json.raw("info", info);
    }
    json.beginObject("channels");
    for (Channel channel : channels) {
      JsonWriter place = HubService.positionJson(channel.position());
      json.raw(channel.name(), (channel.presence() ? place.flag("presence", true) : place).bytes());
    }
    json.end().beginArray("procedures");
    procedures.forEach(name -> json.element(JsonWriter.quote(name)));
    return json.end().bytes();
  }

  static EndpointState decode(byte[] state) throws ProtocolException {
    JsonObject fields = Json.object(state);
    List<Channel> channels = new ArrayList<>();
    JsonObject places = fields.object("channels");
    if (places != null) {
      for (String name : places.names()) {
        JsonObject place = places.object(name);
        if (place == null) {
          throw ProtocolException.malformed("A channel has no position.");
        }
        channels.add(
            new Channel(
                Names.check(name),
                Position.of(
                    place.requiredText("epoch"), place.integer("offset", -1, 0, Long.MAX_VALUE)),
                place.flag("presence")));
      }
    }
    List<String> procedures = new ArrayList<>();
    for (String name : fields.texts("procedures")) {
      procedures.add(Names.check(name));
    }
    return new EndpointState(
        new Identity(fields.text("user"), fields.raw("info")), channels, procedures);
  }
}
