/**
 * What the network between here and a server does to each transport, tried out from this side: by
 * sockets of its own, one connection for each request and none of them repeated, so that what is
 * measured is what happened. The page {@code /doctor} tries the same from a browser.
 */
@NullMarked
package dev.footbridge.doctor;

import org.jspecify.annotations.NullMarked;
