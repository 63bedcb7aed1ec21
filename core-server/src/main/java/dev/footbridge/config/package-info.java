/**
 * What can be set, with its default, its range and its meaning in one place. Values are checked
 * when they are set, and a bad one is answered with one sentence that names it.
 */
@NullMarked
package dev.footbridge.config;

import org.jspecify.annotations.NullMarked;
