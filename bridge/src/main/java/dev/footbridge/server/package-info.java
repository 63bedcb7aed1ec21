/**
 * The listener: puts a node's handlers into an Undertow server with safe options, serves the client
 * library, answers health checks, and stops in order.
 */
@NullMarked
package dev.footbridge.server;

import org.jspecify.annotations.NullMarked;
