package dev.footbridge.store;

import java.util.List;

/**
 * A piece of a channel's log.
 *
 * @param top the channel's top when the page was read
 * @param reached whether the log reached back to the position that was asked for; if not, there are
 *     no entries
 * @param entries consecutive entries, oldest first
 */
public record Page(Position top, boolean reached, List<LogEntry> entries) {}
