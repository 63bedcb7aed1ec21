package dev.footbridge.support;

import java.util.List;

/** Redis as it is run for a test: one server, or several that belong together. */
public interface RedisDeployment extends AutoCloseable {
  /** The URL that it is used by. */
  String url();

  /** The servers that are written to at present. */
  List<RedisServer> primaries();

  /** Kills all of it, and all that it had. */
  @Override
  void close();
}
