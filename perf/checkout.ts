/** Another state of this project, to be measured beside this one: a directory, or a commit by any name that git knows. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { here } from './measure.ts';

const run = promisify(execFile);

/** Where it lies. */
export interface Checkout {
  readonly dir: string;
  /** Removes what was made for it. */
  close(): Promise<void>;
}

/**
 * @param name a directory in which packages are installed, or a commit that needs the same packages as this tree
 * @throws Error that says what to do
 */
export async function checkoutOf(name: string): Promise<Checkout> {
  const given = resolve(name);
  if (existsSync(join(given, 'package.json'))) {
    if (!existsSync(join(given, 'node_modules'))) throw new Error(`${name} has no packages: npm ci there`);
    return { dir: given, close: async () => {} };
  }
  const commit = await git('rev-parse', '--verify', '--quiet', `${name}^{commit}`).catch(() => {
    throw new Error(`${name} is neither a checkout nor a commit`);
  });
  const dir = await mkdtemp(join(tmpdir(), 'fsm-base-'));
  const close = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    await unpack(commit.trim(), dir);
    if ((await readFile(join(dir, lock), 'utf8')) !== (await readFile(join(here, lock), 'utf8')))
      throw new Error(`${name} has other packages than this tree: check it out, npm ci there, and give its directory`);
    await symlink(join(here, 'node_modules'), join(dir, 'node_modules'));
    return { dir, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const lock = 'package-lock.json';

async function unpack(commit: string, dir: string): Promise<void> {
  const archive = join(dir, 'tree.tar');
  await git('archive', '--output', archive, commit);
  await run('tar', ['-xf', archive, '-C', dir]);
  await rm(archive);
}

async function git(...args: string[]): Promise<string> {
  return (await run('git', args, { cwd: here })).stdout;
}
