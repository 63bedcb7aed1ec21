/**
 * The hub's commands as an endpoint of a session: {@code subscribe}, {@code publish}, {@code
 * history}, {@code presence}, {@code recover}, {@code call}, {@code register}, {@code auth}. One
 * {@link dev.footbridge.channelapi.HubEndpoint} belongs to one session; it knows neither transport
 * nor HTTP.
 */
@NullMarked
package dev.footbridge.channelapi;

import org.jspecify.annotations.NullMarked;
