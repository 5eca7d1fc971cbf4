/** The house rules, held for every file that is or will be committed. Their own tests are in rules.test.ts. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bannedUses, idleExceptions } from './banned.ts';
import { withoutDocstring } from './docstrings.ts';
import { cycles, policyImports, roomOf, rooms, wrongWay } from './imports.ts';
import { longFile, longFunctions, longShare, unwantedSyntax } from './shape.ts';
import { codeFiles, committedFiles, type Finding } from './source.ts';
import { badWords, deadLinks } from './words.ts';

const files = committedFiles();
const code = codeFiles(files);
const sources = code.filter(({ file }) => file.startsWith('src/'));

/** Share of functions over 40 lines that there may be. Lower it when it has become less; never raise it. */
const longShareMax = 0.005;

/** Exported symbols without a docstring that each room may still have. Lower it as they get theirs; never raise it. */
const undocumented = new Map<string, number>([
  ['api', 22],
  ['engine', 55],
  ['identity', 19],
  ['dataplane', 45],
  ['kube', 27],
  ['admin', 7],
  ['controller', 3],
  ['sandbox', 77],
  ['cli', 20],
]);

/** Files that export a default because what loads them asks for it. */
const defaults = new Map([
  ['src/engine/shards/worker.ts', 'piscina runs the default export'],
  ['test/pipy.config.ts', 'vitest reads the default export'],
  ['test/clients.config.ts', 'vitest reads the default export'],
  ['test/cluster.config.ts', 'vitest reads the default export'],
  ['test/fuzz.config.ts', 'vitest reads the default export'],
  ['test/arm64.config.ts', 'vitest reads the default export'],
]);

/** Texts that people or tools wrote elsewhere: licences, sums, recorded results. */
const foreign = /^(LICENSE|package-lock\.json|.*go\.sum|bench\/results\/.*|.*\/testdata\/.*)$/;

test('the rules have something to look at', () => {
  expect(sources.length).toBeGreaterThan(100);
});

test('functions have at most 70 lines', () => {
  none(code.flatMap(longFunctions));
});

test(`no more than ${longShareMax * 100} % of the functions of src have over 40 lines`, () => {
  expect(longShare(sources)).toBeLessThanOrEqual(longShareMax);
});

test('files have at most 400 lines', () => {
  none(code.flatMap(longFile));
});

test('no any, no non-null assertion, no default export', () => {
  none(code.flatMap(source => unwantedSyntax(source, defaults)));
});

test('clocks, timers, I/O, streams and consoles are where they belong', () => {
  none(code.flatMap(source => bannedUses(source)));
});

test('every exception from a ban is still needed', () => {
  none(idleExceptions(code));
});

test.each(rooms)('no more exported symbols of %s lack a docstring than did', room => {
  const findings = sources.filter(({ file }) => roomOf(file) === room).flatMap(withoutDocstring);
  if (findings.length > (undocumented.get(room) ?? 0)) none(findings);
});

test('rooms import only rooms before them', () => {
  none(sources.flatMap(wrongWay));
});

test('the policy imports nothing but its own files and types', () => {
  none(sources.flatMap(policyImports));
});

test('files do not import each other in circles', () => {
  none(cycles(sources));
});

test('no committed file names a machine or the tool it was written with', () => {
  const texts = files.filter(file => !foreign.test(file)).map(file => ({ file, text: readFileSync(file, 'utf8') }));
  none(texts.flatMap(badWords));
});

test('the lock file names no registry', () => {
  none(badWords({ file: 'package-lock.json', text: readFileSync('package-lock.json', 'utf8') }));
});

test('links in the docs lead somewhere', () => {
  const texts = new Map(files.map(file => [file, file.endsWith('.md') ? readFileSync(file, 'utf8') : '']));
  none([...texts].filter(([file]) => file.endsWith('.md')).flatMap(([file, text]) => deadLinks({ file, text }, texts)));
});

/** Fails with one finding on each line. */
function none(findings: readonly Finding[]): void {
  expect(findings.join('\n')).toBe('');
}
