/**
 * The logical session: two counted streams that outlive every connection. {@link
 * dev.footbridge.session.Session} is the heart and carries the essay; {@link
 * dev.footbridge.session.Receiver} is what a transport is to it. Knows nothing of HTTP, frames or
 * channels, and reads no clock of its own.
 */
@NullMarked
package dev.footbridge.session;

import org.jspecify.annotations.NullMarked;
