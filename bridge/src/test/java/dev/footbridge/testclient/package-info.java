/**
 * A client of its own for the tests, written from the protocol and not from the server: one class
 * per transport behind {@link dev.footbridge.testclient.Connection}, raw sockets below them, so
 * that every connection can be cut in the middle of whatever it carries.
 */
package dev.footbridge.testclient;
