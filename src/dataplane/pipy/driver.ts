/** The Pipy driver: sidecars are Pipy processes that run the scripts of this folder and the policy beside it. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, type Driver, type SidecarSpec, sidecarEnvironment } from '../driver.ts';

/** Pipy drains without a bound when it gets SIGINT, and can hang at its exit: SIGKILL follows after this. */
const stopGraceMs = 10_000;

/** `pipy -v` answers in milliseconds, and hangs at its exit every few runs. */
const versionTimeoutMs = 2000;

/** The oldest version whose script API this shell uses. */
const versionMin = [1, 5] as const;

export const pipyDriver: Driver = {
  name: 'pipy',
  describe,
  init: spec => ({ ...command(process.execPath, program('../enrol/main'), spec), stopSignal: 'SIGTERM' }),
  sidecar: spec => ({
    ...command(findPipy() ?? 'pipy', fileURLToPath(new URL('../pipy-sidecar.js', import.meta.url)), spec),
    stopSignal: 'SIGINT',
  }),
};

function command(file: string, entry: string, spec: SidecarSpec): Omit<Command, 'stopSignal'> {
  return { file, args: [entry], env: sidecarEnvironment(spec), stopGraceMs };
}

/** Sources end in `.ts`, the published package in `.js`. */
function program(path: string): string {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  return fileURLToPath(new URL(`${path}${extension}`, import.meta.url));
}

async function describe(): Promise<Awaited<ReturnType<Driver['describe']>>> {
  const binary = findPipy();
  if (binary === undefined) return { usable: false, why: 'PIPY_BIN is not set and there is no pipy on the PATH' };
  const version = await versionOf(binary);
  if (version === undefined) return { usable: false, why: `${binary} does not say its version` };
  if (!isNewEnough(version)) return { usable: false, why: `Pipy ${version} is older than ${versionMin.join('.')}` };
  return { usable: true, text: `Pipy ${version} (${binary})` };
}

/** The Pipy binary: `PIPY_BIN`, or `pipy` on the PATH. */
export function findPipy(): string | undefined {
  const named = process.env.PIPY_BIN;
  if (named) return isExecutable(named) ? named : undefined;
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '');
  return folders.map(folder => join(folder, 'pipy')).find(isExecutable);
}

/** Whether a file is a program that this user may run. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Not there or not to be run: both mean that there is no Pipy here.
    return false;
  }
}

/** What `pipy -v` prints counts, however the process ends. */
function versionOf(binary: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const options = { timeout: versionTimeoutMs, killSignal: 'SIGKILL' } as const;
    execFile(binary, ['-v'], options, (_error, stdout) => resolve(/^Version\s*:\s*(\S+)/m.exec(stdout)?.[1]));
  });
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]);
}
