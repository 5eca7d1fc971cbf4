/** The embedded driver: sidecars are Node processes, made of the same program that runs everything else. */
import { fileURLToPath } from 'node:url';
import { type Command, type Driver, type SidecarSpec, sidecarEnvironment } from '../driver.ts';

const stopGraceMs = 10_000;

export const nodeDriver: Driver = {
  name: 'node',
  describe: async () => ({ usable: true, text: `embedded proxy on Node ${process.versions.node}` }),
  init: spec => command('../enrol/main', spec),
  sidecar: spec => command('./main', spec),
};

/** Sources end in `.ts`, the published package in `.js`: a program lies beside this file in either. */
function command(program: string, spec: SidecarSpec): Command {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return {
    file: process.execPath,
    args: [fileURLToPath(new URL(`${program}${extension}`, import.meta.url))],
    env: sidecarEnvironment(spec),
    stopSignal: 'SIGTERM',
    stopGraceMs,
  };
}
