/** Which public keys get a certificate. */
import { createPublicKey, type KeyObject } from 'node:crypto';

/** Larger than any accepted key in PEM (RSA 4096 takes 800 bytes). */
const spkiMaxBytes = 2048;
const rsaMinBits = 2048;
const rsaMaxBits = 4096;
const pemForm = /^\s*-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*$/;

/**
 * Reads a public key in SubjectPublicKeyInfo form (RFC 5280 section 4.1.2.7), PEM or DER.
 *
 * @returns the key when it is P-256, or RSA of 2048 to 4096 bits (Pipy makes RSA keys); undefined for anything else
 */
export function acceptPublicKey(spki: string | Uint8Array): KeyObject | undefined {
  if (spki.length > spkiMaxBytes) return undefined;
  const key = typeof spki === 'string' ? readPem(spki) : readDer(spki);
  return key !== undefined && isStrong(key) ? key : undefined;
}

/** The form is checked first: `createPublicKey` would also take a private key or a certificate. */
function readPem(pem: string): KeyObject | undefined {
  if (!pemForm.test(pem)) return undefined;
  return orUndefined(() => createPublicKey(pem));
}

function readDer(der: Uint8Array): KeyObject | undefined {
  return orUndefined(() => createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }));
}

/** Whatever the parser objects to, the answer is the same: not a key that we take. */
function orUndefined(read: () => KeyObject): KeyObject | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function isStrong(key: KeyObject): boolean {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return namedCurve === 'prime256v1';
  if (key.asymmetricKeyType !== 'rsa') return false;
  return modulusLength >= rsaMinBits && modulusLength <= rsaMaxBits && publicExponent >= 65537n;
}

/** SubjectPublicKeyInfo, DER: equal bytes are equal keys. */
export function spkiDer(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' });
}

/** The public half of a private key, as `spkiDer` writes it. */
export function publicKeyDer(privateKey: KeyObject): Buffer {
  return spkiDer(createPublicKey(privateKey));
}
