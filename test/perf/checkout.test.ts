import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkoutOf } from '../../perf/checkout.ts';
import { here } from '../../perf/measure.ts';

it('takes a directory as it is', async () => {
  const { dir, close } = await checkoutOf(here);
  expect(join(dir, '.')).toBe(join(here, '.'));
  await close();
  expect(existsSync(join(here, 'package.json'))).toBe(true);
});

it('unpacks a commit beside the packages of this tree, and removes it', async ({ skip }) => {
  const git = spawnSync('git', ['diff', '--quiet', 'HEAD', '--', 'package-lock.json'], { cwd: here });
  if (git.status !== 0) skip('this is no git checkout, or its packages are not those of the last commit');
  const { dir, close } = await checkoutOf('HEAD');
  expect(JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))).toMatchObject({ name: '@flomesh/fsm' });
  expect(existsSync(join(dir, 'node_modules', 'typescript'))).toBe(true);
  await close();
  expect(existsSync(dir)).toBe(false);
  expect(existsSync(join(here, 'node_modules', 'typescript'))).toBe(true);
});

it('says what it needs', async () => {
  await expect(checkoutOf('no-such-thing')).rejects.toThrow('no-such-thing is neither a checkout nor a commit');
});
