/**
 * The store of a single node: everything in the heap, gone with the process. Needs no configuration
 * and answers at once.
 */
@NullMarked
package dev.footbridge.store.memory;

import org.jspecify.annotations.NullMarked;
