package dev.footbridge.config;

/** A setting cannot be used; the message is one sentence for the operator that names it. */
public final class ConfigException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message one sentence that names the setting, the value and what is allowed
   */
  public ConfigException(String message) {
    super(message);
  }
}
