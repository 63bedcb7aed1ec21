package dev.footbridge.node;

import dev.footbridge.io.DamagedException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumSet;
import java.util.Set;

/**
 * A file of records: eight octets that name the format and its version, each record after its
 * length, a length of −1, and the SHA-256 of all of that. It is there as a whole or not at all.
 */
final class SnapshotFile {
  private static final byte[] MAGIC = "FBSNAP\0\1".getBytes(StandardCharsets.ISO_8859_1);
  private static final int END = -1;
  private static final Set<PosixFilePermission> OWNER_ONLY =
      EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);

  private SnapshotFile() {}

  /** Takes records, or gives them. */
  interface Records {
    /**
     * The next record.
     *
     * @throws DamagedException where it cannot be understood
     */
    void record(byte[] octets) throws IOException, DamagedException;
  }

  /** Whoever writes records. */
  interface Writing {
    /** Writes all of them. */
    void to(Records records) throws IOException, DamagedException;
  }

  /** Writes the file beside its place, makes sure that it is on the disk, and puts it there. */
  static void write(Path file, Writing writing) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".tmp");
    Files.deleteIfExists(draft);
    Files.createFile(draft, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    try (FileChannel channel = FileChannel.open(draft, StandardOpenOption.WRITE)) {
      DigestOutputStream digest =
          new DigestOutputStream(
              new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16), sha256());
      DataOutputStream out = new DataOutputStream(digest);
      out.write(MAGIC);
      writing.to(
          octets -> {
            out.writeInt(octets.length);
            out.write(octets);
          });
      out.writeInt(END);
      out.flush();
      digest.on(false);
      out.write(digest.getMessageDigest().digest());
      out.flush();
      channel.force(true);
    } catch (DamagedException e) {
      throw new IOException(e);
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Makes sure that the names in a directory are on the disk. */
  static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /**
   * Reads the file twice: to see that it is whole, then its records.
   *
   * @throws DamagedException where it is not what {@link #write} wrote
   */
  static void read(Path file, Records into) throws IOException, DamagedException {
    pass(file, octets -> {});
    pass(file, into);
  }

  private static void pass(Path file, Records into) throws IOException, DamagedException {
    long size = Files.size(file);
    DigestInputStream digest =
        new DigestInputStream(
            new BufferedInputStream(Files.newInputStream(file), 1 << 16), sha256());
    try (DataInputStream in = new DataInputStream(digest)) {
      byte[] magic = in.readNBytes(MAGIC.length);
      if (!java.util.Arrays.equals(magic, MAGIC)) {
        throw new DamagedException("it is no snapshot of this version of Footbridge");
      }
      for (int length = in.readInt(); length != END; length = in.readInt()) {
        if (length < 0 || length > size) {
          throw new DamagedException("a record is said to have " + length + " bytes");
        }
        byte[] octets = in.readNBytes(length);
        if (octets.length < length) {
          throw new EOFException();
        }
        into.record(octets);
      }
      digest.on(false);
      byte[] sum = digest.getMessageDigest().digest();
      if (!MessageDigest.isEqual(sum, in.readNBytes(sum.length))) {
        throw new DamagedException("its checksum is wrong");
      }
      if (in.read() >= 0) {
        throw new DamagedException("something follows its end");
      }
    } catch (EOFException e) {
      throw new DamagedException("it ends too early");
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
