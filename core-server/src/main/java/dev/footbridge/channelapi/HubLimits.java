package dev.footbridge.channelapi;

/**
 * What one session may ask of the hub.
 *
 * @param channels subscriptions at a time
 * @param procedures registrations at a time
 * @param calls calls that wait for their result at a time
 * @param publishPerSecond publications a second over a longer time
 * @param publishBurst publications at once
 * @param historyMessages messages in one answer
 * @param answerBytes octets of the messages in one answer, unless the first alone is larger
 */
public record HubLimits(
    int channels,
    int procedures,
    int calls,
    int publishPerSecond,
    int publishBurst,
    int historyMessages,
    int answerBytes) {}
