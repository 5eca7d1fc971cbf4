/** Another state of this project, to be measured beside this one: a directory, or a commit by any name that git knows. */
import { execFile } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { here, kept, outputOf } from './measure.ts';

const run = promisify(execFile);

/** Where it lies. */
export interface Checkout {
  readonly dir: string;
  /** Removes what was made for it. */
  close(): Promise<void>;
}

/**
 * A commit is unpacked into a directory of its own, with this tree's packages if it needs the same, else with its own.
 *
 * @param name a directory in which packages are installed, relative to where npm was called; or a commit
 * @throws Error that says what to do
 */
export async function checkoutOf(name: string): Promise<Checkout> {
  if (name === '') throw new Error('nothing to compare with: the name of the checkout or commit is empty');
  const given = resolve(process.env.INIT_CWD ?? '', name);
  if (!existsSync(given)) return unpacked(name, await commitOf(name));
  if (!existsSync(join(given, 'perf', 'micro.ts')))
    throw new Error(`${name} is no checkout of this project with a gate`);
  if (realpathSync(given) === realpathSync(here))
    throw new Error(`${name} is this tree: give another one, or a commit`);
  if (!existsSync(join(given, 'node_modules'))) throw new Error(`${name} has no packages: npm ci there`);
  return { dir: given, close: async () => {} };
}

async function commitOf(name: string): Promise<string> {
  try {
    return (await git('rev-parse', '--verify', `${name}^{commit}`)).trim();
  } catch (error) {
    const why = (error as { stderr?: string }).stderr?.trim() ?? String(error);
    throw new Error(`${name} is neither a checkout nor a commit: ${why}`);
  }
}

async function unpacked(name: string, commit: string): Promise<Checkout> {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-base-'));
  const close = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    await unpack(commit, dir);
    if (!existsSync(join(dir, 'perf', 'micro.ts'))) throw new Error(`${name} is from before there was a gate`);
    if ((await packagesOf(dir)) === (await packagesOf(here))) await symlink(packagesIn(here), packagesIn(dir));
    else await install(name, dir);
    return { dir, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function packagesIn(tree: string): string {
  return join(tree, 'node_modules');
}

/** Which packages a tree needs: its lock file, but for the project's own version. */
async function packagesOf(tree: string): Promise<string> {
  const lock = JSON.parse(await readFile(join(tree, 'package-lock.json'), 'utf8')) as { packages: object };
  return JSON.stringify({ ...lock.packages, '': undefined });
}

async function install(name: string, dir: string): Promise<void> {
  process.stderr.write(`${name} needs other packages than this tree: npm ci\n`);
  await kept(keeper => outputOf({ file: 'npm', args: ['ci', '--prefix', dir] }, keeper));
}

async function unpack(commit: string, dir: string): Promise<void> {
  const archive = join(dir, 'tree.tar');
  await git('archive', '--output', archive, commit);
  await run('tar', ['-xf', archive, '-C', dir]);
  await rm(archive);
}

async function git(...args: string[]): Promise<string> {
  return (await run('git', args, { cwd: here })).stdout;
}
