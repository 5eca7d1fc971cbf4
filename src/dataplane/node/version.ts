import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

/** Name and version of this shell, as it stands in a hello. */
export const shellVersion = `node/${version}`;
