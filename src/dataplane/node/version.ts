import { version } from '../../api/package.ts';

/** Name and version of this shell, as it stands in a hello. */
export const shellVersion = `node/${version}`;
