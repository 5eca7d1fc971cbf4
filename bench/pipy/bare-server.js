// The server half of a bare pair: see bare-client.js.
var env = os.env;
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 3 };

function carry($, target, options) {
  return $.demuxHTTP({ bufferSize: 1, maxHeaderSize: '32k' }).to($ =>
    $.muxHTTP(() => 1, options).to($ => $.connect(target)),
  );
}

var layouts = {
  http1: target => $ => carry($, target, pool),
  http2: target => $ => carry($, target, { version: 2, maxIdle: 30 }),
  grpc: target => $ => carry($, target, { version: 2, maxIdle: 30 }),
  tcp: target => $ => $.connect(target),
  mqtt: target => $ => $.connect(target),
};

function secured(layout) {
  var read = name => os.read(env[name]).toString();
  var certificate = { cert: new crypto.Certificate(read('BARE_CERT')), key: new crypto.PrivateKey(read('BARE_KEY')) };
  var trusted = [new crypto.Certificate(read('BARE_ROOT'))];
  return $ => $.acceptTLS({ certificate: certificate, trusted: trusted, minVersion: 'TLS1.3' }).to($ => layout($));
}

Object.entries(JSON.parse(env.BARE_PLACES)).forEach(entry => {
  var layout = layouts[entry[0]](entry[1].targets[0]);
  pipy.listen(entry[1].listen, env.BARE_CERT ? secured(layout) : layout);
});
