/** The public listener: what every request passes before it reaches its transport. */
@NullMarked
package dev.footbridge.bridge;

import org.jspecify.annotations.NullMarked;
