// Both halves of a bare pair have one identity: TLS options of BARE_CERT, BARE_KEY and BARE_ROOT, null where none is given.
export function tlsOptions() {
  var env = os.env;
  if (!env.BARE_CERT) return null;
  var read = name => os.read(env[name]).toString();
  return {
    certificate: { cert: new crypto.Certificate(read('BARE_CERT')), key: new crypto.PrivateKey(read('BARE_KEY')) },
    trusted: [new crypto.Certificate(read('BARE_ROOT'))],
    minVersion: 'TLS1.3',
  };
}
