/**
 * Between nodes: requests of sessions that live on another node are forwarded to it, and the
 * internal listener serves what other nodes forward and ask for. Everything streams in both
 * directions; nothing is gathered on the way.
 */
@NullMarked
package dev.footbridge.bridge.forward;

import org.jspecify.annotations.NullMarked;
