package dev.footbridge.config;

import dev.footbridge.store.Retention;
import java.util.regex.Pattern;

/**
 * What channels of certain names keep.
 *
 * @param pattern a channel name in which {@code *} stands for any characters
 */
public record ChannelRule(String pattern, Retention retention) {
  private static final Pattern VALID = Pattern.compile("[A-Za-z0-9_.:@~*-]{1,128}");

  /** Checks the pattern. */
  public ChannelRule {
    if (!VALID.matcher(pattern).matches()) {
      throw new ConfigException(
          "\"channels\" has the pattern \""
              + pattern
              + "\"; it may have letters, digits, _ . : @ ~ - and * only.");
    }
  }

  /** Whether the rule is for the channel. */
  public boolean matches(String channel) {
    // Goes back to the last star only, so that no pattern takes exponential time.
    int name = 0;
    int at = 0;
    int star = -1;
    int starName = -1;
    while (name < channel.length()) {
      if (at < pattern.length() && pattern.charAt(at) == '*') {
        star = at++;
        starName = name;
      } else if (at < pattern.length() && pattern.charAt(at) == channel.charAt(name)) {
        at++;
        name++;
      } else if (star >= 0) {
        at = star + 1;
        name = ++starName;
      } else {
        return false;
      }
    }
    while (at < pattern.length() && pattern.charAt(at) == '*') {
      at++;
    }
    return at == pattern.length();
  }
}
