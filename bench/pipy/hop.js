// One Pipy between load and app, without a mesh: same buffers and pools as src/dataplane/pipy. HOP_PLACES says for each
// protocol where it listens and where it goes.
var env = os.env;
var places = JSON.parse(env.HOP_PLACES);
var forever = { idleTimeout: 0 };
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 3 };
var demuxed = { bufferSize: 1, maxHeaderSize: '32k' };

// Of several targets the one whose turn it is.
var $target = null;

function inTurn(targets) {
  var at = 0;
  return () => {
    $target = targets[at++ % targets.length];
  };
}

function carry(targets, options) {
  if (targets.length > 1) return carryInTurn(inTurn(targets), options);
  return $ => $.demuxHTTP(demuxed).to($ => $.muxHTTP(() => 1, options).to($ => $.connect(targets[0], forever)));
}

function carryInTurn(next, options) {
  return $ =>
    $.demuxHTTP(demuxed).to($ =>
      $.onStart(next)
        .muxHTTP(() => $target, options)
        .to($ => $.connect(() => $target, forever)),
    );
}

function carryBytes(targets) {
  var next = inTurn(targets);
  return $ => $.onStart(next).connect(() => $target, forever);
}

// Pipy takes `Connection` away from requests and answers; an upgrade needs it.
function restore(start) {
  if (start.head.headers.upgrade !== undefined) start.head.headers.connection = 'Upgrade';
}

var layouts = {
  http1: targets => carry(targets, pool),
  http2: targets => carry(targets, { version: 2 }),
  grpc: targets => carry(targets, { version: 2 }),
  tcp: carryBytes,
  mqtt: carryBytes,
  websocket: targets => {
    var next = inTurn(targets);
    return $ =>
      $.demuxHTTP().to($ =>
        $.onStart(next)
          .handleMessageStart(restore)
          .muxHTTP()
          .to($ => $.connect(() => $target, forever))
          .handleMessageStart(restore),
      );
  },
  tls: targets => {
    var certificate = {
      cert: new crypto.Certificate(os.read(env.HOP_CERT).toString()),
      key: new crypto.PrivateKey(os.read(env.HOP_KEY).toString()),
    };
    return $ => $.acceptTLS({ certificate: certificate, minVersion: 'TLS1.3' }).to(carry(targets, pool));
  },
};

Object.entries(places).forEach(entry => {
  var place = entry[1];
  pipy.listen(place.listen, forever, layouts[entry[0]](place.targets));
});
