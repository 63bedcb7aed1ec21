/**
 * Where channels keep what was published: the interface, and the values that pass through it. The
 * memory implementation is in {@code store.memory}; a shared one makes many nodes one. Everything
 * above talks to {@link dev.footbridge.store.ChannelStore} only, and is told by stages, so that a
 * store may be a network away.
 */
@NullMarked
package dev.footbridge.store;

import org.jspecify.annotations.NullMarked;
