/**
 * Wires the parts of a core node together, by constructors, in one place. No container, no statics.
 */
@NullMarked
package dev.footbridge.node;

import org.jspecify.annotations.NullMarked;
