/** The bare Pipy pair: mutual TLS between two Pipys with a few lines of script on each side and no policy. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPipy } from '../src/dataplane/pipy/driver.ts';
import { createRootIssuer } from '../src/identity/issuer.ts';
import { createRoot } from '../src/identity/root.ts';
import type { Pair } from './mesh.ts';
import { listening, start } from './processes.ts';

const trustDomain = 'cluster.local';
const validityMs = 24 * 3600 * 1000;
const script = (name: string) => fileURLToPath(new URL(`./pipy/${name}.js`, import.meta.url));

/** Starts both halves in front of the app; certificates and keys are of the kind that the mesh makes. */
export async function barePair(block: number, target: string): Promise<Pair> {
  const pipy = findPipy();
  if (pipy === undefined) throw new Error('there is no Pipy here');
  const files = await certificates();
  const [client, server] = [`127.61.${block}.1`, `127.61.${block}.2`];
  const half = (name: string, listen: string, to: string) =>
    start({ file: pipy, args: [script(name)], env: { ...files, BARE_LISTEN: listen, BARE_TARGET: to } });
  const pids = [
    half('bare-client', `${client}:15001`, `${server}:14001`),
    half('bare-server', `${server}:14001`, target),
  ].map(child => child.pid ?? 0);
  await listening(server, 14001);
  await listening(client, 15001);
  return { address: client, port: 15001, host: 'bare.bench:14001', pids: [pids[0] ?? 0, pids[1] ?? 0] };
}

async function certificates(): Promise<Record<string, string>> {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-bench-bare-'));
  const root = await createRoot({ trustDomain, purpose: 'mesh', validityMs, now: Date.now });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const identity = { trustDomain, namespace: 'bench', serviceAccount: 'bare', podUid: 'bare' };
  const spki = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const { certificatePem } = await createRootIssuer(root).issue({ publicKey: spki, identity, validityMs });
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const texts = { BARE_CERT: certificatePem, BARE_KEY: key, BARE_ROOT: root.certificatePem };
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(texts)) {
    files[name] = join(dir, `${name}.pem`);
    await writeFile(files[name], text, { mode: 0o600 });
  }
  return files;
}
