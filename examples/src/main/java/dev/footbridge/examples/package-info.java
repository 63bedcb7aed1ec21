/**
 * Small programs that have a server inside them, complete and run by tests. Nothing else depends on
 * this package.
 */
@NullMarked
package dev.footbridge.examples;

import org.jspecify.annotations.NullMarked;
