/** Each rule is seen to fail on a small text, and to keep quiet on its neighbour. */
import { describe, expect, test } from 'vitest';
import { type Ban, bannedUses, idleExceptions } from './banned.ts';
import { withoutDocstring } from './docstrings.ts';
import { cycles, policyImports, wrongWay } from './imports.ts';
import { longFile, longFunctions, longShare, unwantedSyntax } from './shape.ts';
import { type Finding, type Source, sourceOf } from './source.ts';
import { badWords, deadLinks } from './words.ts';

const engine = 'src/engine/x.ts';

function lines(count: number): string {
  return 'f();\n'.repeat(count);
}

describe('lengths', () => {
  test('a function of 71 lines is too long, one of 70 is not', () => {
    expect(longFunctions(sourceOf(engine, `function f() {\n${lines(69)}}`))).toEqual([
      'src/engine/x.ts:1: function of 71 lines (at most 70): take parts out that have a name',
    ]);
    expect(longFunctions(sourceOf(engine, `function f() {\n${lines(68)}}`))).toEqual([]);
  });

  test('methods and arrows count, groups of tests do not', () => {
    expect(longFunctions(sourceOf(engine, `class A { m() {\n${lines(70)}} }`))).toHaveLength(1);
    expect(longFunctions(sourceOf(engine, `\nconst f = () => {\n${lines(70)}};`))).toEqual([
      expect.stringContaining(':2: function of 72 lines'),
    ]);
    expect(longFunctions(sourceOf('test/x.test.ts', `describe.skipIf(no)('x', () => {\n${lines(70)}});`))).toEqual([]);
  });

  test('a file of 401 lines is too long', () => {
    expect(longFile({ file: engine, text: lines(401) })[0]).toMatch(/^src\/engine\/x.ts:1: file of 401 lines/);
    expect(longFile({ file: engine, text: lines(400) })).toEqual([]);
  });

  test('the share of functions over 40 lines', () => {
    const source = sourceOf(engine, `function f() {\n${lines(40)}}\nfunction g() {}`);
    expect(longShare([source])).toBe(0.5);
  });
});

test.each([
  ['let a: any;', '`any`'],
  ['a!.b();', 'non-null'],
  ['export default 1;', 'default export'],
])('%s is not written', (text, what) => {
  expect(unwantedSyntax(sourceOf(engine, text), new Map())).toEqual([
    expect.stringContaining(`src/engine/x.ts:1: ${what}`),
  ]);
});

test('a default export may be allowed by name, and unknown and comparisons are fine', () => {
  expect(unwantedSyntax(sourceOf(engine, 'export default 1;'), new Map([[engine, 'reason']]))).toEqual([]);
  expect(unwantedSyntax(sourceOf(engine, 'let a: unknown; if (a !== 1) f();'), new Map())).toEqual([]);
});

describe('bans', () => {
  test.each([
    [engine, 'const t = Date.now();', 'Date.now'],
    [engine, 'const t = new Date();', 'new Date'],
    [engine, 'const now = options.now ?? Date.now;', 'Date.now'],
    [engine, 'const r = Math.random();', 'Math.random'],
    [engine, 'setTimeout(f, 1);', 'setTimeout'],
    [engine, 'const e = process.env.HOME;', 'process.env'],
    [engine, "import { readFileSync } from 'node:fs';", 'import node:fs'],
    [engine, "import { connect } from 'node:net';", 'import node:net'],
    ['src/dataplane/x.ts', "import { map } from 'rxjs';", 'import rxjs'],
    ['src/kube/x.ts', "console.log('x');", 'console.log'],
    ['test/x.test.ts', 'await new Promise(done => setTimeout(done, 100));', 'sleep'],
    ['test/x.test.ts', 'await new Promise(done => { setTimeout(() => done(), 100); });', 'sleep'],
    ['test/x.test.ts', "import { setTimeout as delay } from 'node:timers/promises'; await delay(5);", 'sleep'],
    ['test/x.test.ts', "vi.mock('../src/x.ts');", 'vi.mock'],
  ])('%s: %s', (file, text, name) => {
    expect(bannedUses(sourceOf(file, text))).toEqual([expect.stringContaining(`${file}:1: ${name} is banned here: `)]);
  });

  test.each([
    [engine, 'const day = new Date(at);'],
    [engine, "import type { Socket } from 'node:net';"],
    ['src/kube/x.ts', "import { map } from 'rxjs'; const t = Date.now(); setTimeout(f, 1);"],
    ['src/cli/x.ts', "console.log('x');"],
    ['src/engine/journal.ts', "import { statSync } from 'node:fs';"],
    ['test/x.test.ts', 'new Promise((done, failed) => { setTimeout(failed, 100); socket.once("data", done); });'],
    [
      'test/x.test.ts',
      "import { setTimeout as delay } from 'node:timers/promises'; await Promise.race([a, delay(5)]);",
    ],
  ])('not %s: %s', (file, text) => {
    expect(bannedUses(sourceOf(file, text))).toEqual([]);
  });

  test('an exception that nothing needs is named', () => {
    const ban: Ban = { names: /^eval$/, where: /^src/, instead: 'nothing', except: { [engine]: 'a reason' } };
    expect(idleExceptions([sourceOf(engine, 'eval(1);')], [ban])).toEqual([]);
    expect(idleExceptions([sourceOf(engine, 'f();')], [ban])).toEqual([expect.stringContaining('needs no exception')]);
  });
});

