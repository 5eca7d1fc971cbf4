import { describe, expect, it } from 'vitest';
import { regexFault } from '../../src/api/regex.ts';
import type { HTTPMatch, TextMatch } from '../../src/engine/config.ts';
import { httpConditions, precedence, textMatch } from '../../src/engine/derive/match.ts';
import { pick, random, shuffled } from './kit.ts';

const every = 'every path';

/** What becomes of a pathRegex. */
function pathsOf(pathRegex: string): (TextMatch | typeof every)[] {
  const group = { namespace: 'n', name: 'g', matches: [{ name: 'm', pathRegex }] };
  return httpConditions(group).map(({ match }) => match.path ?? every);
}

function holds(match: TextMatch | typeof every, text: string): boolean {
  if (match === every) return true;
  if ('exact' in match) return match.exact === text;
  if ('prefix' in match) return text.startsWith(match.prefix);
  return new RegExp(`^(?:${match.regex})$`).test(text);
}

describe('a path regex', () => {
  it.each<[string, ...(TextMatch | typeof every)[]]>([
    ['/books', { exact: '/books' }],
    ['^/books$', { exact: '/books' }],
    ['/books.*', { prefix: '/books' }],
    ['^/books/.*$', { prefix: '/books/' }],
    ['.*', every],
    ['^.*$', every],
    ['*', every],
    ['', every],
    ['^$', { exact: '' }],
    ['/a|/b.*', { exact: '/a' }, { prefix: '/b' }],
    ['^/a$|^/b$', { exact: '/a' }, { exact: '/b' }],
    ['^/a|/b$', { exact: '/a' }, { exact: '/b' }],
    ['/a|', { exact: '/a' }, { exact: '' }],
    ['/a.*|b', { prefix: '/a' }, { exact: 'b' }],
    ['.*|b', every, { exact: 'b' }],
    ['/x\\.html', { exact: '/x.html' }],
    ['/x\\.*', { regex: '/x\\.*' }],
    ['/x\\\\.*', { prefix: '/x\\' }],
    ['/x.html', { regex: '/x.html' }],
    ['/a\\|b', { exact: '/a|b' }],
    ['/a\\\\|b', { exact: '/a\\' }, { exact: 'b' }],
    ['[a|b]', { regex: '[a|b]' }],
    ['(a|b)', { regex: '(a|b)' }],
    ['^(a|b)$', { regex: '(a|b)' }],
    ['(a)|(b)', { regex: '(a)|(b)' }],
    ['/price\\$', { exact: '/price$' }],
    ['/price\\\\$', { regex: '/price\\\\$' }],
    ['/a.*b', { regex: '/a.*b' }],
    ['/a.*|/b.c', { regex: '/a.*|/b.c' }],
    ['/a+', { regex: '/a+' }],
    ['/[0-9]+', { regex: '/[0-9]+' }],
    ['\\d', { regex: '\\d' }],
    ['\\\\d', { exact: '\\d' }],
  ])('%j', (regex, ...expected) => {
    expect(pathsOf(regex)).toEqual(expected);
  });

  it('holds for the same texts as before it was simplified', () => {
    for (let seed = 1; seed <= 30_000; seed++) {
      const next = random(seed);
      const regex = Array.from({ length: 1 + Math.floor(next() * 7) }, () => pick(next, atoms)).join('');
      if (regexFault(regex) !== undefined) continue;
      const whole = new RegExp(`^(?:${regex})$`);
      const matches = pathsOf(regex);
      const held = texts.filter(text => matches.some(match => holds(match, text)));
      expect(held, `seed ${seed}: ${regex}`).toEqual(texts.filter(text => whole.test(text)));
    }
  });
});

const atoms = ['a', 'b', '/', '.', '.*', '*', '|', '(', ')', '(?:', '^', '$', '+', '?', '[ab]', '\\.', '\\$'].concat([
  '\\\\',
  '\\|',
  '\\^',
  '\\*',
  '\\/',
  '-',
  '[|]',
]);

const texts = [
  '',
  'a',
  'b',
  '/',
  'ab',
  'ba',
  '/a',
  '/b',
  '/ab',
  'a/',
  '.',
  '$',
  '\\',
  '|',
  '^',
  '*',
  'a|b',
  'a.',
  'b$',
].concat(['a\\', 'ab\\', '/a.b', '/a$', '\\.', 'aa', 'a*', '^a', '/abab', '|b', 'a|', '-', 'a-b']);

describe('a header expression', () => {
  it.each<[string, TextMatch]>([
    ['.*', { prefix: '' }],
    ['v1', { exact: 'v1' }],
    ['v1|v2', { regex: 'v1|v2' }],
    ['Mozilla/.*', { prefix: 'Mozilla/' }],
    ['', { exact: '' }],
  ])('%j', (regex, expected) => {
    expect(textMatch(regex)).toEqual(expected);
  });
});

describe('precedence', () => {
  const inOrder: (HTTPMatch | undefined)[] = [
    { path: { exact: '/a/b' } },
    { path: { exact: '/a' }, methods: ['GET'] },
    { path: { exact: '/a' }, headers: [{ name: 'x', value: { exact: '1' } }] },
    { path: { exact: '/a' } },
    { path: { prefix: '/a/b/c' } },
    { path: { prefix: '/a' }, methods: ['GET'], headers: [{ name: 'x', value: { exact: '1' } }] },
    { path: { prefix: '/a' }, methods: ['GET'] },
    { path: { prefix: '/a' } },
    { path: { regex: '/a/[0-9]+' } },
    { path: { regex: '/a.?' }, methods: ['GET'] },
    { path: { regex: '/a.+' } },
    { path: { regex: '/b.+' } },
    { methods: ['GET'] },
    {
      headers: [
        { name: 'x', value: { exact: '1' } },
        { name: 'y', value: { exact: '1' } },
      ],
    },
    { headers: [{ name: 'x', value: { exact: '1' } }] },
    undefined,
  ];

  it('is exact path, longest prefix, regex, none; then methods, most headers, text', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const sorted = shuffled(random(seed), inOrder).map(match => match ?? {});
      expect(sorted.sort(precedence), `seed ${seed}`).toEqual(inOrder.map(match => match ?? {}));
    }
  });
});
