// One Pipy between load and app, without a mesh: same buffers and pools as src/dataplane/pipy. HOP_PLACES says for each
// protocol where it listens and where it goes.
import { carry, carryBytes, current, inTurn } from './turns.js';

var env = os.env;
var places = JSON.parse(env.HOP_PLACES);
var forever = { idleTimeout: 0 };
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 3 };
var dial = ($, target) => $.connect(target, forever);

// Pipy takes `Connection` away from requests and answers; an upgrade needs it.
function restore(start) {
  if (start.head.headers.upgrade !== undefined) start.head.headers.connection = 'Upgrade';
}

var layouts = {
  http1: targets => carry(targets, pool, dial),
  http2: targets => carry(targets, { version: 2 }, dial),
  grpc: targets => carry(targets, { version: 2 }, dial),
  tcp: targets => carryBytes(targets, dial),
  mqtt: targets => carryBytes(targets, dial),
  websocket: targets => {
    var next = inTurn(targets);
    return $ =>
      $.demuxHTTP().to($ =>
        $.onStart(next)
          .handleMessageStart(restore)
          .muxHTTP()
          .to($ => dial($, current))
          .handleMessageStart(restore),
      );
  },
  tls: targets => {
    var certificate = {
      cert: new crypto.Certificate(os.read(env.HOP_CERT).toString()),
      key: new crypto.PrivateKey(os.read(env.HOP_KEY).toString()),
    };
    return $ => $.acceptTLS({ certificate: certificate, minVersion: 'TLS1.3' }).to(carry(targets, pool, dial));
  },
};

Object.entries(places).forEach(entry => {
  var place = entry[1];
  pipy.listen(place.listen, forever, layouts[entry[0]](place.targets));
});
