import { createRequire } from 'node:module';

/** Version of this FSM, from its package. */
export const version: string = readVersion();

/** The package is two folders up from the sources, three from what `npm run build` makes. */
function readVersion(): string {
  const require = createRequire(import.meta.url);
  const path = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return String((require(path) as { version: unknown }).version);
}
