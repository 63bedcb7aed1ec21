/**
 * The whole of Footbridge inside another Java program: {@link dev.footbridge.Footbridge} is the
 * door, and the only class of this package.
 */
@NullMarked
package dev.footbridge;

import org.jspecify.annotations.NullMarked;
