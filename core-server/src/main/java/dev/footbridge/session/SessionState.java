package dev.footbridge.session;

import dev.footbridge.io.BinaryReader;
import dev.footbridge.io.BinaryWriter;
import dev.footbridge.io.DamagedException;
import dev.footbridge.wire.Message;
import java.util.ArrayList;
import java.util.List;

/**
 * A session at rest: all that another node, or this one after a restart, needs to go on with it.
 * The octets and the messages are shared and must not be changed.
 *
 * @param id the secret name
 * @param publicId the name that others know
 * @param address the address that opened it
 * @param endpoint the path of its endpoint
 * @param base where the numbers of its present life begin; 0 in the first
 * @param told whether anybody has been told of that
 * @param received the number of the last message that came up
 * @param acked the number of the last message down that was acknowledged
 * @param unacknowledged the messages down after that
 * @param turn the highest turn that the client has said
 * @param endpointState see {@link dev.footbridge.endpoint.Endpoint#settle}
 */
public record SessionState(
    String id,
    String publicId,
    String address,
    String endpoint,
    long base,
    boolean told,
    long received,
    long acked,
    List<Message> unacknowledged,
    long turn,
    byte[] endpointState) {
  private static final int VERSION = 1;

  /** Numbers stay exact in every client, and far from their end. */
  static final long MOST = (1L << 53) - 1;

  /** Copies the list. */
  public SessionState {
    unacknowledged = List.copyOf(unacknowledged);
  }

  /** The state as octets, with a version and a checksum. */
  public byte[] encode() {
    BinaryWriter out =
        new BinaryWriter()
            .number(VERSION)
            .text(id)
            .text(publicId)
            .text(address)
            .text(endpoint)
            .number(base)
            .flag(told)
            .number(received)
            .number(acked)
            .number(turn)
            .bytes(endpointState)
            .number(unacknowledged.size());
    unacknowledged.forEach(message -> out.flag(message.isBinary()).bytes(message.raw()));
    return out.toSealedBytes();
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws DamagedException where it is not that
   */
  public static SessionState decode(byte[] octets) throws DamagedException {
    BinaryReader in = BinaryReader.sealed(octets);
    long version = in.number(Long.MAX_VALUE);
    if (version != VERSION) {
      throw new DamagedException(
          "it is of version " + version + ", and this program knows version " + VERSION);
    }
    String id = in.text();
    if (!Sessions.isId(id)) {
      throw new DamagedException("its id is none");
    }
    String publicId = in.text();
    String address = in.text();
    String endpoint = in.text();
    long base = in.number(MOST);
    boolean told = in.flag();
    long received = atLeast(base, in.number(MOST));
    long acked = atLeast(base, in.number(MOST));
    long turn = in.number(Long.MAX_VALUE);
    byte[] endpointState = in.bytes();
    List<Message> messages = new ArrayList<>();
    for (int left = in.count(); left > 0; left--) {
      messages.add(in.flag() ? Message.binary(in.bytes()) : Message.json(in.bytes()));
    }
    in.end();
    return new SessionState(
        id,
        publicId,
        address,
        endpoint,
        base,
        told,
        received,
        acked,
        messages,
        turn,
        endpointState);
  }

  private static long atLeast(long base, long number) throws DamagedException {
    if (number < base) {
      throw new DamagedException("it counts " + number + " messages from " + base + " on");
    }
    return number;
  }

  /** Shows no secret. */
  @Override
  public String toString() {
    return "SessionState[" + publicId + ", " + unacknowledged.size() + " unacknowledged]";
  }
}
