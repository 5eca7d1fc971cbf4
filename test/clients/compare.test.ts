/** The comparison of the table sees what differs, and nothing else. */
import { describe, expect, test } from 'vitest';
import type { Case } from './cases.ts';
import { type Cell, lineOf, type Seen, seenIn } from './cells.ts';
import { differences, failuresIn } from './compare.ts';

const plain: Case = { name: 'plain', method: 'GET', path: '/plain' };
const broken: Case = { name: 'broken', method: 'GET', path: '/broken', breaks: true };
const cellOf = (one: Case): Cell => ({ server: 'go', case: one, at: { host: '127.0.0.1', port: 8001 } });

/** What a program prints: `field value` of the case. */
function seen(one: Case, ...fields: readonly string[]): Seen {
  return seenIn(fields.map(field => `go\t${one.name}\t${field.replace('=', '\t')}\n`).join(''));
}

describe('differences', () => {
  test.each([
    ['a value', ['status=200'], ['status=502'], ['go → go: plain: status: "200" ≠ "502"']],
    ['what is missing', ['body=a', 'trailer x=1'], ['body=a'], ['go → go: plain: trailer x: "1" ≠ nothing']],
    ['what came besides', ['body=a'], ['body=a', 'header via=x'], ['go → go: plain: header via: nothing ≠ "x"']],
    ['no answer at all', ['status=200'], [], expect.arrayContaining(['go → go: plain: an answer: some ≠ none'])],
    ['nothing', ['status=200'], ['status=200'], []],
    ['what is of one hop', ['header connection=close', 'header date=a'], ['header connection=keep-alive'], []],
  ])('%s', (_, direct, through, lines) => {
    expect(differences('go', [cellOf(plain)], seen(plain, ...direct), seen(plain, ...through))).toEqual(lines);
  });

  test('of what is broken off only whether it failed counts', () => {
    const direct = seen(broken, 'status=200', 'error=failed');
    expect(differences('go', [cellOf(broken)], direct, seen(broken, 'error=failed'))).toEqual([]);
    expect(differences('go', [cellOf(broken)], direct, seen(broken, 'status=200'))).toHaveLength(1);
  });
});

test('a direct call that fails shows nothing, unless the server breaks it off', () => {
  const failing = (one: Case) => failuresIn([cellOf(one)], seen(one, 'error=failed'));
  expect(failing(plain)).toEqual([cellOf(plain)]);
  expect(failing(broken)).toEqual([]);
  expect(failuresIn([cellOf(plain)], new Map())).toEqual([cellOf(plain)]);
});

test('a line for the programs', () => {
  const cell = cellOf({ ...plain, body: 0, flags: ['chunked', 'trailer'], headers: ['X-A=b=c'] });
  expect(lineOf(cell)).toBe('go\tplain\tGET\thttp://127.0.0.1:8001/plain\tgo.shop\t0\tchunked,trailer\tX-A=b=c');
});
