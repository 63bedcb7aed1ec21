package dev.footbridge.io;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads what {@link BinaryWriter} wrote, and believes nothing: a length that goes beyond the end, a
 * number out of its range or text that is no UTF-8 is a {@link DamagedException}. Not thread-safe.
 */
public final class BinaryReader {
  static final int SEAL_BYTES = Integer.BYTES;

  private final ByteBuffer in;

  /** Reads all of the octets. */
  public BinaryReader(byte[] octets) {
    this(ByteBuffer.wrap(octets));
  }

  private BinaryReader(ByteBuffer in) {
    this.in = in;
  }

  /**
   * Reads what was written with {@link BinaryWriter#toSealedBytes}.
   *
   * @throws DamagedException where the checksum is another
   */
  public static BinaryReader sealed(byte[] octets) throws DamagedException {
    int length = octets.length - SEAL_BYTES;
    if (length < 0) {
      throw new DamagedException("it is too short");
    }
    CRC32C sum = new CRC32C();
    sum.update(octets, 0, length);
    if (ByteBuffer.wrap(octets).getInt(length) != (int) sum.getValue()) {
      throw new DamagedException("its checksum is wrong");
    }
    return new BinaryReader(ByteBuffer.wrap(octets, 0, length));
  }

  /**
   * Reads a number.
   *
   * @throws DamagedException where it is larger than {@code most}
   */
  public long number(long most) throws DamagedException {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      byte next = octet();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        if (value < 0 || value > most) {
          throw new DamagedException("a number is " + value + " and may be " + most + " at most");
        }
        return value;
      }
    }
    throw new DamagedException("a number does not end");
  }

  /** Reads how many elements follow; each takes an octet at least. */
  public int count() throws DamagedException {
    return (int) number(in.remaining());
  }

  /** Reads yes or no. */
  public boolean flag() throws DamagedException {
    return switch (octet()) {
      case 0 -> false;
      case 1 -> true;
      default -> throw new DamagedException("a flag is neither 0 nor 1");
    };
  }

  /** Reads octets. */
  public byte[] bytes() throws DamagedException {
    byte[] value = new byte[count()];
    in.get(value);
    return value;
  }

  /** Reads text. */
  public String text() throws DamagedException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes())).toString();
    } catch (CharacterCodingException e) {
      throw new DamagedException("a text is not UTF-8");
    }
  }

  /** Reads text that may be missing. */
  public @Nullable String optionalText() throws DamagedException {
    return flag() ? text() : null;
  }

  /**
   * Nothing may follow.
   *
   * @throws DamagedException where something does
   */
  public void end() throws DamagedException {
    if (in.hasRemaining()) {
      throw new DamagedException("something follows its end");
    }
  }

  private byte octet() throws DamagedException {
    if (!in.hasRemaining()) {
      throw new DamagedException("it ends too early");
    }
    return in.get();
  }
}
