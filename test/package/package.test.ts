/** What `npm pack` makes, unpacked where no source lies: its commands run. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Result } from '../../bench/model.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

let dir = '';
let own = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-package-'));
  await run('npm', ['run', '-s', 'build'], { cwd: root });
  await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', dir], { cwd: root });
  const { version, name } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const file = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;
  await run('tar', ['-xzf', join(dir, file), '-C', dir]);
  own = join(dir, 'package');
  await symlink(join(root, 'node_modules'), join(own, 'node_modules'));
}, 120_000);

afterAll(() => rm(dir, { recursive: true, force: true }));

/** A command of the package, by its name in `bin`. */
async function command(name: string, ...args: string[]): Promise<string> {
  const { bin } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8'));
  const { stdout } = await run(process.execPath, [join(own, bin[name]), ...args], { cwd: dir });
  return stdout;
}

test('fsm says its version', async () => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  expect(await command('fsm', '--version')).toContain(version);
});

test('fsm-bench measures the mesh’s own sidecars, and its suites are there', async () => {
  const [point, targets] = [{ connections: [2], payloadBytes: [64] }, ['direct', 'node-pair']];
  const experiments = [{ protocol: 'http1', measure: 'throughput', targets, ...point }];
  const suite = join(dir, 'suite.json');
  await writeFile(suite, JSON.stringify({ name: 'small', rounds: 1, seconds: 0.3, experiments }));
  const result = JSON.parse(await command('fsm-bench', suite, '--json', '--output', join(dir, 'run'))) as Result;
  expect(result.state).toBe('whole');
  expect(result.rounds.map(round => [round.target, round.void])).toEqual([
    ['direct', null],
    ['node-pair', null],
  ]);
  await expect(command('fsm-bench', 'none')).rejects.toThrow('there is no suite none: name one of quick, full');
}, 60_000);
