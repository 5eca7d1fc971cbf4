// The client half of the bare pair: what mutual TLS between two Pipys costs without a mesh. Same TLS, buffers and
// pools as src/dataplane/pipy; no policy, no identity but the chain's.
var env = os.env;
var read = name => os.read(env[name]).toString();
var certificate = { cert: new crypto.Certificate(read('BARE_CERT')), key: new crypto.PrivateKey(read('BARE_KEY')) };
var trusted = [new crypto.Certificate(read('BARE_ROOT'))];

pipy.listen(env.BARE_LISTEN, $ =>
  $.demuxHTTP({ bufferSize: 1, maxHeaderSize: '32k' }).to($ =>
    $.muxHTTP(() => 1, { bufferSize: 131072, maxHeaderSize: '64k', maxIdle: 30 }).to($ =>
      $.connectTLS({ certificate: certificate, trusted: trusted, minVersion: 'TLS1.3' }).to($ =>
        $.connect(env.BARE_TARGET),
      ),
    ),
  ),
);
