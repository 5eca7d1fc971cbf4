import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkoutOf } from '../../perf/checkout.ts';
import { packageFile } from '../../src/api/package.ts';

const here = packageFile('');
let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-checkout-test-'));
});

afterEach(() => rm(dir, { recursive: true }));

it('takes a directory as it is', async () => {
  await expect(checkoutOf(dir)).rejects.toThrow(`${dir} is no checkout of this project with a gate`);
  await mkdir(join(dir, 'perf'));
  await writeFile(join(dir, 'perf', 'micro.ts'), '');
  await expect(checkoutOf(dir)).rejects.toThrow(`${dir} has no packages: npm ci there`);
  await mkdir(join(dir, 'node_modules'));
  const checkout = await checkoutOf(dir);
  expect(checkout.dir).toBe(dir);
  await checkout.close();
  expect(existsSync(dir)).toBe(true);
});

it('unpacks a commit beside the packages of this tree, and removes it', async ({ skip }) => {
  const git = spawnSync('git', ['diff', '--quiet', 'HEAD', '--', 'package-lock.json'], { cwd: here });
  if (git.status !== 0) skip('this is no git checkout, or its packages are not those of the last commit');
  const { dir: unpacked, close } = await checkoutOf('HEAD');
  expect(JSON.parse(await readFile(join(unpacked, 'package.json'), 'utf8'))).toMatchObject({ name: '@flomesh/fsm' });
  expect(existsSync(join(unpacked, 'node_modules', 'typescript'))).toBe(true);
  await close();
  expect(existsSync(unpacked)).toBe(false);
  expect(existsSync(join(here, 'node_modules', 'typescript'))).toBe(true);
});

it('compares nothing with itself, and says what it needs', async () => {
  await expect(checkoutOf('')).rejects.toThrow('the name of the checkout or commit is empty');
  await symlink(here, join(dir, 'link'));
  await expect(checkoutOf(join(dir, 'link'))).rejects.toThrow('is this tree: give another one, or a commit');
  await expect(checkoutOf('no-such-thing')).rejects.toThrow('no-such-thing is neither a checkout nor a commit: ');
});
