/**
 * Channels without a session: feeds, history, long polls and publishing with nothing but HTTP, for
 * {@code curl}, for other servers, and for pages that use no library.
 */
@NullMarked
package dev.footbridge.bridge.feed;

import org.jspecify.annotations.NullMarked;
