/** Says "ready", waits for the end of its input, then opens the root in the directory of argument one and prints it. */
import { loadOrCreateRoot } from '../../../src/identity/root-store.ts';

process.stdout.write('ready\n');
for await (const _ of process.stdin);
const options = { trustDomain: 'cluster.local', purpose: 'mesh', validityMs: 86_400_000, now: Date.now } as const;
const root = await loadOrCreateRoot(process.argv[2] ?? '', options);
process.stdout.write(root.certificatePem);
