import { readState, writeState } from './environment.js';

/** The certificate and key that new connections use, parsed once for each rotation; null when there is none. */
export var credentials = { pair: null, notAfter: 0 };

/** Reads key and certificate as enrolment left them. Returns whether they can be used now. */
export function loadCredentials() {
  try {
    use(readState('cert.pem'));
  } catch {
    return false;
  }
  return credentials.notAfter > Date.now();
}

/** Takes a renewed certificate for the key that is there: stores it, and new connections use it. Throws when it cannot be read. */
export function renew(pem) {
  use(pem);
  writeState('cert.pem', pem);
}

function use(pem) {
  var key = new crypto.PrivateKey(readState('key.pem'));
  var chain = new crypto.CertificateChain(pem);
  credentials.notAfter = new crypto.Certificate(pem).notAfter;
  credentials.pair = { cert: chain, key: key };
}

/** The certificates of a PEM bundle. */
export function certificatesOf(pem) {
  var end = '-----END CERTIFICATE-----';
  return pem
    .split(end)
    .filter(part => part.includes('-----BEGIN CERTIFICATE-----'))
    .map(part => new crypto.Certificate(`${part.trim()}\n${end}\n`));
}
