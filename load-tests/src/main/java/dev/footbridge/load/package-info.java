/**
 * What Footbridge is measured against and with. Nothing here is part of the product: these are
 * programs of their own, started by the comparison script.
 */
@NullMarked
package dev.footbridge.load;

import org.jspecify.annotations.NullMarked;
