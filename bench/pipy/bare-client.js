// The client half of a bare pair: what two Pipys cost without a mesh. Same TLS, buffers and pools as src/dataplane/pipy;
// no policy, no identity but the chain's. BARE_PLACES says for each protocol where it listens and where it goes; without
// BARE_CERT it goes there in clear text.
var env = os.env;
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 30 };
var demuxed = { bufferSize: 1, maxHeaderSize: '32k' };

// Of several targets the one whose turn it is.
var $target = null;

function inTurn(targets) {
  var at = 0;
  return () => {
    $target = targets[at++ % targets.length];
  };
}

function secured() {
  var read = name => os.read(env[name]).toString();
  var certificate = { cert: new crypto.Certificate(read('BARE_CERT')), key: new crypto.PrivateKey(read('BARE_KEY')) };
  var trusted = [new crypto.Certificate(read('BARE_ROOT'))];
  return ($, target) =>
    $.connectTLS({ certificate: certificate, trusted: trusted, minVersion: 'TLS1.3' }).to($ => $.connect(target));
}

var dial = env.BARE_CERT ? secured() : ($, target) => $.connect(target);

function carry(targets, options) {
  if (targets.length > 1) return carryInTurn(inTurn(targets), options);
  return $ => $.demuxHTTP(demuxed).to($ => $.muxHTTP(() => 1, options).to($ => dial($, targets[0])));
}

function carryInTurn(next, options) {
  return $ =>
    $.demuxHTTP(demuxed).to($ =>
      $.onStart(next)
        .muxHTTP(() => $target, options)
        .to($ => dial($, () => $target)),
    );
}

function carryBytes(targets) {
  var next = inTurn(targets);
  return $ => dial($.onStart(next), () => $target);
}

var layouts = {
  http1: targets => carry(targets, pool),
  http2: targets => carry(targets, { version: 2, maxIdle: 30 }),
  grpc: targets => carry(targets, { version: 2, maxIdle: 30 }),
  tcp: carryBytes,
  mqtt: carryBytes,
};

Object.entries(JSON.parse(env.BARE_PLACES)).forEach(entry => {
  pipy.listen(entry[1].listen, layouts[entry[0]](entry[1].targets));
});
