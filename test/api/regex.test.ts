import { describe, expect, test } from 'vitest';
import { longestRegex, regexFault } from '../../src/api/regex.ts';

const good = [
  '',
  '.*',
  '/books-bought',
  '/books/[0-9]+/buy',
  '/(v1|v2|)/x',
  '(?:a|b)*c{2,5}?d{3}e{2,}',
  '^/a\\.b\\/c$',
  '[^a-z\\d\\]_-]+',
  '[[]x',
  '\\bword\\B',
  '.*-http-client/*.*',
  '(/[a-z]+)*',
  '\\x41\\t',
  '((a)(b))+',
];

describe('the common subset', () => {
  test.each(good)('accepts %j', text => {
    expect(regexFault(text)).toBeUndefined();
    expect(() => new RegExp(text)).not.toThrow();
  });

  test.each([
    ['(?=a)', 'looks ahead'],
    ['(?<!a)b', 'looks ahead or behind'],
    ['(?P<n>a)', 'names a group'],
    ['(?<n>a)', 'names a group'],
    ['(?i)a', '(?i'],
    ['(a)\\1', 'refers back'],
    ['\\pL', 'Unicode class'],
    ['\\Qa\\E', '\\Q'],
    ['\\u0041', '\\u'],
    ['a++', 'repeat is repeated'],
    ['a**', 'repeat is repeated'],
    ['*', 'repeats nothing'],
    ['^*', 'anchor is repeated'],
    ['(a', 'not closed'],
    ['a)', 'closes no group'],
    ['[a', 'not closed'],
    ['[]', 'empty'],
    ['[^]a]', 'empty'],
    ['[[:alpha:]]', 'POSIX'],
    ['[z-a]', 'backwards'],
    ['[\\d-z]', 'class as its end'],
    ['[\\b]', '\\b'],
    ['a]', 'stands alone'],
    ['a{x}', 'stands alone'],
    ['a{5,2}', 'backwards'],
    ['a{1001}', 'more than 1000'],
    ['(a{100}){100}', 'more than 1000'],
    ['(a+)+', 'without end'],
    ['(?:(a*))*', 'without end'],
    ['(a+|b)*', 'without end'],
    ['((a+)?)*', 'without end'],
    ['a\\', 'ends with a backslash'],
    ['/ü', 'the character'],
    ['a\n', 'the character'],
    ['('.repeat(40) + ')'.repeat(40), 'deeper'],
    ['a'.repeat(longestRegex + 1), 'at most'],
    [`${'[a-z]{900}'.repeat(20)}`, 'too large'],
  ])('refuses %j', (text, why) => {
    expect(regexFault(text)?.why).toContain(why);
  });

  test('whatever it accepts, JavaScript compiles', () => {
    const alphabet = [
      'a',
      'b',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '1',
      ',',
      '*',
      '+',
      '?',
      '|',
      '\\',
      '^',
      '$',
      '-',
      '.',
      ':',
      '=',
      'd',
      'x',
    ];
    let seed = 7;
    const next = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    let accepted = 0;
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + next(8) }, () => alphabet[next(alphabet.length)]).join('');
      if (regexFault(text) !== undefined) continue;
      accepted += 1;
      expect(() => new RegExp(`^(?:${text})$`), text).not.toThrow();
    }
    expect(accepted).toBeGreaterThan(1000);
  });
});
