package dev.footbridge.node;

import dev.footbridge.io.DamagedException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where a single node puts what it holds when it stops, for itself when it starts again. One
 * process has it at a time. Each exception's message is a sentence for the operator.
 */
final class DataDirectory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DataDirectory.class);

  private final Path directory;
  private final Path file;
  private final Path aside;
  private final FileChannel lockFile;
  private boolean used;

  private DataDirectory(Path directory, FileChannel lockFile) {
    this.directory = directory;
    this.file = directory.resolve("snapshot");
    this.aside = directory.resolve("snapshot.read");
    this.lockFile = lockFile;
  }

  /**
   * Takes the directory, and makes it if need be.
   *
   * @throws IOException where it cannot be written to or another process has it
   */
  static DataDirectory open(Path directory) throws IOException {
    FileChannel channel = null;
    try {
      if (!Files.isDirectory(directory)) {
        Files.createDirectories(
            directory,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
      channel =
          FileChannel.open(
              directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    } catch (IOException | UnsupportedOperationException e) {
      throw new IOException(
          "\"data-dir\" is \"" + directory + "\", which cannot be written to: " + e + ".", e);
    }
    if (lock(channel) == null) {
      channel.close();
      throw new IOException(
          "\"data-dir\" is \"" + directory + "\", which another Footbridge is using.");
    }
    DataDirectory opened = new DataDirectory(directory, channel);
    // Of a process that died before it had quite begun: who knows what its clients have heard.
    Files.deleteIfExists(opened.aside);
    return opened;
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException inThisProcess) {
      return null;
    }
  }

  /** Puts a snapshot in place of the one that there is. */
  void write(SnapshotFile.Writing writing) throws IOException {
    SnapshotFile.write(file, writing);
    SnapshotFile.sync(directory);
  }

  /**
   * Reads the snapshot if there is one, and puts it aside: what happens from now on is not in it,
   * so a process that dies must not go back to it. {@link #used} or {@link #close} follows.
   *
   * @param orEmpty whether to keep a damaged file aside and begin with nothing
   * @throws IOException where it cannot be read or is damaged
   */
  void read(SnapshotFile.Records into, boolean orEmpty) throws IOException {
    if (!Files.exists(file)) {
      return;
    }
    try {
      SnapshotFile.read(file, into);
    } catch (DamagedException e) {
      if (!orEmpty) {
        throw new IOException(
            "The snapshot \""
                + file
                + "\" cannot be used: "
                + e.getMessage()
                + "; put the right file there, or start with --start-empty to begin without it.");
      }
      Path damaged = file.resolveSibling("snapshot.damaged");
      Files.move(file, damaged, StandardCopyOption.REPLACE_EXISTING);
      LOG.warn("Began empty: the damaged snapshot is kept as {} ({}).", damaged, e.getMessage());
      return;
    }
    Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
    SnapshotFile.sync(directory);
  }

  /** The process goes on from what was read. */
  void used() throws IOException {
    Files.deleteIfExists(aside);
    used = true;
  }

  /** Gives the directory back; a snapshot that was read and not used is there again. */
  @Override
  public void close() throws IOException {
    if (!used && Files.exists(aside)) {
      Files.move(aside, file);
    }
    lockFile.close();
  }
}
