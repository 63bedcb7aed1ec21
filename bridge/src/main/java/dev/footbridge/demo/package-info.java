/** The server's side of the demo pages: what an application on Footbridge would have. */
@NullMarked
package dev.footbridge.demo;

import org.jspecify.annotations.NullMarked;
