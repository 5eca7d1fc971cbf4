// The client half of the bare pair: what mutual TLS between two Pipys costs without a mesh. Same TLS, buffers and
// pools as src/dataplane/pipy; no policy, no identity but the chain's. BARE_PLACES says for each protocol where it
// listens and where it goes.
var env = os.env;
var read = name => os.read(env[name]).toString();
var certificate = { cert: new crypto.Certificate(read('BARE_CERT')), key: new crypto.PrivateKey(read('BARE_KEY')) };
var trusted = [new crypto.Certificate(read('BARE_ROOT'))];
var pool = { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 30 };

function secured($, target) {
  return $.connectTLS({ certificate: certificate, trusted: trusted, minVersion: 'TLS1.3' }).to($ => $.connect(target));
}

function carry($, target, options) {
  return $.demuxHTTP({ bufferSize: 1, maxHeaderSize: '32k' }).to($ =>
    $.muxHTTP(() => 1, options).to($ => secured($, target)),
  );
}

var layouts = {
  http1: target => $ => carry($, target, pool),
  http2: target => $ => carry($, target, { version: 2, maxIdle: 30 }),
  grpc: target => $ => carry($, target, { version: 2, maxIdle: 30 }),
  tcp: target => $ => secured($, target),
  mqtt: target => $ => secured($, target),
};

Object.entries(JSON.parse(env.BARE_PLACES)).forEach(entry => {
  pipy.listen(entry[1].listen, layouts[entry[0]](entry[1].target));
});
