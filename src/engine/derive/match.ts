/** From the SMI's matches to what a proxy compares: literals wherever they say the same as the regex. */
import type { HTTPMatch, TextMatch } from '../config.ts';
import type { HTTPRouteGroupObject } from '../model.ts';

/** One match of a route group; a pattern that is several literals becomes several conditions of one name. */
export interface HTTPCondition {
  readonly name: string;
  readonly match: HTTPMatch;
}

/** The conditions of a whole group, or of the named matches of it. */
export function httpConditions(group: HTTPRouteGroupObject | undefined, names?: readonly string[]): HTTPCondition[] {
  const wanted = (group?.matches ?? []).filter(match => !names || names.length === 0 || names.includes(match.name));
  return wanted.flatMap(match =>
    pathMatches(match.pathRegex).map(path => ({
      name: match.name,
      match: conditionOf(path, match.methods, match.headers),
    })),
  );
}

function conditionOf(
  path: TextMatch | undefined,
  methods: readonly string[] | undefined,
  headers: Readonly<Record<string, string>> | undefined,
): HTTPMatch {
  const every = methods === undefined || methods.length === 0 || methods.includes('*');
  const named = Object.entries(headers ?? {}).map(([name, regex]) => ({
    name: name.toLowerCase(),
    value: textMatch(regex),
  }));
  return {
    ...(path && { path }),
    ...(!every && { methods: [...new Set(methods.map(method => method.toUpperCase()))].sort() }),
    ...(named.length > 0 && { headers: named.sort((a, b) => (a.name < b.name ? -1 : 1)) }),
  };
}

/** Characters that mean themselves in a regular expression. */
const literal = /^[^\\^$.*+?()[\]{}|]*$/;

/** What a regex says, in the cheapest form that says exactly the same of the whole text. */
export function textMatch(regex: string): TextMatch {
  const body = unescapeLiteral(stripAnchors(regex));
  if (body !== undefined) return { exact: body };
  const stripped = stripAnchors(regex);
  const prefix = stripped.endsWith('.*') ? unescapeLiteral(stripped.slice(0, -2)) : undefined;
  return prefix === undefined ? { regex: stripped } : { prefix };
}

/** Undefined means every path: no pattern, or one that matches anything. Alternatives of literals are taken apart. */
function pathMatches(regex: string | undefined): (TextMatch | undefined)[] {
  if (regex === undefined || regex === '' || regex === '*') return [undefined];
  return alternatives(stripAnchors(regex)).map(part => {
    const match = textMatch(part);
    return 'prefix' in match && match.prefix === '' ? undefined : match;
  });
}

/** `a|b.*` outside of groups, when every part is a literal or a literal prefix; otherwise the whole as one. */
function alternatives(regex: string): string[] {
  const parts = regex.split('|');
  const simple = parts.every(part => !('regex' in textMatch(part)));
  return parts.length > 1 && simple ? parts : [regex];
}

/** Matches compare the whole text anyway. */
function stripAnchors(regex: string): string {
  const start = regex.startsWith('^') ? 1 : 0;
  const anchored = regex.endsWith('$') && !regex.endsWith('\\$') ? 1 : 0;
  const body = regex.slice(start, regex.length - anchored);
  // `^a|b$` anchors only its first and last alternative: leave such a pattern as it is.
  return body.includes('|') && (start || anchored) && !/^\(.*\)$/.test(body) ? regex : body;
}

/** The text that a pattern of literals and escaped punctuation stands for; undefined when it is more than that. */
function unescapeLiteral(regex: string): string | undefined {
  const bare = regex.replace(/\\[\\^$.*+?()[\]{}|/-]/g, '');
  return literal.test(bare) ? regex.replace(/\\([\\^$.*+?()[\]{}|/-])/g, '$1') : undefined;
}

const pathRank = (path: TextMatch | undefined): number =>
  path === undefined ? 3 : 'exact' in path ? 0 : 'prefix' in path ? 1 : 2;

const pathLength = (path: TextMatch | undefined): number =>
  path === undefined ? 0 : (Object.values(path)[0]?.length ?? 0);

/**
 * Order of precedence after the Gateway API (HTTPRouteRule): exact path, longest prefix, regular expression, no path;
 * then a method, then most headers. Equal ones are ordered by their text, so that the order never depends on arrival.
 */
export function precedence(a: HTTPMatch | undefined, b: HTTPMatch | undefined): number {
  const [x, y] = [a ?? {}, b ?? {}];
  return (
    pathRank(x.path) - pathRank(y.path) ||
    pathLength(y.path) - pathLength(x.path) ||
    Number(y.methods !== undefined) - Number(x.methods !== undefined) ||
    (y.headers?.length ?? 0) - (x.headers?.length ?? 0) ||
    compareText(JSON.stringify(x), JSON.stringify(y))
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
