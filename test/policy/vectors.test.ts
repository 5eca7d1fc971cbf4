import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runVectors } from './vectors.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const vectorsFile = fileURLToPath(new URL('testdata/vectors.json', import.meta.url));
const pipy = process.env.PIPY_BIN;

describe('the vectors of the policy', () => {
  it('are decided on Node as recorded', async () => {
    const lines = runVectors(JSON.parse(readFileSync(vectorsFile, 'utf8')));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('testdata/vectors.out.txt');
  });

  it.skipIf(pipy === undefined)('are decided on Pipy with the same bytes (skipped: PIPY_BIN is not set)', async () => {
    const recorded = readFileSync(new URL('testdata/vectors.out.txt', import.meta.url), 'utf8');
    expect(await runOnPipy(pipy ?? '')).toBe(recorded);
  });
});

/** Pipy takes the folder of its entry as its root, so the entry stands in a folder that links to both parts. */
async function runOnPipy(binary: string): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'fsm-vectors-'));
  for (const part of ['src', 'test']) symlinkSync(join(repository, part), join(root, part));
  writeFileSync(
    join(root, 'main.js'),
    `import { runVectors } from './test/policy/vectors.js';
    println(runVectors(JSON.decode(os.read('${vectorsFile}'))).join('\\n'));`,
  );
  try {
    return await outputOf(binary, join(root, 'main.js'));
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Pipy can hang when it exits, so it is killed after a while and only its output counts. */
function outputOf(binary: string, entry: string): Promise<string> {
  return new Promise(resolve => {
    execFile(binary, [entry], { timeout: 3000, killSignal: 'SIGKILL' }, (_error, stdout) => resolve(stdout));
  });
}
