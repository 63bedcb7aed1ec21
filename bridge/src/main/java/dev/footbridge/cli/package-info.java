/** The program: {@code footbridge serve} and the tools for a person at a terminal. */
@NullMarked
package dev.footbridge.cli;

import org.jspecify.annotations.NullMarked;
