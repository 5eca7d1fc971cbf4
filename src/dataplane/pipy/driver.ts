/** The Pipy driver: sidecars are Pipy processes that run the scripts of this folder and the policy beside it. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { moduleFile } from '../../api/package.ts';
import { type Command, type Driver, type SidecarSpec, sidecarEnvironment } from '../driver.ts';

/** Pipy drains without a bound when it gets SIGINT, and can hang at its exit: SIGKILL follows after this. */
const stopGraceMs = 10_000;

/** `pipy -v` answers in milliseconds, and hangs at its exit every few runs. */
const versionTimeoutMs = 2000;

/** The oldest version whose script API this shell uses. */
const versionMin = [1, 5] as const;

export const pipyDriver: Driver = {
  name: 'pipy',
  describe: () => describePipy(),
  init: spec => ({
    ...command(process.execPath, moduleFile('../enrol/main', import.meta.url), spec),
    stopSignal: 'SIGTERM',
  }),
  sidecar: spec => ({
    ...command(findPipy() ?? 'pipy', fileURLToPath(new URL('../pipy-sidecar.js', import.meta.url)), spec),
    stopSignal: 'SIGINT',
  }),
};

function command(file: string, entry: string, spec: SidecarSpec): Omit<Command, 'stopSignal'> {
  return { file, args: [entry], env: sidecarEnvironment(spec), stopGraceMs };
}

/**
 * The Pipy that is here, or why none can be used.
 *
 * @param print what a program writes to its standard output
 */
export async function describePipy(
  print: (file: string, args: readonly string[]) => Promise<string> = printed,
): Promise<Awaited<ReturnType<Driver['describe']>>> {
  const binary = findPipy();
  if (binary === undefined) return { usable: false, why: 'PIPY_BIN is not set and there is no pipy on the PATH' };
  const version = /^Version\s*:\s*(\S+)/m.exec(await print(binary, ['-v']))?.[1];
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

/** What it prints counts, however the process ends. */
function printed(file: string, args: readonly string[]): Promise<string> {
  return new Promise(resolve => {
    const options = { timeout: versionTimeoutMs, killSignal: 'SIGKILL' } as const;
    execFile(file, args, options, (_error, stdout) => resolve(stdout));
  });
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]);
}
