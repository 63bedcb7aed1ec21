/**
 * What every HTTP handler needs: errors as problem documents, the query's parameters, who the
 * client is and whether its page may talk to us.
 */
@NullMarked
package dev.footbridge.http;

import org.jspecify.annotations.NullMarked;
