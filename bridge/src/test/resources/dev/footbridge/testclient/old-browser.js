/*
 * What the page of an old browser does, and what it has seen. In the language of Internet Explorer 8: no promises, no
 * ES5.
 */
var seen = { heard: [], answers: [], failures: [], results: [], calls: [], resets: [], problems: [] };
var client, other;

window.onerror = function (message) {
  seen.problems.push(String(message));
};

function taken(list) {
  return function (error, result) {
    if (error) seen.failures.push(error.code + ': ' + error.message);
    else list.push(result === undefined ? null : result);
  };
}

/* One client that listens, publishes and calls, another that is called. */
function begin(url, transport, channel, token) {
  var options = { token: token };
  if (transport) options.transport = transport;
  other = Footbridge.connect(url, options);
  other.register(
    channel + '-double',
    function (data) {
      seen.calls.push(data);
      return data * 2;
    },
    taken(seen.answers)
  );
  client = Footbridge.connect(url, options);
  client.on('error', function (error) {
    seen.problems.push(error.code + ': ' + error.message);
  });
  client.on('reset', function (reset) {
    seen.resets.push(reset.code);
  });
  client.channel(channel).subscribe(
    function (message) {
      seen.heard.push(message.data);
    },
    {},
    taken(seen.answers)
  );
}

function publish(channel, from, to) {
  for (var number = from; number <= to; number++) {
    client.channel(channel).publish(number, {}, taken(seen.answers));
  }
}

function call(channel, number) {
  client.call(channel + '-double', number, {}, taken(seen.results));
}

/* The connection breaks, and the wait before coming back is as long as it can be: 0.3 s. */
function drop() {
  var random = Math.random;
  Math.random = function () {
    return 0.999;
  };
  client.debug.drop();
  Math.random = random;
}

/* What of that which came later is there. */
function later() {
  var names = ['Promise', 'WebSocket', 'EventSource', 'fetch', 'Uint8Array', 'XDomainRequest', 'addEventListener'];
  var there = [];
  for (var i = 0; i < names.length; i++) if (names[i] in window) there.push(names[i]);
  if ([].forEach || [].indexOf || Array.isArray) there.push('methods of arrays');
  if (''.trim || Date.now || Object.keys || later.bind) there.push('other methods');
  return there.join(' ');
}

function report() {
  return JSON.stringify({
    state: client && client.state,
    transport: client && client.transport,
    session: client && client.session,
    resumes: client && client.debug.stats.resumes,
    seen: seen
  });
}
