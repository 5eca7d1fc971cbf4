/** What a narrow terminal shows: everything, in lines that fit, with names that can be copied. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { foldLines, layTable, widthOf } from '../../src/cli/layout.ts';
import { hints } from '../../src/cli/screen/hints.ts';
import { createScreen } from '../../src/cli/screen/screen.ts';
import type { Instance } from '../../src/sandbox/instance.ts';
import { dirOption, shellQuoted, typedPath } from '../../src/sandbox/shell.ts';

const longest = (text: string) => Math.max(...text.split('\n').map(line => line.length));
const words = (text: string) => text.split(/\s+/).filter(Boolean);

describe('a table', () => {
  const header = ['POD', 'STATE', 'WHY'];
  const pod = 'bookwarehouse/bookwarehouse-9bfe317301-1f0fc';
  const rows = [
    [pod, 'denied', 'no TrafficTarget lets it call anybody at all'],
    ['a', '', 'b'],
  ];

  test.each([200, 90, 70, 60, 45])('of %i columns shows every word of every cell, whole', width => {
    const text = layTable(header, rows, width);
    expect(longest(text)).toBeLessThanOrEqual(width);
    for (const word of rows.flat().flatMap(words)) expect(words(text)).toContain(word);
  });

  test('keeps its columns as long as the words allow it', () => {
    expect(layTable(['A', 'B'], [['one two three', 'x']], 9)).toBe('A       B\none     x\ntwo\nthree');
  });

  test('becomes a paragraph for each row where they do not', () => {
    expect(
      layTable(
        ['NAME', 'AGE', 'IP'],
        [
          ['a-long-name', '1s', ''],
          ['b', '2s', '1'],
        ],
        14,
      ),
    ).toBe('NAME\n   a-long-name\n  AGE 1s\nNAME b  AGE 2s\n  IP 1');
  });
});

test.each([60, 30, 18])('lines are folded at %i columns, further in than they began', width => {
  const text = `  At the client, shop/web: forward: shop/cart goes to shop/cart-v1 100 %\nshort`;
  const folded = foldLines(text, width);
  expect(longest(folded)).toBeLessThanOrEqual(width);
  expect(folded.replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
  expect(folded.split('\n')[1]).toMatch(/^ {2,6}\S/);
});

test('where nobody looks at a terminal lines are as long as they are', () => {
  expect(widthOf({ isTTY: false, columns: 60 })).toBe(Number.POSITIVE_INFINITY);
  expect(widthOf({ isTTY: true, columns: 0 })).toBe(Number.POSITIVE_INFINITY);
  expect(foldLines('x'.repeat(500), widthOf({}))).toHaveLength(500);
});

describe('the screen', () => {
  const flow = {
    ...{ client: 'bookstore-v1', service: 'bookwarehouse', request: 'POST /restock-books', status: 403 },
    ...{ answer: 'no-route-match', calls: 1, rate: 1, total: 1 },
  };

  test.each([120, 80, 60, 40])('of %i columns shows the answer, and draws over as many lines as there are', columns => {
    const written: string[] = [];
    const screen = createScreen({ isTTY: true, columns, write: text => written.push(text) }, 'node');
    screen.flows([flow]);
    screen.flows([flow]);
    const [drawn = '', erased] = written;
    expect(longest(drawn)).toBeLessThanOrEqual(columns);
    for (const word of ['bookstore-v1', 'bookwarehouse', '/restock-books', '403', 'no-route-match'])
      expect(words(drawn)).toContain(word);
    expect(erased).toBe(`\x1b[${drawn.split('\n').length - 1}A\x1b[J`);
  });
});

describe('the hints', () => {
  const instance = (dir: string) => ({ controllerPid: 7, kubeconfig: join(dir, 'kubeconfig') }) as Instance;
  const commands = (dir: string) => hints(instance(dir), dir, 200).match(/fsm (--)?.*/g) ?? [];

  test('name the sandbox that they are about, each of them', () => {
    expect(commands('other').length).toBeGreaterThan(6);
    for (const command of commands('other')) expect(command).toContain(' --dir other');
    expect(hints(instance('other'), 'other', 200)).toContain('KUBECONFIG=other/kubeconfig kubectl');
    for (const command of commands('.fsm')) expect(command).not.toContain('--dir');
  });

  test.each(["it's", 'a b', '$HOME', 'a"b', '`x`', 'a;b', 'ä*?'])('quote %s for a shell', dir => {
    for (const command of commands(dir)) expect(command).toContain(` --dir '${dir.replaceAll("'", "'\\''")}'`);
  });

  test('put a command that is too long below what it does, whole', () => {
    const text = hints(instance('.fsm'), '.fsm', 40);
    expect(text).toMatch(/^ {2}ask why\n {4}\S.*fsm.* why bookbuyer bookstore \/buy$/m);
  });

  test('give kubectl a path with a colon in a way that it understands', () => {
    expect(hints(instance('a:b'), 'a:b', 200)).toContain('kubectl --kubeconfig a:b/kubeconfig get pods -A');
  });
});

describe('a directory', () => {
  const cwd = process.cwd();
  afterEach(() => process.chdir(cwd));

  test('is named in commands unless it is the usual one', () => {
    const here = mkdtempSync(join(tmpdir(), "fsm's-"));
    process.chdir(here);
    expect(['.fsm', './.fsm', join(process.cwd(), '.fsm')].map(dirOption)).toEqual(['', '', '']);
    expect(dirOption('x/.fsm')).toBe(' --dir x/.fsm');
    expect(typedPath(join(process.cwd(), 'logs'))).toBe('logs');
    expect(typedPath('/')).toBe('/');
    expect(shellQuoted('')).toBe("''");
    rmSync(here, { recursive: true });
  });
});
