/** No proxy: what everything else is compared with, and once more to see how far equal things lie apart. */
import { appProtocols } from './places.ts';
import { findPipyVersion } from './programs.ts';
import type { Target } from './target.ts';

/** The app itself. */
export const direct: Target = {
  name: 'direct',
  protocols: appProtocols,
  heeds: [],
  find: async print => {
    const pipy = await findPipyVersion(print);
    return { version: 'version' in pipy ? `app on Pipy ${pipy.version}` : `app on Node ${process.versions.node}` };
  },
  start: async site => ({ endpoint: protocol => site.app(protocol), processes: [], close: async () => undefined }),
};

/** The same once more: its ratio to `direct` is the noise of the run. */
export const directAgain: Target = {
  ...direct,
  name: 'direct-again',
};
