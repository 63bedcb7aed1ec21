/**
 * Channels, subscriptions, fan-out, presence and procedures. Knows the store below it and nothing
 * of sessions, HTTP or sockets: whoever wants messages is a {@link dev.footbridge.hub.Subscriber}.
 *
 * <p>Locks are taken in one order only: a channel's group of subscribers, then a subscription, then
 * what the subscriber locks. Nothing is called with a channel's own lock held.
 */
@NullMarked
package dev.footbridge.hub;

import org.jspecify.annotations.NullMarked;
