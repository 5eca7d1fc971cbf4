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

/**
 * Takes a renewed certificate for the key that is there: stores it, and new connections use it. Throws when it cannot be
 * read or is for another key, and then nothing changes.
 */
export function renew(pem) {
  use(pem);
  writeState('cert.pem', pem);
}

function use(pem) {
  var key = new crypto.PrivateKey(readState('key.pem'));
  var chain = new crypto.CertificateChain(pem);
  if (!holds(certificatesOf(pem)[0], key)) throw new Error('the certificate is for another key');
  credentials.notAfter = new crypto.Certificate(pem).notAfter;
  credentials.pair = { cert: chain, key: key };
}

/** Whether a certificate is for a key: its bytes hold the public half (SubjectPublicKeyInfo, RFC 5280, 4.1). */
function holds(certificate, key) {
  return bytesOf(certificate.toPEM()).includes(bytesOf(new crypto.PublicKey(key).toPEM()));
}

/** What a PEM text says, in hexadecimal. */
function bytesOf(pem) {
  var lines = pem.toString().split('\n');
  var body = lines.filter(line => line !== '' && !line.startsWith('-----')).join('');
  return new Data(body, 'base64').toString('hex');
}

/** The certificates of a PEM bundle. */
export function certificatesOf(pem) {
  var end = '-----END CERTIFICATE-----';
  return pem
    .split(end)
    .filter(part => part.includes('-----BEGIN CERTIFICATE-----'))
    .map(part => new crypto.Certificate(`${part.trim()}\n${end}\n`));
}
