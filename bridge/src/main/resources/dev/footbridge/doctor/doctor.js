/**
 * The doctor: tries every transport from this browser and tells what the network does to it. It does without the
 * client library and without anything newer than ES5, so that it works where these do not. What is newer (fetch,
 * EventSource, WebSocket) is used where it is there, as the client does.
 *
 * The parts: what a browser offers; how what came is judged; the tests; what is shown.
 */
(function () {
  'use strict';

  var NAMES = {
    reach: 'Reaching the server',
    websocket: 'WebSocket',
    sse: 'Server-Sent Events',
    stream: 'HTTP streaming',
    longpoll: 'Long polling',
    shortpoll: 'Short polling',
    jsonp: 'JSONP',
  };
  var SUBJECTS = ['reach', 'websocket', 'sse', 'stream', 'longpoll', 'shortpoll', 'jsonp'];
  var CHIPS = {
    waiting: 'waiting',
    running: 'being tried',
    works: 'works',
    slow: 'slow',
    buffered: 'held back',
    cut: 'cut off',
    swallowed: 'swallowed',
    hangs: 'no answer',
    blocked: 'blocked',
    foreign: 'answered by another',
    refused: 'refused by the server',
    untried: 'not in this browser',
  };

  /** How long things are tried, in milliseconds or, where they go to the server, in seconds. */
  var STREAM_S = 3;
  var LONG_STREAM_S = 18;
  var POLL_S = 2;
  var LONG_POLL_S = 25;
  var IDLE_MS = 20000;
  var PATIENCE_MS = 6000;
  var WHOLE_MS = 34000;
  var BODY_BYTES = 64 * 1024;

  /** More than this is none of the server's, and is not looked at. */
  var MOST_TEXT = 256 * 1024;
  var MOST_HEAD = 8 * 1024;
  var MOST_VALUES = 200;
  var REDRAW_MS = 50;

  /** Values that come closer than this were on the way together; one that comes later than that is late. */
  var TOGETHER_MS = 300;
  var LATE_MS = 1200;
  var SLOW_MS = 1500;
  /** The client waits so long for a value; what lives longer than that is worth coming back to. */
  var CLIENT_MS = 2000;
  var LONG_LIFE_MS = 10000;

  var base = location.protocol + '//' + location.host + location.pathname.replace(/\/doctor\/?$/, '');
  /** Of a session that nobody has. */
  var NO_SESSION = '/sessions/m.AAAAAAAAAAAAAAAAAAAAAA';

  // ---- small things ----

  function each(list, action) {
    for (var i = 0; i < list.length; i++) action(list[i], i);
  }

  function byId(id) {
    return document.getElementById(id);
  }

  function now() {
    return window.performance && performance.now ? performance.now() : new Date().getTime();
  }

  function parse(text) {
    try {
      return JSON.parse(text) || {};
    } catch (e) {
      return {};
    }
  }

  function seconds(ms) {
    return (ms / 1000).toFixed(1) + ' s';
  }

  function time(ms) {
    return ms < 1000 ? Math.round(ms) + ' ms' : seconds(ms);
  }

  function text(element, words) {
    if ('textContent' in element) element.textContent = words;
    else element.innerText = words;
  }

  /** Nothing twice, so that no cache and no request beside this one has a part in it. */
  function fresh(path) {
    return base + path + (path.indexOf('?') < 0 ? '?' : '&') + 'fresh=' + Math.random().toString(36).slice(2);
  }

  function repeated(letter, count) {
    var all = letter;
    while (all.length < count) all += all;
    return all.slice(0, count);
  }

  // ---- what a browser offers ----

  /**
   * One request. `done` is called once with {status, type, url, text, ms} and, where there is no answer, `failed`:
   * 'time' or 'network'. `piece` is called with the whole of the text that is there whenever more has come.
   */
  function ask(method, path, body, limitMs, done, piece) {
    var xhr = new XMLHttpRequest();
    var began = now();
    var over = false;
    var limit = setTimeout(function () {
      finish('time');
      xhr.abort();
    }, limitMs);
    function partial() {
      try {
        return xhr.responseText || '';
      } catch (e) {
        // Internet Explorer 9 shows nothing before the end.
        return '';
      }
    }
    function finish(failed) {
      if (over) return;
      over = true;
      clearTimeout(limit);
      done({
        status: xhr.readyState > 1 ? xhr.status : 0,
        type: (xhr.readyState > 1 && xhr.getResponseHeader('Content-Type')) || '',
        url: xhr.responseURL || '',
        text: xhr.readyState > 2 ? partial().slice(0, MOST_TEXT) : '',
        ms: now() - began,
        failed: failed,
      });
    }
    xhr.onreadystatechange = function () {
      if (over) return;
      if (xhr.readyState === 3 && partial().length > MOST_TEXT) {
        // As if it had ended there.
        finish();
        xhr.abort();
        return;
      }
      if (xhr.readyState === 3 && piece && xhr.status === 200) piece(partial());
      if (xhr.readyState === 4) {
        if (piece && xhr.status === 200) piece(partial());
        finish(xhr.status ? undefined : 'network');
      }
    };
    xhr.onerror = function () {
      finish('network');
    };
    try {
      xhr.open(method, fresh(path), true);
      if (body !== null) xhr.setRequestHeader('Content-Type', 'text/plain');
      xhr.send(body);
    } catch (e) {
      finish('network');
    }
    return function () {
      over = true;
      clearTimeout(limit);
      xhr.abort();
    };
  }

  /** The code of the server's own refusal. */
  function problem(answer) {
    var own = /^application\/problem\+json/.test(answer.type) ? parse(answer.text).code : '';
    return isCode(own) ? own : '';
  }

  function isCode(value) {
    return typeof value === 'string' && /^[a-z0-9_]{1,64}$/.test(value);
  }

  function codeOf(bye) {
    return isCode(bye.code) ? bye.code : 'for a reason that is none of the protocol’s';
  }

  /** What the title of a page says, if there is one near its beginning. Takes a time that is linear. */
  function titleOf(page) {
    var head = page.slice(0, MOST_HEAD);
    var tag = head.search(/<title/i);
    var from = tag < 0 ? 0 : head.indexOf('>', tag) + 1;
    return from ? head.slice(from).split('<', 1)[0].replace(/\s+/g, ' ').replace(/^ /, '').slice(0, 80) : '';
  }

  /** Who answered, if it was not the server. */
  function describe(answer) {
    var words = 'HTTP ' + answer.status;
    var type = (answer.type || '').replace(/;.*/, '').slice(0, 100);
    var title = titleOf(answer.text || '');
    if (type) words += ', ' + type;
    if (title) words += ', “' + title + '”';
    if (answer.url && answer.url.indexOf(base) !== 0) words += ', at ' + answer.url.replace(/[?#].*/, '');
    return words;
  }

  /** Takes text in pieces and hands on the values in it, one a line. */
  function lines(take) {
    var rest = '';
    return function (piece) {
      var all = (rest + piece).split('\n');
      rest = all.pop().slice(0, MOST_HEAD);
      each(all, function (line) {
        var value = line.replace(/^data: ?/, '');
        if (value.charAt(0) === '{') take(parse(value));
      });
    };
  }

  /**
   * Opens a stream with what there is for it. `value` is called with each value; `end` once: with nothing if it
   * just ended, with {failed} or with the answer that was none of the server's. Returns a function that ends it.
   */
  function openStream(rung, streamSeconds, limitMs, value, end) {
    var path = (rung === 'sse' ? '/probe/events' : '/probe/stream') + '?seconds=' + streamSeconds;
    var wanted = rung === 'sse' ? 'text/event-stream' : 'application/x-ndjson';
    // As the client does; and only what is read so is taken no faster than it can be looked at.
    if (window.fetch && window.ReadableStream && window.TextDecoder) {
      return byFetch(path, wanted, value, end);
    }
    if (rung === 'sse' && window.EventSource) return byEventSource(path, value, end);
    return byXhr(path, wanted, limitMs, value, end);
  }

  function byEventSource(path, value, end) {
    var source = new EventSource(fresh(path));
    source.onmessage = function (event) {
      value(parse(event.data));
    };
    source.onerror = function () {
      // It would come back by itself.
      source.close();
      end({ failed: 'network' });
    };
    return function () {
      source.close();
    };
  }

  function byFetch(path, wanted, value, end) {
    var abort = window.AbortController ? new AbortController() : undefined;
    var split = lines(value);
    var over = false;
    function fail() {
      if (!over) end({ failed: 'network' });
    }
    fetch(fresh(path), { cache: 'no-store', signal: abort && abort.signal })
      .then(function (response) {
        var type = response.headers.get('Content-Type') || '';
        var reader = response.body && response.body.getReader();
        var decoder = new TextDecoder();
        /** What else answers is read only as far as it is looked at. */
        function head(before) {
          return reader.read().then(function (part) {
            if (over) return undefined;
            var all = part.done ? before : before + decoder.decode(part.value, { stream: true });
            if (!part.done && all.length < MOST_HEAD) return head(all);
            end({ status: response.status, type: type, url: response.url, text: all });
            return reader.cancel();
          });
        }
        if (response.status !== 200 || type.indexOf(wanted) !== 0) {
          if (reader) return head('');
          return end({ status: response.status, type: type, url: response.url, text: '' });
        }
        function next() {
          return reader.read().then(function (part) {
            if (over) return undefined;
            if (part.done) return end();
            split(decoder.decode(part.value, { stream: true }));
            return next();
          });
        }
        return next();
      })
      ['catch'](fail);
    return function () {
      over = true;
      if (abort) abort.abort();
    };
  }

  function byXhr(path, wanted, limitMs, value, end) {
    var split = lines(value);
    var at = 0;
    return ask(
      'GET',
      path,
      null,
      limitMs,
      function (answer) {
        var ours = answer.status === 200 && answer.type.indexOf(wanted) === 0;
        end(answer.failed || !ours ? answer : undefined);
      },
      function (whole) {
        split(whole.slice(at));
        at = whole.length;
      }
    );
  }

  // ---- how what came is judged ----

  function found(verdict, detail, usable) {
    return { verdict: verdict, detail: detail, usable: usable === undefined ? fine(verdict) : usable };
  }

  function fine(verdict) {
    return verdict === 'works' || verdict === 'slow';
  }

  /** Of a stream: `came` has the times of its values, `end` is 'done', 'cut', 'silent', 'foreign' or 'refused'. */
  function judgeStream(streamSeconds, came, end, endMs, words, roundTrip) {
    var least = Infinity;
    var most = 0;
    var last = came.length ? came[came.length - 1] : 0;
    if (end === 'foreign') return found('foreign', 'Something else answers: ' + words + '.');
    if (end === 'refused') return found('refused', 'The server refuses just now: ' + words + '.');
    if (end === 'cut') {
      if (!came.length && endMs < 1000) return found('blocked', 'It is broken off at once' + words + '.');
      return found(
        'cut',
        'It is cut after ' + seconds(endMs) + (came.length ? '.' : ', before anything came.'),
        came.length > 0 && endMs >= LONG_LIFE_MS
      );
    }
    if (end === 'silent') {
      return came.length
        ? found('swallowed', 'Nothing came any more after ' + seconds(last) + '.', last >= LONG_LIFE_MS)
        : found('hangs', 'Nothing came within ' + seconds(endMs) + '.');
    }
    each(came, function (ms, index) {
      var late = Math.max(0, ms - index * 1000 - roundTrip);
      least = Math.min(least, late);
      most = Math.max(most, late);
    });
    if (streamSeconds > 1 && last - came[0] < TOGETHER_MS && most > LATE_MS) {
      return found(
        'buffered',
        'The whole answer is held back until its end: all came after ' + seconds(last) + '.'
      );
    }
    if (most - least > LATE_MS) {
      return found(
        'buffered',
        'Values are held back for up to ' + seconds(most) + ' and come in lumps.',
        most < CLIENT_MS
      );
    }
    if (least > SLOW_MS) return found('slow', 'Values come ' + seconds(least) + ' late.');
    return found(
      'works',
      'Each value came at its time, for ' + streamSeconds + ' s; the first after ' + time(came[0]) + '.'
    );
  }

  function judgePoll(pollSeconds, answer, roundTrip) {
    var late = answer.ms - pollSeconds * 1000 - roundTrip;
    if (parse(answer.text).op === 'pong') {
      return late > SLOW_MS
        ? found('slow', 'The answer came ' + seconds(late) + ' late; it is held back on the way.')
        : found('works', 'A request that was held for ' + pollSeconds + ' s was answered in time.');
    }
    if (answer.failed === 'time') {
      return found(
        'hangs',
        'A request held for ' + pollSeconds + ' s had no answer even after ' + seconds(answer.ms) + '.'
      );
    }
    if (problem(answer)) return found('refused', 'The server refuses just now: ' + problem(answer) + '.');
    if (answer.ms < 1000) {
      return answer.failed
        ? found('blocked', 'It is broken off at once.')
        : found('foreign', 'Something else answers: ' + describe(answer) + '.');
    }
    return found(
      'cut',
      'A held request is cut after ' +
        seconds(answer.ms) +
        (answer.failed ? '' : ': ' + describe(answer)) +
        '.'
    );
  }

  /** On which transport a client will stand; undefined if on none. */
  function used(findings) {
    var sends = findings.shortpoll && findings.shortpoll.usable;
    var best;
    each(SUBJECTS, function (subject) {
      var one = findings[subject];
      var can = one && one.usable && subject !== 'reach' && (sends || subject === 'websocket');
      if (can && !best) best = subject;
    });
    return best;
  }

  var MEANS = {
    websocket: {
      works: 'The best there is: both ways on one connection.',
      slow: 'It is used, and everything takes its time.',
      cut: 'The client comes back each time and nothing is lost. Raise the time that something on the way allows a silent connection.',
      swallowed: 'The client notices that nothing arrives and takes another transport.',
      blocked: 'The client takes the next transport. Usually a proxy does not let the upgrade through.',
      hangs: 'The client gives up after a few seconds and takes the next transport.',
    },
    streaming: {
      works: 'Messages come down at once.',
      slow: 'Messages come, and take their time.',
      buffered:
        'Something on the way collects answers before it hands them on. The client takes long polling instead.',
      cut: 'The client comes back each time and nothing is lost; where it happens soon it takes another transport.',
      swallowed: 'The client notices the silence and takes another transport.',
      hangs:
        'Something waits for the whole answer, or lets nothing through. The client takes another transport.',
    },
    longpoll: {
      works: 'A message comes down as soon as it is there; between two there is a round trip.',
      slow: 'Messages are late.',
      cut: 'Short holds get through; the client asks again, and nothing is lost.',
    },
    shortpoll: {
      works: 'Requests and their bodies get through, also beside a stream.',
      slow: 'What is sent takes its time.',
      blocked: 'Without requests nothing can be sent except by WebSocket.',
    },
    jsonp: {
      works: 'A last resort for very old browsers.',
    },
    reach: {
      foreign: 'Is there a sign-in page of this network, or a proxy with a page of its own?',
      hangs: 'Is this device online? Is a firewall between?',
      blocked: 'Is this device online? Does the server run?',
    },
  };

  function means(subject, finding) {
    var own = MEANS[subject] || MEANS.streaming;
    if (finding.verdict === 'refused')
      return 'This comes from the server and not from the network; see its log.';
    if (finding.verdict === 'untried') return 'The client does without it.';
    if (subject === 'longpoll' && finding.verdict === 'cut' && !finding.usable) {
      return 'Requests cannot be held here. The client polls in short intervals.';
    }
    if (subject === 'websocket' && finding.verdict === 'swallowed' && finding.usable) {
      return 'The client keeps it busy while somebody looks at the page, and comes back when it has died.';
    }
    return own[finding.verdict] || (fine(finding.verdict) ? '' : 'The client takes another transport.');
  }

  // ---- the tests ----
  // Each gets `tell(finding, last)` and `line(title, spanMs)`, which makes a line of time to note on.

  function testReach(tell, line, done) {
    var track = line('small requests', 2000);
    var roundTrips = [];
    var began = now();
    var tries = 5;
    function median() {
      return roundTrips.slice().sort(function (a, b) {
        return a - b;
      })[Math.floor(roundTrips.length / 2)];
    }
    function finish(finding) {
      tell(finding, true);
      done(roundTrips.length ? median() : 0);
    }
    function failed(answer) {
      var code = problem(answer);
      if (roundTrips.length) {
        return finish(found('slow', 'The server answers, but not each time.', true));
      }
      if (code) return finish(found('refused', 'The server refuses just now: ' + code + '.'));
      if (!answer.failed) {
        return finish(
          found('foreign', 'Not the server answers but something else: ' + describe(answer) + '.')
        );
      }
      if (answer.failed === 'time') return finish(found('hangs', 'There is no answer from the server.'));
      return redirected(function (elsewhere) {
        finish(
          elsewhere
            ? found('foreign', 'Requests to the server are sent elsewhere by a redirect.')
            : found('blocked', 'The server cannot be reached.')
        );
      });
    }
    function next() {
      var at = now() - began;
      track.sent(at);
      ask('GET', '/probe/poll', null, Math.max(500, PATIENCE_MS - at), function (answer) {
        if (parse(answer.text).op !== 'pong') {
          track.cut(now() - began);
          return failed(answer);
        }
        track.came(now() - began, at);
        roundTrips.push(answer.ms);
        if (--tries && now() - began < PATIENCE_MS) return next();
        track.end(true);
        var ms = median();
        return finish(found(ms > SLOW_MS ? 'slow' : 'works', 'A small request takes ' + time(ms) + '.'));
      });
    }
    next();
  }

  /** Whether a request that fails was sent to another origin, which a script may not follow. */
  function redirected(done) {
    if (!window.fetch || !window.Request) return done(false);
    return fetch(fresh('/probe/poll'), { redirect: 'manual', cache: 'no-store' }).then(
      function (response) {
        done(response.type === 'opaqueredirect');
      },
      function () {
        done(false);
      }
    );
  }

  function testWebSocket(tell, line) {
    var Socket = window.WebSocket;
    var track = line('greeting, ping, silence, ping', IDLE_MS + 1000);
    var began = now();
    var phase = 'opening';
    var limit;
    var greeted;
    var quietFrom;
    var over = false;
    var socket;
    function passed() {
      return now() - began;
    }
    function wait(ms, action) {
      clearTimeout(limit);
      limit = setTimeout(action, ms);
    }
    function finish(finding) {
      if (over) return;
      over = true;
      clearTimeout(limit);
      track.end();
      tell(finding, true);
      try {
        socket.close();
      } catch (e) {
        // It was none.
      }
    }
    function lost(verdict, detail, lived) {
      track.cut(passed());
      finish(found(verdict, detail, lived >= LONG_LIFE_MS));
    }
    function ping() {
      var at = passed();
      track.sent(at);
      track.due(at);
      try {
        socket.send('{"op":"ping"}');
      } catch (e) {
        // It has been closed, and that is told by itself.
      }
    }
    function greetedText() {
      return 'The greeting came after ' + time(greeted) + '.';
    }
    function silence() {
      phase = 'idle';
      quietFrom = passed();
      tell(found('works', greetedText()), false);
      wait(Math.max(1000, IDLE_MS - quietFrom), function () {
        phase = 'last';
        ping();
        wait(PATIENCE_MS, function () {
          lost(
            'swallowed',
            'It opens, but after ' +
              seconds(passed() - PATIENCE_MS - quietFrom) +
              ' of silence nothing arrives any more.',
            passed() - PATIENCE_MS - quietFrom
          );
        });
      });
    }
    function heard(value) {
      if (value.op === 'bye') {
        return finish(
          phase === 'idle'
            ? found(
                'works',
                greetedText() + ' The server ended it after ' + seconds(passed()) + ', as it is set up to.'
              )
            : found('refused', 'The server refuses just now: ' + codeOf(value) + '.')
        );
      }
      if (value.op !== 'pong') {
        return phase === 'greeting' && value.op !== 'ping'
          ? finish(found('foreign', 'It opens, but something else than the server speaks.'))
          : undefined;
      }
      track.came(passed());
      if (phase === 'greeting') {
        greeted = passed();
        phase = 'ping';
        ping();
        wait(PATIENCE_MS, function () {
          lost(
            'swallowed',
            'It opens and the server’s greeting comes, but what is sent up does not arrive.',
            0
          );
        });
      } else if (phase === 'ping') {
        silence();
      } else if (phase === 'last') {
        finish(
          found(
            'works',
            greetedText() + ' It is alive after ' + seconds(passed() - quietFrom) + ' of silence.'
          )
        );
      }
      return undefined;
    }
    function ended(code) {
      var with_ = code ? ' (close code ' + code + ')' : '';
      if (phase === 'opening') lost('blocked', 'The handshake is refused or broken off' + with_ + '.', 0);
      else if (phase === 'idle') {
        lost(
          'cut',
          'It is cut after ' + seconds(passed() - quietFrom) + ' of silence' + with_ + '.',
          passed() - quietFrom
        );
      } else if (phase === 'last') {
        lost(
          'cut',
          'It is dead after ' + seconds(passed() - quietFrom) + ' of silence' + with_ + '.',
          passed() - quietFrom
        );
      } else lost('cut', 'It opens and is broken off after ' + seconds(passed()) + with_ + '.', 0);
    }
    if (!Socket) return finish(found('untried', 'This browser has none.'));
    track.sent(0);
    try {
      socket = new Socket(fresh('/ws?attach=1').replace(/^http/, 'ws'), 'footbridge.v1');
    } catch (e) {
      return finish(found('blocked', 'This browser does not allow it.'));
    }
    socket.onopen = function () {
      if (over) return;
      phase = 'greeting';
      track.due(passed());
      wait(PATIENCE_MS, function () {
        lost('swallowed', 'It opens, but what the server says does not come down.', 0);
      });
    };
    socket.onmessage = function (event) {
      if (!over) heard(parse(event.data));
    };
    socket.onclose = function (event) {
      if (!over) ended(event && event.code);
    };
    wait(PATIENCE_MS, function () {
      lost('hangs', 'The handshake is not answered.', 0);
    });
    return undefined;
  }

  function testStream(rung, roundTrip, tell, line) {
    function receive(streamSeconds, done) {
      var track = line('a value each second, for ' + streamSeconds + ' s', (streamSeconds + 1) * 1000);
      var limitMs = streamSeconds * 1000 + PATIENCE_MS;
      var began = now();
      var came = [];
      var over = false;
      var stop;
      var limit = setTimeout(function () {
        finish('silent', '');
      }, limitMs);
      function finish(end, words) {
        if (over) return;
        over = true;
        clearTimeout(limit);
        if (end !== 'done') track.cut(now() - began);
        track.end();
        if (stop) stop();
        done(judgeStream(streamSeconds, came, end, now() - began, words, roundTrip));
      }
      track.sent(0);
      for (var i = 0; i <= streamSeconds; i++) track.due(roundTrip + i * 1000);
      stop = openStream(
        rung,
        streamSeconds,
        limitMs + 1000,
        function (value) {
          if (over) return;
          came.push(now() - began);
          track.came(now() - began);
          if (value && value.op === 'bye') {
            finish(value.code === 'done' ? 'done' : 'refused', codeOf(value));
          } else if (came.length >= MOST_VALUES) {
            finish('foreign', MOST_VALUES + ' values came, where one a second was asked for');
          }
        },
        function (answer) {
          if (over) return;
          if (answer && !answer.failed) {
            finish(problem(answer) ? 'refused' : 'foreign', problem(answer) || describe(answer));
          } else if (came.length || now() - began > 1000 || !answer) {
            finish('cut', '');
          } else if (rung === 'sse') {
            reason(finish);
          } else {
            finish('cut', '');
          }
        }
      );
    }
    /** An EventSource does not say why it failed. */
    function reason(finish) {
      ask('GET', '/probe/events?seconds=0', null, PATIENCE_MS, function (answer) {
        var ours = answer.status === 200 && answer.type.indexOf('text/event-stream') === 0;
        if (answer.failed || ours) finish('cut', '');
        else finish(problem(answer) ? 'refused' : 'foreign', problem(answer) || describe(answer));
      });
    }
    receive(STREAM_S, function (first) {
      if (!fine(first.verdict)) return tell(first, true);
      tell(first, false);
      return receive(LONG_STREAM_S, function (second) {
        tell(second, true);
      });
    });
  }

  function testPoll(roundTrip, tell, line) {
    function hold(pollSeconds, done) {
      var track = line('held for ' + pollSeconds + ' s', (pollSeconds + 1) * 1000);
      track.sent(0);
      track.due(pollSeconds * 1000 + roundTrip);
      ask(
        'GET',
        '/probe/poll?wait=' + pollSeconds,
        null,
        pollSeconds * 1000 + PATIENCE_MS,
        function (answer) {
          var finding = judgePoll(pollSeconds, answer, roundTrip);
          if (fine(finding.verdict)) track.came(answer.ms);
          else track.cut(answer.ms);
          track.end();
          done(finding);
        }
      );
    }
    // Both at once: the long one takes as long as all the rest.
    var short;
    var long;
    function both() {
      if (short && !fine(short.verdict)) return;
      if (short && long) {
        tell({ verdict: long.verdict, detail: long.detail, usable: true }, true);
      }
    }
    hold(POLL_S, function (finding) {
      short = finding;
      tell(finding, !fine(finding.verdict));
      both();
    });
    hold(LONG_POLL_S, function (finding) {
      long = finding;
      both();
    });
  }

  /**
   * A real session by requests that are answered at once: opened with a question, asked once more with a large body,
   * polled, polled by a script, closed. Where the server opens none (it may want a token), its refusals show as well
   * that requests and answers get through.
   */
  function testSession(tellRequests, tellJsonp, line) {
    var track = line('open, 64 KiB up, poll', 1000);
    var began = now();
    var path = NO_SESSION;
    var open = false;
    var note = '';
    var slowest = 0;
    function question(id, filler) {
      return (
        '{"op":"history","id":' + id + ',"channel":"footbridge-doctor","limit":1,"filler":"' + filler + '"}'
      );
    }
    function step(what, method, where, body, good, next) {
      var at = now() - began;
      track.sent(at);
      ask(method, where, body, PATIENCE_MS, function (answer) {
        var ms = now() - began;
        if (answer.failed) {
          track.cut(ms);
          return requestsDone(
            answer.failed === 'time'
              ? found('hangs', what + ' is not answered.')
              : found('blocked', what + ' does not get through.')
          );
        }
        if (!problem(answer) && !good(parse(answer.text))) {
          track.cut(ms);
          return requestsDone(
            found(
              answer.status >= 400 ? 'blocked' : 'foreign',
              what + ' is answered by something else: ' + describe(answer) + '.'
            )
          );
        }
        track.came(ms, at);
        slowest = Math.max(slowest, answer.ms);
        return next(answer);
      });
    }
    function requestsDone(finding) {
      track.end(true);
      tellRequests(finding, true);
      jsonp();
    }
    function jsonp() {
      testJsonp(path, tellJsonp, line, function () {
        if (open) ask('POST', path + '/close?status=200', '', PATIENCE_MS, function () {});
      });
    }
    step(
      'Opening a session',
      'POST',
      '/sessions?status=200',
      '{"messages":[' + question(1, '') + ']}',
      function (value) {
        return value.op === 'welcome';
      },
      function (opened) {
        var welcome = parse(opened.text);
        if (welcome.op === 'welcome') {
          path = '/sessions/' + welcome.session;
          open = true;
        } else {
          note = ' The server opens no session for the doctor: ' + problem(opened) + '.';
        }
        step(
          'A body of 64 KiB',
          'POST',
          path + '/send?status=200',
          '{"after":1,"messages":[' + question(2, repeated('x', BODY_BYTES)) + ']}',
          function (value) {
            return value.received >= 0;
          },
          function (large) {
            step(
              'A poll',
              'GET',
              path + '/poll?status=200',
              null,
              function (value) {
                return !!value.messages;
              },
              function (poll) {
                requestsDone(
                  found(
                    slowest > 2 * SLOW_MS ? 'slow' : 'works',
                    'A body of 64 KiB took ' + time(large.ms) + ', a poll ' + time(poll.ms) + '.' + note
                  )
                );
              }
            );
          }
        );
      }
    );
  }

  function testJsonp(path, tell, line, done) {
    var track = line('a script', 1000);
    var name = 'footbridgeDoctor' + Math.floor(Math.random() * 1e9);
    var script = document.createElement('script');
    var began = now();
    var limit;
    function finish(finding) {
      if (!limit) return;
      clearTimeout(limit);
      limit = undefined;
      window[name] = function () {};
      if (script.parentNode) script.parentNode.removeChild(script);
      if (finding.usable) track.came(now() - began, 0);
      else track.cut(now() - began);
      track.end(true);
      tell(finding, true);
      done();
    }
    limit = setTimeout(function () {
      finish(found('hangs', 'A script is not answered.'));
    }, PATIENCE_MS);
    window[name] = function () {
      var ms = now() - began;
      finish(found(ms > 2 * SLOW_MS ? 'slow' : 'works', 'An answer as a script took ' + time(ms) + '.'));
    };
    script.onload = function () {
      finish(found('foreign', 'A script comes, but it is not the server’s.'));
    };
    script.onerror = function () {
      finish(found('blocked', 'The script does not get through.'));
    };
    script.src = fresh(path + '/jsonp?callback=' + name);
    track.sent(0);
    document.body.appendChild(script);
  }

  // ---- what is shown ----

  var SVG = 'http://www.w3.org/2000/svg';
  var state;
  var places = {};
  var tracks = [];

  function make(tag, className, words, parent) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (words) text(element, words);
    if (parent) parent.appendChild(element);
    return element;
  }

  function shape(parent, tag, attributes) {
    var element = document.createElementNS(SVG, tag);
    for (var name in attributes) element.setAttribute(name, attributes[name]);
    parent.appendChild(element);
    return element;
  }

  /** What was sent, was due and came, along the time. */
  function Track(subject, title, spanMs) {
    this.title = title;
    this.span = spanMs;
    this.sentAt = [];
    this.dueAt = [];
    this.cameAt = [];
    this.cutAt = undefined;
    this.over = false;
    this.place = make('div', 'line', '', places[subject].lines);
    make('p', '', title, this.place);
    tracks.push(this);
    (state.tracks[subject] = state.tracks[subject] || []).push(this);
    this.draw();
  }

  Track.prototype = {
    note: function (list, ms) {
      if (list.length >= MOST_VALUES) return;
      list.push(ms);
      this.span = Math.max(this.span, ms * 1.04);
      this.drawSoon();
    },
    /** However many are noted, it is drawn only so often. */
    drawSoon: function () {
      var self = this;
      if (self.soon) return;
      self.soon = setTimeout(function () {
        self.soon = undefined;
        self.draw();
      }, REDRAW_MS);
    },
    sent: function (ms) {
      this.note(this.sentAt, ms);
    },
    due: function (ms) {
      this.note(this.dueAt, ms);
    },
    /** @param dueMs when it was due, where that has not been noted before */
    came: function (ms, dueMs) {
      if (dueMs !== undefined) this.dueAt.push(dueMs);
      this.note(this.cameAt, ms);
    },
    cut: function (ms) {
      this.cutAt = ms;
      this.span = Math.max(this.span, ms * 1.04);
      this.draw();
    },
    /** @param fit whether the time is to be no longer than what happened */
    end: function (fit) {
      if (fit && this.cameAt.length) this.span = Math.max(100, this.cameAt[this.cameAt.length - 1] * 1.1);
      this.over = true;
      this.draw();
    },
    /** In words, for the support and for those who do not see it. */
    words: function () {
      function list(name, times) {
        var all = [];
        each(times, function (ms) {
          all.push((ms / 1000).toFixed(2));
        });
        return all.length ? name + ' ' + all.join(' ') : '';
      }
      // A stream's are one second apart, as its title says.
      var due = this.dueAt.length < 6 ? list('due', this.dueAt) : '';
      var parts = [list('sent', this.sentAt), due, list('came', this.cameAt)];
      if (this.cutAt !== undefined) parts.push(list('lost', [this.cutAt]));
      return (
        this.title +
        ' (s): ' +
        parts
          .join('; ')
          .replace(/^(; )+|(; )+$/g, '')
          .replace(/(; )+/g, '; ')
      );
    },
    draw: function () {
      if (!document.createElementNS) return;
      var width = Math.max(220, this.place.clientWidth || 640);
      var span = this.span;
      var svg = document.createElementNS(SVG, 'svg');
      var dueAt = this.dueAt;
      var cameAt = this.cameAt;
      function x(ms) {
        return 46 + (ms / span) * (width - 58);
      }
      svg.setAttribute('viewBox', '0 0 ' + width + ' 70');
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', this.words());
      shape(svg, 'path', { class: 'lane', d: 'M46 12H' + (width - 6) + 'M46 40H' + (width - 6) });
      each(['due', 'here'], function (name, index) {
        text(shape(svg, 'text', { x: 2, y: 16 + 28 * index }), name);
      });
      var step = span <= 250 ? 50 : span <= 1000 ? 200 : span <= 2500 ? 500 : span <= 8000 ? 1000 : 5000;
      for (var ms = 0; ms <= span; ms += step) {
        text(shape(svg, 'text', { x: x(ms), y: 67, 'text-anchor': 'middle' }), ms / 1000 + ' s');
      }
      each(dueAt, function (due, index) {
        var came = cameAt[index];
        if (came === undefined) return;
        var late = came - due > 500;
        var group = shape(svg, 'g', { class: late ? 'late' : '' });
        shape(group, 'path', { class: 'way', d: 'M' + x(due) + ' 12L' + x(came) + ' 40' });
        shape(group, 'circle', { class: 'came', cx: x(came), cy: 40, r: 4.5 });
      });
      each(cameAt.slice(dueAt.length), function (came) {
        shape(svg, 'circle', { class: 'came', cx: x(came), cy: 40, r: 4.5 });
      });
      each(
        dueAt,
        function (due, index) {
          shape(svg, 'circle', { class: 'due', cx: x(due), cy: 12, r: 4 });
          if (cameAt[index] === undefined && this.over && this.cutAt !== undefined) {
            shape(svg, 'path', { class: 'lost', d: 'M' + (x(due) - 4) + ' 25h8' });
          }
        }.bind(this)
      );
      each(this.sentAt, function (sent) {
        var at = x(sent);
        shape(svg, 'path', { class: 'sent', d: 'M' + at + ' 44l5 8h-10z' });
      });
      if (this.cutAt !== undefined) {
        shape(svg, 'path', { class: 'lost', d: 'M' + (x(this.cutAt) - 5) + ' 35l10 10m0 -10l-10 10' });
      }
      if (this.picture) this.place.replaceChild(svg, this.picture);
      else this.place.appendChild(svg);
      this.picture = svg;
    },
  };

  function buildPlaces() {
    each(SUBJECTS, function (subject) {
      var section = make('section', 'test', '', byId('tests'));
      section.id = subject;
      section.setAttribute('aria-labelledby', subject + '-title');
      var head = make('header', '', '', section);
      make('h3', '', NAMES[subject], head).id = subject + '-title';
      places[subject] = {
        section: section,
        chip: make('span', 'chip', '', head),
        detail: make('p', 'detail', '', section),
        means: make('p', 'means', '', section),
        lines: make('div', 'lines', '', section),
        rung: byId('rung-' + subject),
        rungVerdict: byId('rung-' + subject + '-verdict'),
      };
    });
  }

  function mark(element, name, value) {
    if (!element) return;
    if (value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }

  function showVerdict(subject, verdict, last) {
    var place = places[subject];
    var words = CHIPS[verdict] + (last || verdict === 'waiting' || verdict === 'running' ? '' : ' so far');
    mark(place.section, 'data-verdict', verdict);
    mark(place.section, 'data-last', last ? 'yes' : undefined);
    mark(place.rung, 'data-verdict', verdict);
    mark(place.rung, 'data-broken', isBroken(subject) ? 'yes' : undefined);
    text(place.chip, words);
    if (place.rungVerdict) text(place.rungVerdict, words);
  }

  function isBroken(subject) {
    return state.findings[subject] && !state.findings[subject].usable;
  }

  function show(subject, finding, last) {
    if (state.last[subject]) return;
    state.findings[subject] = finding;
    if (last) state.last[subject] = true;
    showVerdict(subject, finding.verdict, last);
    text(places[subject].detail, finding.detail);
    text(places[subject].means, means(subject, finding));
    showWhole();
  }

  function count(object) {
    var number = 0;
    for (var key in object) if (object[key]) number++;
    return number;
  }

  function showWhole() {
    var findings = state.findings;
    var done = count(state.last);
    var over = done === SUBJECTS.length;
    var best = count(findings) === SUBJECTS.length ? used(findings) : undefined;
    each(SUBJECTS, function (subject) {
      mark(places[subject].rung, 'data-used', subject === best ? 'yes' : undefined);
    });
    text(byId('count'), done + ' of ' + SUBJECTS.length + ' done');
    if (count(findings) < SUBJECTS.length) return;
    var bad = impaired(findings);
    var sentence = summary(findings, best, bad);
    mark(byId('verdict'), 'data-state', best ? 'good' : 'bad');
    text(byId('verdict'), (over ? '' : 'So far: ') + sentence);
    text(
      byId('sub'),
      bad +
        (over
          ? best
            ? 'Footbridge’s client finds this out by itself and loses nothing when it changes.'
            : 'No session is possible from here at present.'
          : 'Whether connections are left alone for longer is still being watched.')
    );
    if (over) finish((sentence + ' ' + bad).replace(/ $/, ''));
  }

  function impaired(findings) {
    var bad = [];
    each(SUBJECTS, function (subject) {
      var verdict = findings[subject].verdict;
      if (!fine(verdict)) bad.push(NAMES[subject] + ' (' + CHIPS[verdict] + ')');
    });
    return bad.length ? 'Not all right: ' + bad.join(', ') + '. ' : '';
  }

  function summary(findings, best, bad) {
    if (!best) {
      return fine(findings.reach.verdict)
        ? 'The server answers, but no transport gets through.'
        : 'Nothing works. ' + findings.reach.detail;
    }
    var name = /poll$/.test(best) ? NAMES[best].toLowerCase() : NAMES[best];
    return (bad ? '' : 'Everything gets through. ') + 'The client will use ' + name + ' here.';
  }

  function report(sentence) {
    var connection = navigator.connection || {};
    var network = [];
    if (connection.effectiveType) network.push(connection.effectiveType);
    if (connection.type) network.push(connection.type);
    if (connection.rtt !== undefined) network.push('rtt ' + connection.rtt + ' ms');
    if (connection.downlink !== undefined) network.push(connection.downlink + ' Mbit/s');
    if (connection.saveData) network.push('saves data');
    var all = [
      'Footbridge doctor: ' + sentence,
      'server: ' + base + '/',
      'page: ' + location.protocol + '//' + location.host,
      'date: ' + (state.date.toISOString ? state.date.toISOString() : String(state.date)),
      'browser: ' + navigator.userAgent,
      'online: ' + navigator.onLine + (network.length ? '; ' + network.join(', ') : ''),
      'HTTP: ' + protocol(),
    ];
    each(SUBJECTS, function (subject) {
      var finding = state.findings[subject];
      all.push('', NAMES[subject] + ': ' + finding.verdict + '. ' + finding.detail);
      each(state.tracks[subject] || [], function (track) {
        all.push('  ' + track.words());
      });
    });
    return all.join('\n') + '\n';
  }

  /** The version of HTTP between here and whatever is next. */
  function protocol() {
    var found_ = 'not known';
    if (window.performance && performance.getEntriesByType) {
      each(performance.getEntriesByType('resource'), function (entry) {
        if (/\/probe\/poll/.test(entry.name) && entry.nextHopProtocol) found_ = entry.nextHopProtocol;
      });
    }
    return found_;
  }

  function finish(sentence) {
    clearInterval(state.ticking);
    byId('progress').value = 100;
    byId('text').value = report(sentence);
    byId('copy').disabled = false;
    byId('again').disabled = false;
    mark(document.body, 'data-done', 'yes');
  }

  function run() {
    var began = now();
    state = { findings: {}, last: {}, tracks: {}, date: new Date() };
    tracks = [];
    mark(document.body, 'data-done', undefined);
    mark(byId('verdict'), 'data-state', undefined);
    text(byId('verdict'), 'Examining what lies between this browser and the server');
    text(byId('sub'), 'This takes about half a minute; the first answers come within seconds.');
    text(byId('copied'), '');
    byId('again').disabled = true;
    byId('copy').disabled = true;
    byId('text').value = '';
    each(SUBJECTS, function (subject) {
      var lines = places[subject].lines;
      while (lines.firstChild) lines.removeChild(lines.firstChild);
      text(places[subject].detail, '');
      text(places[subject].means, '');
      showVerdict(subject, subject === 'reach' ? 'running' : 'waiting', false);
    });
    text(byId('count'), '');
    state.ticking = setInterval(function () {
      byId('progress').value = Math.min(98, ((now() - began) / WHOLE_MS) * 100);
    }, 250);
    function teller(subject) {
      return function (finding, last) {
        show(subject, finding, last);
      };
    }
    function liner(subject) {
      return function (title, spanMs) {
        return new Track(subject, title, spanMs);
      };
    }
    testReach(teller('reach'), liner('reach'), function (roundTrip) {
      each(SUBJECTS.slice(1), function (subject) {
        showVerdict(subject, 'running', false);
      });
      testWebSocket(teller('websocket'), liner('websocket'));
      testStream('sse', roundTrip, teller('sse'), liner('sse'));
      testStream('stream', roundTrip, teller('stream'), liner('stream'));
      testPoll(roundTrip, teller('longpoll'), liner('longpoll'));
      testSession(teller('shortpoll'), teller('jsonp'), function (title, spanMs) {
        return new Track(title === 'a script' ? 'jsonp' : 'shortpoll', title, spanMs);
      });
    });
  }

  function copy() {
    var area = byId('text');
    function told(worked) {
      text(byId('copied'), worked ? 'Copied.' : 'Select the text and copy it.');
    }
    function bySelection() {
      area.focus();
      area.select();
      try {
        told(document.execCommand('copy'));
      } catch (e) {
        told(false);
      }
    }
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(area.value).then(function () {
        told(true);
      }, bySelection);
    } else {
      bySelection();
    }
  }

  buildPlaces();
  text(byId('server'), base + '/');
  byId('again').onclick = run;
  byId('copy').onclick = copy;
  window.onresize = function () {
    each(tracks, function (track) {
      track.draw();
    });
  };
  run();
})();
