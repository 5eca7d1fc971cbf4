/** The embedded driver: sidecars are Node processes, made of the same program that runs everything else. */
import { moduleFile } from '../../api/package.ts';
import { type Command, type Driver, type SidecarSpec, sidecarEnvironment } from '../driver.ts';

const stopGraceMs = 10_000;

export const nodeDriver: Driver = {
  name: 'node',
  describe: async () => ({ usable: true, text: `embedded proxy on Node ${process.versions.node}` }),
  init: spec => command('../enrol/main', spec),
  sidecar: spec => command('./main', spec),
};

function command(program: string, spec: SidecarSpec): Command {
  return {
    file: process.execPath,
    args: [moduleFile(program, import.meta.url)],
    env: sidecarEnvironment(spec),
    stopSignal: 'SIGTERM',
    stopGraceMs,
  };
}