describe('imports', () => {
  test.each([
    ['src/engine/x.ts', "import { a } from '../kube/a.ts';", 'engine may not import src/kube/a.ts'],
    ['src/kube/x.ts', "import type { A } from '../controller.ts';", 'kube may not import src/controller.ts'],
    ['src/cli/x.ts', "import { a } from '../../test/a.ts';", 'cli may not import test/a.ts'],
    ['src/api/x.ts', "export * from '../engine/a.ts';", 'api may not import src/engine/a.ts'],
    ['src/api/x.ts', "const a = await import('../engine/a.ts');", 'api may not import src/engine/a.ts'],
    ['src/surprise/x.ts', 'f();', 'src/surprise is no room'],
  ])('%s: %s', (file, text, what) => {
    expect(wrongWay(sourceOf(file, text))).toEqual([expect.stringContaining(what)]);
  });

  test('rooms import themselves and those before', () => {
    const text = "import { a } from './a.ts'; import { b } from '../kube/b.ts'; import { c } from 'rxjs';";
    expect(wrongWay(sourceOf('src/controller/x.ts', text))).toEqual([]);
    expect(wrongWay(sourceOf('test/x.ts', "import { a } from '../src/cli/a.ts';"))).toEqual([]);
  });

  test('the policy takes types and nothing else from outside', () => {
    const file = 'src/dataplane/policy/x.js';
    expect(policyImports(sourceOf(file, "import { a } from '../../engine/a.ts';"))).toHaveLength(1);
    expect(policyImports(sourceOf(file, "import { a } from './a.js';"))).toEqual([]);
    const types = sourceOf('src/dataplane/policy/types.ts', "import type { A } from '../../engine/a.ts';");
    expect(policyImports(types)).toEqual([]);
  });

  test('a circle is named once, a circle of types is none', () => {
    const circle = (kind: string): Source[] => [
      sourceOf('src/api/a.ts', "import { b } from './b.ts';"),
      sourceOf('src/api/b.ts', "import { c } from './c.ts';"),
      sourceOf('src/api/c.ts', `import ${kind}{ a } from './a.ts';`),
    ];
    expect(cycles(circle(''))).toEqual([
      expect.stringContaining('src/api/a.ts → src/api/b.ts → src/api/c.ts → src/api/a.ts: a circle'),
    ]);
    expect(cycles(circle('type '))).toEqual([]);
  });
});

describe('docstrings', () => {
  test.each([
    ['export const a = 1;', 'a'],
    ['/** About the file. */\n\nexport interface A {}', 'A'],
    ['/* not one */\nexport function f() {}', 'f'],
    ['/** of another */\nconst b = 1;\nexport class C {}', 'C'],
  ])('%s', (text, name) => {
    expect(withoutDocstring(sourceOf(engine, text))).toEqual([expect.stringContaining(`${name} has no docstring`)]);
  });

  test.each([
    ['/** One. */\nexport const a = 1;'],
    ["export { a } from './a.ts';"],
    ['/** Both. */\nexport function f(a: string): void;\nexport function f(): void {}'],
  ])('not %s', text => {
    expect(withoutDocstring(sourceOf(engine, text))).toEqual([]);
  });
});

describe('words and links', () => {
  // Joined here, so that this file does not break the rule that it tests.
  test.each([
    [['"resol', 'ved": "https://packages.example/a.tgz"'].join('')],
    [['regis', 'try=https://packages.example'].join('')],
    [['@scope:regis', 'try = https://packages.example'].join('')],
    [['GOPRO', 'XY=https://packages.example'].join('')],
    [['see /ho', 'me/me/fsm'].join('')],
    [['written with Cop', 'ilot'].join('')],
    [['an agent', ' session'].join('')],
  ])('%s', text => {
    expect(badWords({ file: 'a.md', text: `\n${text}` })).toHaveLength(1);
  });

  test('ordinary text passes', () => {
    const text = 'the registry of metrics; src/home/page.ts; https://a.example/home/x; a work in progress';
    expect(badWords({ file: 'a.md', text })).toEqual([]);
  });

  test('links to files and headings', () => {
    const files = new Map([
      ['docs/a.md', '# The title, here\n'],
      ['docs/b/c.md', ''],
    ]);
    const links = (text: string): Finding[] => deadLinks({ file: 'docs/a.md', text }, files);
    expect(links('see [x](missing.md)')).toEqual(['docs/a.md:1: link to missing.md: there is no docs/missing.md']);
    expect(links('\n[x](a.md#nowhere)')).toEqual(['docs/a.md:2: link to a.md#nowhere: docs/a.md has no such heading']);
    expect(links('[a](a.md#the-title-here) [b](b/) [c](https://a.example) `[d](missing.md)`')).toEqual([]);
  });
});
