/**
 * What a session is connected to, as seen from the session: an {@link
 * dev.footbridge.endpoint.Endpoint} gets what the client says and answers through its {@link
 * dev.footbridge.endpoint.Peer}. The hub's commands are one endpoint ({@code channelapi}); a relay
 * to another server or a hosted application is another. Knows nothing of HTTP, sockets or channels.
 */
@NullMarked
package dev.footbridge.endpoint;

import org.jspecify.annotations.NullMarked;
