/**
 * What nodes share through Redis. Scripts lie beside it as {@code .lua} files, each with a header
 * that says its keys, arguments and answer. Nothing here blocks.
 */
@NullMarked
package dev.footbridge.store.redis;

import org.jspecify.annotations.NullMarked;
