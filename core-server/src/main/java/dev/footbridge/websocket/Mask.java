package dev.footbridge.websocket;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The masking of RFC 6455, section 5.3: byte {@code i} of a payload is XORed with byte {@code i mod
 * 4} of the key. Masking twice gives the payload back.
 *
 * <p>A key is an int whose most significant byte goes first on the wire. Stateless; any thread.
 */
final class Mask {

  /** Bytes that the key takes in a frame's header. */
  static final int KEY_BYTES = 4;

  /* Little-endian, so that the first key byte is the lowest and long access needs no swap on x86 and ARM. */
  private static final VarHandle ARRAY =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle BUFFER =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Mask() {}

  /** Masks or unmasks {@code len} bytes in place; the first of them meets the first key byte. */
  static void apply(byte[] b, int off, int len, int key) {
    long mask = repeat(key);
    int end = off + len;
    int i = off;
    for (; i <= end - Long.BYTES; i += Long.BYTES) {
      ARRAY.set(b, i, (long) ARRAY.get(b, i) ^ mask);
    }
    for (; i < end; i++) {
      b[i] ^= (byte) mask;
      mask >>>= Byte.SIZE;
    }
  }

  /** Puts the masked form of {@code len} bytes into {@code out} and leaves {@code b} as it is. */
  static void put(ByteBuffer out, byte[] b, int off, int len, int key) {
    long mask = repeat(key);
    int end = off + len;
    int i = off;
    int at = out.position();
    for (; i <= end - Long.BYTES; i += Long.BYTES, at += Long.BYTES) {
      BUFFER.set(out, at, (long) ARRAY.get(b, i) ^ mask);
    }
    out.position(at);
    for (; i < end; i++) {
      out.put((byte) (b[i] ^ mask));
      mask >>>= Byte.SIZE;
    }
  }

  /** The key as the rest of a payload sees it after its first {@code bytes} bytes. */
  static int advance(int key, int bytes) {
    return Integer.rotateLeft(key, (bytes & 3) * Byte.SIZE);
  }

  private static long repeat(int key) {
    long lowestFirst = Integer.reverseBytes(key) & 0xFFFF_FFFFL;
    return lowestFirst << Integer.SIZE | lowestFirst;
  }
}
