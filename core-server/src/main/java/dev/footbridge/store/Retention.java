package dev.footbridge.store;

/**
 * How much of a channel's past is kept: what goes beyond any of the three bounds goes, oldest
 * first.
 *
 * @param count messages; 0 keeps none
 * @param bytes octets of their encoded form
 * @param ageNanos how long
 */
public record Retention(int count, long bytes, long ageNanos) {}
