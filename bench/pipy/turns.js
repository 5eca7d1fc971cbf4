// Several targets in turn: of each request over HTTP, of each connection of what is carried as bytes. `dial` is what
// connects a pipeline to a target, which is `host:port` or a function that gives it.

var $target = null;
var demuxed = { bufferSize: 1, maxHeaderSize: '32k' };

// A function that takes the target whose turn it is, for `onStart`.
export function inTurn(targets) {
  var at = 0;
  return () => {
    $target = targets[at++ % targets.length];
  };
}

// The target that was taken last in this pipeline or in the one that it belongs to.
export function current() {
  return $target;
}

// HTTP. One target needs no turns, and what is written for it costs no more than it has to.
export function carry(targets, options, dial) {
  if (targets.length > 1) return carryInTurn(inTurn(targets), options, dial);
  return $ => $.demuxHTTP(demuxed).to($ => $.muxHTTP(() => 1, options).to($ => dial($, targets[0])));
}

function carryInTurn(next, options, dial) {
  return $ =>
    $.demuxHTTP(demuxed).to($ =>
      $.onStart(next)
        .muxHTTP(current, options)
        .to($ => dial($, current)),
    );
}

// Bytes.
export function carryBytes(targets, dial) {
  var next = inTurn(targets);
  return $ => dial($.onStart(next), current);
}
