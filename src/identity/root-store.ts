/** A root kept in a directory: the sandbox's form of the one Secret that a cluster keeps it in. */
import { chmod, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Problem, ProblemError } from '../api/problem.ts';
import { checkClock } from './clock.ts';
import { createFileExclusive, readIfThere, writeFileAtomic } from './files.ts';
import { createRootPem, openRoot, type Root, type RootOptions, type RootPem } from './root.ts';

export interface RootStoreOptions extends RootOptions {
  /** No new root is made before this time (milliseconds since the epoch): see `checkClock`. */
  readonly clockFloorMs?: number;
}

/** Private key and certificate in one file, so that there is never one without the other. Mode 0600. */
const rootFile = 'root.pem';

/** Path of the root's certificate, without its key: what others may be given. */
export function rootCertificateFile(dir: string): string {
  return join(dir, 'root.crt');
}

/**
 * Opens the root in `dir` (made with mode 0700 when it is not there), or makes one. Of several processes that do so
 * at once, one makes it and all get the same.
 *
 * @throws ProblemError FSM2003 when what is stored is of another trust domain or purpose, cannot be read, or lies open
 * to other users; FSM2002 when a root would have to be made and the clock is wrong
 */
export async function loadOrCreateRoot(dir: string, options: RootStoreOptions): Promise<Root> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const path = join(dir, rootFile);
  const root = await openRoot((await load(path)) ?? (await create(path, options)));
  if (root.trustDomain !== options.trustDomain || root.purpose !== options.purpose) {
    throw new ProblemError(otherRoot(path, root));
  }
  await publish(rootCertificateFile(dir), root.certificatePem);
  return root;
}

/** Made from the root at each start, so that it is there whatever a power cut left. */
async function publish(path: string, certificatePem: string): Promise<void> {
  if ((await readIfThere(path)) !== certificatePem) await writeFileAtomic(path, certificatePem, 0o644);
}

async function load(path: string): Promise<RootPem | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  if (((await stat(path)).mode & 0o077) !== 0) throw new ProblemError(openToOthers(path));
  return split(text);
}

async function create(path: string, options: RootStoreOptions): Promise<RootPem> {
  const clock = checkClock(options.now(), options.clockFloorMs ?? 0);
  if (clock) throw new ProblemError(clock);
  const pem = await createRootPem(options);
  const made = await createFileExclusive(path, pem.privateKeyPem + pem.certificatePem, 0o600);
  // Another process was faster: its root is the one that counts.
  return made ? pem : ((await load(path)) ?? pem);
}

function split(text: string): RootPem {
  const [privateKeyPem = ''] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(text) ?? [];
  return { privateKeyPem, certificatePem: text.replace(privateKeyPem, '') };
}

function openToOthers(path: string): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `other users may read ${path}`,
    why: 'who has the key of the root can be anyone in the mesh',
    fix: `Remove the file to make a new root, or run chmod 600 on it if nobody else uses this machine.`,
  };
}

function otherRoot(path: string, root: Root): Problem {
  return {
    code: 'FSM2003',
    path: '',
    what: `${path} is a ${root.purpose} root of the trust domain ${root.trustDomain}`,
    why: 'a root serves one purpose in one trust domain',
    fix: 'Use another directory, or remove the file to make a new root.',
  };
}
