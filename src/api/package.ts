/** This package: its version, and where its modules and files lie, in a checkout as in what is built and published of it. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Sources end in `.ts` and lie two folders below the package; what `npm run build` makes ends in `.js`, three below. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Whether this is the built package. */
export const isBuilt = extension === '.js';

const root = new URL(isBuilt ? '../../../' : '../../', import.meta.url);

/** Version of this FSM. */
export const version = String(
  (createRequire(import.meta.url)(packageFile('package.json')) as { version: unknown }).version,
);

/** A file of the package that is no module: manifests, CRDs. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(path, root));
}

/** A module that is started by its file. @param path without extension: `./worker`; @param base `import.meta.url` of who asks */
export function moduleFile(path: string, base: string): string {
  return fileURLToPath(new URL(`${path}${extension}`, base));
}
