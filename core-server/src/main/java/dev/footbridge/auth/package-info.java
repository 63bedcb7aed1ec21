/**
 * Who a client is and what it may do: small interfaces that an application implements, with the
 * open defaults of a server that knows nobody.
 */
@NullMarked
package dev.footbridge.auth;

import org.jspecify.annotations.NullMarked;
