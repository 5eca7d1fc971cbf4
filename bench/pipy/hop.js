// One Pipy between load and app, without a mesh: same buffers and pools as src/dataplane/pipy. HOP_PLACES says for each
// protocol where it listens and where it goes.
var env = os.env;
var places = JSON.parse(env.HOP_PLACES);
var forever = { idleTimeout: 0 };
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 3 };

function carry($, target, options) {
  return $.demuxHTTP({ bufferSize: 1, maxHeaderSize: '32k' }).to($ =>
    $.muxHTTP(() => 1, options).to($ => $.connect(target, forever)),
  );
}

// Pipy takes `Connection` away from requests and answers; an upgrade needs it.
function restore(start) {
  if (start.head.headers.upgrade !== undefined) start.head.headers.connection = 'Upgrade';
}

var layouts = {
  http1: target => $ => carry($, target, pool),
  http2: target => $ => carry($, target, { version: 2 }),
  grpc: target => $ => carry($, target, { version: 2 }),
  tcp: target => $ => $.connect(target, forever),
  mqtt: target => $ => $.connect(target, forever),
  websocket: target => $ =>
    $.demuxHTTP().to($ =>
      $.handleMessageStart(restore)
        .muxHTTP()
        .to($ => $.connect(target, forever))
        .handleMessageStart(restore),
    ),
  tls: target => {
    var certificate = {
      cert: new crypto.Certificate(os.read(env.HOP_CERT).toString()),
      key: new crypto.PrivateKey(os.read(env.HOP_KEY).toString()),
    };
    return $ => $.acceptTLS({ certificate: certificate, minVersion: 'TLS1.3' }).to($ => carry($, target, pool));
  },
};

Object.entries(places).forEach(entry => {
  var place = entry[1];
  pipy.listen(place.listen, forever, layouts[entry[0]](place.target));
});
