/*
 * A stand-in for Internet Explorer's XDomainRequest, as poor as the original: GET and POST of plain text, no headers
 * either way, no status. `openCrossDomain` and `closeCrossDomain` are given; they do the network's part.
 */
function XDomainRequest() {
  this.responseText = '';
  this.contentType = '';
  this.timeout = 0;
  this.onload = this.onerror = this.onprogress = this.ontimeout = null;
}

(function () {
  /* So much of an answer has to be there before the beginning of it is shown. */
  var HELD_BACK = 2048;
  var handlers = ['onload', 'onerror', 'onprogress', 'ontimeout'];

  XDomainRequest.prototype.open = function (method, url) {
    if (arguments.length !== 2) throw new Error('open takes a method and an address');
    if (method !== 'GET' && method !== 'POST') throw new Error('there is no ' + method);
    if (url.indexOf(location.protocol + '//') !== 0) throw new Error('another protocol: ' + url);
    this._method = method;
    this._url = url;
  };

  XDomainRequest.prototype.send = function (body) {
    var request = this;
    if (!request._url || request._id) throw new Error('it was not opened, or sent before');
    /* The original gives up such a request at some time. */
    for (var i = 0; i < handlers.length; i++) {
      if (typeof request[handlers[i]] !== 'function') throw new Error('there is no ' + handlers[i]);
    }
    request._id = openCrossDomain(
      request._method,
      request._url,
      request._method === 'POST' ? String(body) : '',
      function (event, text) {
        if (request._over) return;
        request._over = event !== 'progress';
        request.responseText = event === 'error' ? '' : text;
        if (event !== 'progress' || text.length >= HELD_BACK) request['on' + event]();
      }
    );
  };

  XDomainRequest.prototype.abort = function () {
    this._over = true;
    if (this._id) closeCrossDomain(this._id);
  };
})();
