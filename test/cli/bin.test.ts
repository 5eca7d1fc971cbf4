/** The commands of this package as a checkout has them: without a build, whatever Node is on the PATH. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const dir = mkdtempSync(join(tmpdir(), 'fsm-bin-'));
afterAll(() => rmSync(dir, { recursive: true }));

const run = promisify(execFile);
const { version, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** A Node on the PATH that cannot run the sources. */
const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map(folder => join(folder, 'node'))
  .filter(existsSync)
  .find(file => Number(execFileSync(file, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' })) < 24);
const whyNot = oldNode ? '' : ' (skipped: no Node before 24 on the PATH)';

test.each(['fsm', 'fsm-bench'])('%s runs the sources', async name => {
  const { stdout } = await run(process.execPath, [join(root, bin[name]), '--help'], { cwd: dir });
  expect(stdout).toMatch(/fsm|bench/);
});

test('npx finds it in the checkout, and asks no registry', async () => {
  const env = { ...process.env, npm_config_cache: join(dir, 'cache'), npm_config_registry: 'http://127.0.0.1:9' };
  const { stdout } = await run('npx', ['fsm', 'version'], { cwd: root, env });
  expect(stdout).toContain(version);
}, 60_000);

describe.skipIf(!oldNode)(`an older Node${whyNot}`, () => {
  const fsm = join(root, 'bin/fsm.js');
  const node = oldNode ?? '';

  test('hands over to the one that npm ci brings along, with everything that is said to it', async () => {
    const { stdout } = await run(node, [fsm, 'version', '-o', 'json'], { cwd: dir });
    expect(Number(JSON.parse(stdout).node.split('.')[0])).toBeGreaterThanOrEqual(24);
    await expect(run(node, [fsm, 'get', 'pods', '--dir', 'nosuch'], { cwd: dir })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^FSM6004: /),
    });
  });

  test('hands on a signal, and ends as the other does', async () => {
    const child = spawn(node, [fsm, 'apply', '-f', '-'], { cwd: dir, stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const pid = await childOf(child.pid ?? 0);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(143);
    expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
  });

  test('without that one says what to do, and nothing else', async () => {
    symlinkSync(join(root, 'package.json'), join(dir, 'package.json'));
    execFileSync('cp', ['-r', join(root, 'bin'), dir]);
    await expect(run(node, [join(dir, 'bin/fsm.js')], { cwd: dir })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^FSM6002: this is Node \d+\.\S+; FSM needs 24 or later\. Fix: .*\n$/),
    });
  });
});

/** The process that another one has started, once it has. */
async function childOf(pid: number): Promise<string> {
  for (;;) {
    const { stdout } = await run('cat', [`/proc/${pid}/task/${pid}/children`]);
    const [child] = stdout.trim().split(' ');
    if (child) return child;
  }
}
