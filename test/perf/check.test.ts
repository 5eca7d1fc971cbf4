import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** Exit code and standard error of a program of the gate that ends before it measures. */
function ended(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const program = fileURLToPath(new URL(`../../perf/${name}.ts`, import.meta.url));
  return new Promise<{ code: unknown; said: string }>(resolve => {
    const { PIPY_BIN: _, ...inherited } = process.env;
    execFile(process.execPath, [program, ...args], { env: { ...inherited, ...env } }, (error, _out, said) =>
      resolve({ code: error?.code ?? 0, said }),
    );
  });
}

// 1 is a regression, and nothing else is.
it.each<[what: string, args: readonly string[], env: Readonly<Record<string, string>>, said: RegExp]>([
  ['an option that it does not know', ['--bse', 'main'], {}, /^nothing can be said: .*--bse/],
  ['an empty base', ['--base', ''], {}, /the name of the checkout or commit is empty/],
  ['a base that is nowhere', ['--base', 'no-such-thing'], {}, /is neither a checkout nor a commit/],
  ['a file that cannot be written', ['--base', 'HEAD', '--markdown', '/no/such/file'], {}, /ENOENT.*\/no\/such\/file/],
  ['a full disk besides', ['--base', 'no-such-thing', '--markdown', '/dev/full'], {}, /nor a commit.*ENOSPC/s],
  ['a PIPY_BIN that names nothing', ['--base', 'HEAD'], { PIPY_BIN: '/no/such/pipy' }, /PIPY_BIN is \/no\/such\/pipy/],
])('ends with 2 on %s', async (_, args, env, said) => {
  const result = await ended('check', args, env);
  expect(result.said).toMatch(said);
  expect(result.code).toBe(2);
});

it.each<[what: string, name: string, args: readonly string[], said: RegExp]>([
  ['an option that it does not know', 'accept', ['--reson', 'x'], /^[^\n]*--reson[^\n]*\n$/],
  ['a baseline without a reason', 'accept', [], /^say why: [^\n]*\n$/],
  ['too few runs', 'accept', ['--reason', 'x', '--runs', 'two'], /^--runs is two: give 3 or more\n$/],
  ['a series without Pipy', 'quality', ['--checks', '1'], /^there is no Pipy here: set PIPY_BIN\n$/],
])('ends with 2 and a line on %s (%s)', async (_, name, args, said) => {
  const result = await ended(name, args, { PATH: '/usr/bin:/bin' });
  expect(result.said).toMatch(said);
  expect(result.code).toBe(2);
});
