package dev.footbridge.doctor;

import java.util.Locale;

/** What a network does to something. */
public enum Verdict {
  /** It comes through as it should. */
  WORKS,
  /** It comes through, and takes long. */
  SLOW,
  /** It is held back on the way and comes late, in lumps or all at once. */
  BUFFERED,
  /** It is broken off after a time. */
  CUT,
  /** The connection stands, and what is sent over it does not arrive. */
  SWALLOWED,
  /** There is no answer at all. */
  HANGS,
  /** It is refused on the way, or broken off at once. */
  BLOCKED,
  /** Something else than the server answers. */
  FOREIGN,
  /** The server itself does not want it now. */
  REFUSED,
  /** It was not tried. */
  UNTRIED;

  /** Its name for machines and for tables. */
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }
}
