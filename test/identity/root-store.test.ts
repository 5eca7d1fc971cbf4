import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadOrCreateRoot, rootCertificateFile } from '../../src/identity/root-store.ts';
import { dayMs } from './harness.ts';

const options = { trustDomain: 'cluster.local', purpose: 'mesh', validityMs: dayMs, now: Date.now } as const;
let parent: string;
let dir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'fsm-root-'));
  dir = join(parent, 'mesh');
});
afterEach(() => rm(parent, { recursive: true }));

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('a root in a directory', () => {
  it('is the same one the next time', async () => {
    const made = await loadOrCreateRoot(dir, options);
    expect((await loadOrCreateRoot(dir, options)).certificatePem).toBe(made.certificatePem);
    expect(await readFile(rootCertificateFile(dir), 'utf8')).toBe(made.certificatePem);
  });

  it('lies open to nobody else, and leaves nothing beside it', async () => {
    await loadOrCreateRoot(dir, options);
    expect(await modeOf(dir)).toBe(0o700);
    expect(await modeOf(join(dir, 'root.pem'))).toBe(0o600);
    expect((await readdir(dir)).sort()).toEqual(['root.crt', 'root.pem']);
    expect(await readFile(rootCertificateFile(dir), 'utf8')).not.toContain('PRIVATE');
  });

  it('is refused when others can read its key', async () => {
    await loadOrCreateRoot(dir, options);
    await chmod(join(dir, 'root.pem'), 0o640);
    await expect(loadOrCreateRoot(dir, options)).rejects.toThrow(/FSM2003: other users may read/);
  });

  it('is refused for another trust domain or purpose', async () => {
    await loadOrCreateRoot(dir, options);
    await expect(loadOrCreateRoot(dir, { ...options, trustDomain: 'other' })).rejects.toThrow(
      /FSM2003.*cluster\.local/,
    );
    await expect(loadOrCreateRoot(dir, { ...options, purpose: 'control' })).rejects.toThrow(/FSM2003.*mesh root/);
  });

  it('is not made by a clock before its floor, but opened', async () => {
    const late = { ...options, clockFloorMs: Date.now() + dayMs };
    await expect(loadOrCreateRoot(dir, late)).rejects.toThrow(/^FSM2002/);
    await loadOrCreateRoot(dir, options);
    await expect(loadOrCreateRoot(dir, late)).resolves.toMatchObject({ purpose: 'mesh' });
  });

  it('is one root when processes race for it', async () => {
    const certificates = await race(4);
    expect(certificates[0]).toContain('BEGIN CERTIFICATE');
    expect(new Set(certificates).size).toBe(1);
    expect((await readdir(dir)).sort()).toEqual(['root.crt', 'root.pem']);
  });
});

/** All processes are up before one of them may start. */
async function race(count: number): Promise<string[]> {
  const script = fileURLToPath(new URL('./testdata/race.ts', import.meta.url));
  const racers = Array.from({ length: count }, () =>
    spawn(process.execPath, [script, dir], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  await Promise.all(racers.map(racer => once(racer.stdout, 'data')));
  const results = racers.map(async racer => {
    const output = racer.stdout.setEncoding('utf8').toArray();
    racer.stdin.end();
    return (await output).join('');
  });
  return Promise.all(results);
}
