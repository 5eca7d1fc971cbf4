import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generatedFiles } from '../../src/api/generate.ts';
import { problemCodes } from '../../src/api/problem-codes.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(resolve(root, path), 'utf8');

describe('generated files', () => {
  test.each([...generatedFiles()])('%s is what `npm run generate` writes', (path, text) => {
    expect(read(path)).toBe(text);
  });

  test.each(['charts/fsm/crds', 'docs/reference'])('%s holds nothing else', folder => {
    const present = readdirSync(resolve(root, folder)).map(name => `${folder}/${name}`);
    const expected = [...generatedFiles().keys()].filter(path => path.startsWith(`${folder}/`));
    expect(present.sort()).toEqual(expected.sort());
  });
});

test('docs/error-codes.md and problemCodes list the same codes with the same words', () => {
  const rows = read('docs/error-codes.md').matchAll(/^\| (FSM\d{4}) \| (.*) \|$/gm);
  expect(Object.fromEntries([...rows].map(([, code, meaning]) => [code, meaning]))).toEqual(problemCodes);
});
