// The server half of the bare pair: see bare-client.js.
var env = os.env;
var read = name => os.read(env[name]).toString();
var certificate = { cert: new crypto.Certificate(read('BARE_CERT')), key: new crypto.PrivateKey(read('BARE_KEY')) };
var trusted = [new crypto.Certificate(read('BARE_ROOT'))];

pipy.listen(env.BARE_LISTEN, $ =>
  $.acceptTLS({ certificate: certificate, trusted: trusted, minVersion: 'TLS1.3' }).to($ =>
    $.demuxHTTP({ bufferSize: 1, maxHeaderSize: '32k' }).to($ =>
      $.muxHTTP(() => 1, { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 3 }).to($ => $.connect(env.BARE_TARGET)),
    ),
  ),
);
