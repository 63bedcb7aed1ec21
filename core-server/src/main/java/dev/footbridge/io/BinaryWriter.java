package dev.footbridge.io;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Writes numbers, octets and text one after the other in a compact form, for {@link BinaryReader}.
 * Not thread-safe.
 */
public final class BinaryWriter {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream(256);

  /**
   * Writes a whole number; small ones take one octet.
   *
   * @param value 0 or more
   */
  public BinaryWriter number(long value) {
    if (value < 0) {
      throw new IllegalArgumentException("Not a count: " + value);
    }
    long rest = value;
    while (rest > 0x7f) {
      out.write((int) (rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    out.write((int) rest);
    return this;
  }

  /** Writes yes or no. */
  public BinaryWriter flag(boolean value) {
    out.write(value ? 1 : 0);
    return this;
  }

  /** Writes octets and how many there are. */
  public BinaryWriter bytes(byte[] value) {
    number(value.length);
    out.writeBytes(value);
    return this;
  }

  /** Writes text. */
  public BinaryWriter text(String value) {
    return bytes(value.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes text that may be missing. */
  public BinaryWriter optionalText(@Nullable String value) {
    flag(value != null);
    return value == null ? this : text(value);
  }

  /** What was written. */
  public byte[] toBytes() {
    return out.toByteArray();
  }

  /** What was written, and a checksum (CRC-32C) of it that {@link BinaryReader#sealed} checks. */
  public byte[] toSealedBytes() {
    byte[] content = out.toByteArray();
    CRC32C sum = new CRC32C();
    sum.update(content);
    byte[] sealed = java.util.Arrays.copyOf(content, content.length + BinaryReader.SEAL_BYTES);
    java.nio.ByteBuffer.wrap(sealed).putInt(content.length, (int) sum.getValue());
    return sealed;
  }
}
