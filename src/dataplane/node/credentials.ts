/** The sidecar's own certificate and the roots it trusts: read once, and once for each renewal or root. */
import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Problem } from '../../api/problem.ts';
import { writeFileAtomic } from '../../identity/files.ts';
import { stateFiles } from '../driver.ts';

/** What TLS needs, ready to use. The context and the options say the same: a client takes one, a server the other. */
export interface MeshTLS {
  readonly context: SecureContext;
  readonly options: SecureContextOptions;
}

export interface Credentials {
  /** PEM, for connections to the control plane. */
  own(): { readonly key: string; readonly cert: string };
  /** The current contexts, for new connections. */
  tls(): MeshTLS;
  notAfter(): Date;
  /**
   * Makes contexts for other roots, and gives back what puts them into force.
   *
   * @throws Error when the roots cannot be read
   */
  prepareTrust(roots: readonly string[]): () => void;
  /** Stores a renewed certificate and uses it for new connections; a certificate that is not ours is refused. */
  renew(pem: string): Promise<Problem | undefined>;
  /** Called after contexts have changed. */
  onChange(listener: () => void): void;
}

/**
 * Loads what the init step has left in the state directory.
 *
 * @returns undefined when something is missing or the certificate has expired: the sidecar has to enrol again
 * @throws Error when a file cannot be used
 */
export function loadCredentials(stateDir: string, nowMs: number): Credentials | undefined {
  const file = (name: string) => readIfThere(join(stateDir, name));
  const [key, cert, trust] = [file(stateFiles.key), file(stateFiles.certificate), file(stateFiles.trust)];
  if (key === undefined || cert === undefined || trust === undefined) return undefined;
  if (new X509Certificate(cert).validToDate.getTime() <= nowMs) return undefined;
  return createCredentials(stateDir, key, cert, [trust]);
}

function createCredentials(
  stateDir: string,
  key: string,
  firstCert: string,
  firstRoots: readonly string[],
): Credentials {
  let cert = firstCert;
  let roots = firstRoots;
  let tls = meshTLS(key, cert, roots);
  const listeners: (() => void)[] = [];
  const change = (next: MeshTLS) => {
    tls = next;
    for (const listener of listeners) listener();
  };
  return {
    own: () => ({ key, cert }),
    tls: () => tls,
    notAfter: () => new X509Certificate(cert).validToDate,
    prepareTrust(next) {
      if (next.join() === roots.join()) return () => undefined;
      const prepared = meshTLS(key, cert, next);
      return () => {
        roots = next;
        change(prepared);
      };
    },
    async renew(pem) {
      const problem = unusable(pem, key, cert);
      if (problem !== undefined) return problem;
      const prepared = meshTLS(key, pem, roots);
      await writeFileAtomic(join(stateDir, stateFiles.certificate), pem, 0o644);
      cert = pem;
      change(prepared);
      return undefined;
    },
    onChange: listener => void listeners.push(listener),
  };
}

function meshTLS(key: string, cert: string, roots: readonly string[]): MeshTLS {
  // No session tickets: who resumes a session shows no certificate, so nobody would see that it has expired.
  const secureOptions = constants.SSL_OP_NO_TICKET;
  const options: SecureContextOptions = { key, cert, ca: [...roots], minVersion: 'TLSv1.3', secureOptions };
  return { context: createSecureContext(options), options };
}

/** A renewal is for the same key and the same names, and is valid now. */
function unusable(pem: string, key: string, current: string): Problem | undefined {
  try {
    const [next, held] = [new X509Certificate(pem), new X509Certificate(current)];
    if (!next.checkPrivateKey(createPrivateKey(key))) return refused('it is for another key');
    if (next.subjectAltName !== held.subjectAltName) return refused('it carries other names');
    return next.validToDate.getTime() > Date.now() ? undefined : refused('it has expired');
  } catch (error) {
    return refused(`it cannot be read: ${String(error)}`);
  }
}

function refused(why: string): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: 'the control plane sent a certificate that this sidecar cannot use',
    why,
    fix: 'Nothing: the current certificate stays in use, and the sidecar enrols again when it ends.',
  };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
