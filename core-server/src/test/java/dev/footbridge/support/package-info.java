/** What several tests need: clocks, executors and timers that go on only when they are told to. */
package dev.footbridge.support;
