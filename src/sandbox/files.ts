/** What a sandbox keeps on disk, all of it below one directory of mode 0700. */
import { access, chmod, mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { rootCertificateFile } from '../identity/root-store.ts';
import { sandboxFolder } from './shell.ts';

export interface SandboxFiles {
  readonly dir: string;
  /** Who runs here, and where everything is. */
  readonly instance: string;
  readonly kubeconfig: string;
  /** State directory of the controller. */
  readonly state: string;
  readonly journal: string;
  /** Certificate of the root that the controller's server certificate hangs from. */
  readonly controlRoot: string;
  /** Root of the API server's certificate. */
  readonly apiRoot: string;
  readonly pods: string;
  readonly logs: string;
  /** First on the PATH of containers. */
  readonly bin: string;
}

/** @param dir the sandbox's own directory, usually `.fsm` */
export function filesOf(dir: string): SandboxFiles {
  const at = (...parts: string[]) => resolve(dir, ...parts);
  return {
    dir: at(),
    instance: at('sandbox.json'),
    kubeconfig: at('kubeconfig'),
    state: at('state'),
    journal: at('state', 'journal.db'),
    controlRoot: rootCertificateFile(at('state', 'control-root')),
    apiRoot: at('api-root'),
    pods: at('pods'),
    logs: at('logs'),
    bin: at('bin'),
  };
}

/**
 * Makes a folder and those above it. By itself: where a file system knows no new folders (/proc), Node's own way never
 * comes to an end.
 */
async function makeWithParents(dir: string): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(dir)).isDirectory()) return;
    if (code !== 'ENOENT' || (await isThere(dirname(dir)))) throw error;
    await makeWithParents(dirname(dir));
    await mkdir(dir, { mode: 0o700 });
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    // What cannot be reached is not there.
    return false;
  }
}

/** Makes the directory, closed to others. */
export async function makeFolder(files: SandboxFiles): Promise<void> {
  await makeWithParents(files.dir);
  await chmod(files.dir, 0o700);
}

/** Removes what an earlier sandbox left, and only that; makes the folders of the next. */
export async function cleanFolder(files: SandboxFiles): Promise<void> {
  const { kubeconfig, state, apiRoot, pods, logs, bin } = files;
  for (const path of [kubeconfig, state, apiRoot, pods, logs, bin]) await rm(path, { recursive: true, force: true });
  for (const path of [state, pods, logs, bin]) await mkdir(path, { mode: 0o700 });
}

/** Removes what is worth nothing once the sandbox has ended: credentials. Journal and logs stay until the next start. */
export async function removeSecrets({ kubeconfig, pods, apiRoot }: SandboxFiles): Promise<void> {
  for (const path of [kubeconfig, pods, apiRoot]) await rm(path, { recursive: true, force: true });
}

/** Removes what a start that failed has made; logs stay where they say why. */
export async function removeMade({ state, bin, logs }: SandboxFiles): Promise<void> {
  for (const path of [state, bin]) await rm(path, { recursive: true, force: true });
  for (const name of await readdir(logs)) {
    const path = join(logs, name);
    if ((await stat(path)).size === 0) await rm(path);
  }
  if ((await readdir(logs)).length === 0) await rmdir(logs);
}

/** `.fsm` in a working directory. */
export function defaultFolder(cwd: string): string {
  return join(cwd, sandboxFolder);
}
