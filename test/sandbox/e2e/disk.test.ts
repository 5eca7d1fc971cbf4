/** A disk that fills up below a running sandbox: those who call each other go on, and everything comes back with the room. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demo, folder, freePortBase, fsm, type Running, start, untilNothingRuns } from './user.ts';

const home = folder();
const disk = join(home.path, 'disk');
mkdirSync(disk);
const size = 'size=8m';
const canMount =
  process.getuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', disk]).status === 0;
let up: Running;

const dir = join(disk, 'sandbox');
const fill = () => spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=4k']);

describe.skipIf(!canMount)(`a full disk${canMount ? '' : ' (skipped: only root can mount a small one)'}`, () => {
  beforeAll(async () => {
    up = start(home.path, 'sandbox', 'up', '--dir', dir, '--port-base', String(await freePortBase()));
    await up.until(/^bookbuyer → bookstore GET \/buy → 200 bookstore-v1 /);
  }, 30_000);

  test('costs lines of logs, and nobody who calls', async () => {
    fill();
    const from = up.lines.length;
    process.kill(
      JSON.parse(execFileSync('cat', [join(dir, 'sandbox.json')], { encoding: 'utf8' })).controllerPid,
      'SIGKILL',
    );
    await up.until(/^- Controller: process \d+ ended \(exit code 1: FSM5001: .*full/, from);
    const { code, stderr } = await fsm(home.path, 'check', '--dir', dir);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^FSM6004: the control plane does not answer/)]);
    const failed = up.lines.slice(from).filter(line => /^book(buyer|store)/.test(line) && !line.includes('→ 200'));
    expect(failed).toEqual([]);
  }, 30_000);

  test('that has room again has everything again', async () => {
    const from = up.lines.length;
    rmSync(join(disk, 'filler'));
    await up.until(/^- Controller: serving/, from);
    await fsm(home.path, 'apply', '--dir', dir, '-f', demo('split-to-v2.yaml'));
    await up.until(/^bookbuyer → bookstore GET \/buy → 200 bookstore-v2 /, from);
  }, 30_000);

  test('is left as an orderly end leaves it', async () => {
    fill();
    up.kill('SIGINT');
    expect((await up.exited).code).toBe(0);
    await untilNothingRuns(home.path, 5000);
  }, 30_000);
});

afterAll(() => {
  if (canMount) {
    up.kill('SIGKILL');
    execFileSync('umount', ['-l', disk]);
  }
  home.remove();
});
