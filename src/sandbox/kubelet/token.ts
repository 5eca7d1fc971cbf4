/** The pod's ServiceAccount token for the mesh: a file of mode 0600 that is renewed in time. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../identity/files.ts';
import { objectAt } from '../api/objects.ts';
import type { Tokens } from '../api/tokens.ts';
import type { Pod } from '../controllers/types.ts';
import { pause } from './timing.ts';

const lifeSeconds = 3600;

/** Name of the file, in the pod's directory. */
export const tokenName = 'token';

/** Writes the file. @throws ApiFailure when the ServiceAccount is not there */
export async function writeToken(tokens: Tokens, pod: Pod, audience: string, dir: string): Promise<void> {
  const { namespace = '', name, uid } = pod.metadata;
  const request = {
    spec: {
      audiences: [audience],
      expirationSeconds: lifeSeconds,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
    },
  };
  const { status } = tokens.request(namespace, pod.spec.serviceAccountName ?? 'default', request);
  await writeFileAtomic(join(dir, tokenName), String(objectAt(status).token), 0o600);
}

/** Writes a new token at four fifths of each one's life, as a real kubelet does, until the signal aborts. */
export async function keepToken(write: () => Promise<void>, failed: (error: unknown) => void, signal: AbortSignal) {
  for (;;) {
    await pause(0.8 * lifeSeconds * 1000, signal);
    if (signal.aborted) return;
    await write().catch(failed);
  }
}
