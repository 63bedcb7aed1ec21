/* Takes away what HtmlUnit's Internet Explorer has before its time: everything of ES5, and of 10 in 9. */
(function () {
  function without(owner, names) {
    names = names.split(' ');
    for (var i = 0; i < names.length; i++) delete owner[names[i]];
  }
  if (/MSIE 8/.test(navigator.userAgent)) {
    without(Array, 'isArray');
    without(
      Array.prototype,
      'every filter forEach indexOf lastIndexOf map reduce reduceRight some'
    );
    without(Date, 'now');
    without(Date.prototype, 'toISOString toJSON');
    without(Function.prototype, 'bind');
    without(
      Object,
      'create defineProperties defineProperty freeze getOwnPropertyDescriptor getOwnPropertyNames getPrototypeOf ' +
        'isExtensible isFrozen isSealed keys preventExtensions seal'
    );
    without(String.prototype, 'trim trimLeft trimRight');
  }
  if (/MSIE [89]/.test(navigator.userAgent)) without(XMLHttpRequest.prototype, 'withCredentials');
})();
