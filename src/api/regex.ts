/**
 * The regular expressions that people may write: what RE2, std::regex (ECMAScript) and JavaScript read alike, since
 * the same text is compiled by Pipy and by Node. Literals, `.`, classes, groups, alternatives, repeats, anchors.
 */

/** What is wrong with an expression: two clauses for a `Problem`. */
export interface RegexFault {
  readonly why: string;
  readonly fix: string;
}

/** Longest expression, in characters: std::regex recurses over the tree of an expression when it compiles it. */
export const longestRegex = 1024;
/** RE2's limit for counted repeats, nested ones multiplied. */
const mostRepeats = 1000;
/** Most states once counted repeats are written out; std::regex stops at 100,000. */
const mostStates = 10_000;
const deepestGroup = 32;

interface Scan {
  readonly text: string;
  at: number;
  depth: number;
  fault?: RegexFault;
}

/** What the checks need to know of a part that was read. */
interface Part {
  readonly states: number;
  /** Largest product of counted repeats inside. */
  readonly repeats: number;
  /** Nothing but one part that repeats without end: `a+`, `(?:a+)`. */
  readonly endless: boolean;
  /** Takes no character, so it cannot be repeated. */
  readonly assertion: boolean;
}

const one: Part = { states: 1, repeats: 1, endless: false, assertion: false };
const assertion: Part = { ...one, assertion: true };

/** Why an expression cannot be used; undefined when all three engines read it alike. */
export function regexFault(text: string): RegexFault | undefined {
  if (text.length > longestRegex) {
    return { why: `an expression has at most ${longestRegex} characters`, fix: 'split it into several matches' };
  }
  const odd = /[^\x20-\x7e]/.exec(text);
  if (odd !== null)
    return fault(`it has the character ${JSON.stringify(odd[0])}`, 'write ASCII; paths carry the rest percent-encoded');
  const scan: Scan = { text, at: 0, depth: 0 };
  const whole = alternatives(scan);
  if (scan.fault === undefined && scan.at < text.length)
    fail(scan, 'a ) closes no group', 'write \\) for the character itself');
  if (scan.fault === undefined && whole.states > mostStates)
    fail(scan, 'its repeats are too large', 'write smaller repeats');
  return scan.fault;
}

function fault(why: string, fix: string): RegexFault {
  return { why, fix };
}

/** Records the first fault and ends the scan: every loop stops at the end of the text. */
function fail(scan: Scan, why: string, fix: string): Part {
  scan.fault ??= fault(why, fix);
  scan.at = scan.text.length;
  return one;
}

/** Takes `expected` when it stands next. */
function take(scan: Scan, expected: string): boolean {
  if (!scan.text.startsWith(expected, scan.at)) return false;
  scan.at += expected.length;
  return true;
}

function alternatives(scan: Scan): Part {
  let all = sequence(scan);
  while (take(scan, '|')) {
    const next = sequence(scan);
    const repeats = Math.max(all.repeats, next.repeats);
    all = { ...one, states: all.states + next.states, repeats, endless: all.endless || next.endless };
  }
  return all;
}

function sequence(scan: Scan): Part {
  const parts: Part[] = [];
  while (scan.at < scan.text.length && !'|)'.includes(scan.text.charAt(scan.at)))
    parts.push(quantified(scan, atom(scan)));
  return {
    states: parts.reduce((sum, part) => sum + part.states, 0),
    repeats: Math.max(1, ...parts.map(part => part.repeats)),
    endless: parts.length === 1 && parts[0]?.endless === true,
    assertion: false,
  };
}

function atom(scan: Scan): Part {
  const character = scan.text.charAt(scan.at);
  scan.at += 1;
  if (character === '(') return group(scan);
  if (character === '[') return characterClass(scan);
  if (character === '\\') return escapedPart(scan);
  if (character === '^' || character === '$') return assertion;
  if ('*+?'.includes(character))
    return fail(scan, `${character} repeats nothing`, `write \\${character} for the character itself`);
  if ('{}]'.includes(character))
    return fail(scan, `${character} stands alone`, `write \\${character} for the character itself`);
  return one;
}

function group(scan: Scan): Part {
  if (take(scan, '?') && !take(scan, ':')) return fail(scan, ...specialGroup(scan));
  scan.depth += 1;
  if (scan.depth > deepestGroup) return fail(scan, `groups nest deeper than ${deepestGroup}`, 'write fewer groups');
  const inside = alternatives(scan);
  scan.depth -= 1;
  return take(scan, ')') ? inside : fail(scan, 'a group is not closed', 'add the missing )');
}

function specialGroup(scan: Scan): [why: string, fix: string] {
  const rest = scan.text.slice(scan.at);
  if (/^<?[=!]/.test(rest)) return ['it looks ahead or behind', 'write several matches instead'];
  if (/^P?</.test(rest)) return ['it names a group', 'write ( ) or (?: ) without a name'];
  return [`it has the group (?${rest.charAt(0)}`, 'write ( ) or (?: )'];
}

/** Escapes outside a class: the classes, the word boundaries, control characters, and punctuation for itself. */
function escapedPart(scan: Scan): Part {
  if (/^[bB]/.test(scan.text.slice(scan.at))) {
    scan.at += 1;
    return assertion;
  }
  escaped(scan);
  return one;
}

/** Takes what follows a backslash, in a class or outside; `class` for a set of characters, `character` for one. */
function escaped(scan: Scan): 'class' | 'character' | undefined {
  const rest = scan.text.slice(scan.at);
  const known = /^(?:[dDwWsS]|[tnrfv]|x[0-9a-fA-F]{2}|[^A-Za-z0-9])/.exec(rest);
  if (known !== null) {
    scan.at += known[0].length;
    return /^[dDwWsS]/.test(rest) ? 'class' : 'character';
  }
  const letter = rest.charAt(0);
  if (letter === '') fail(scan, 'it ends with a backslash', 'write \\\\ for the character itself');
  else if (/[0-9]/.test(letter)) fail(scan, `\\${letter} refers back to a group`, 'write the text out');
  else if (/[pP]/.test(letter)) fail(scan, `\\${letter} is a Unicode class`, 'write the characters, as in [a-zA-Z]');
  else fail(scan, `the engines do not read \\${letter} alike`, 'write the characters themselves');
  return undefined;
}

function characterClass(scan: Scan): Part {
  take(scan, '^');
  if (scan.text.charAt(scan.at) === ']')
    return fail(scan, 'a class is empty', 'name a character, or write \\] for the bracket');
  while (scan.at < scan.text.length && scan.text.charAt(scan.at) !== ']') classItem(scan);
  return take(scan, ']') ? one : fail(scan, 'a class is not closed', 'add the missing ]');
}

/** One character of a class, or a range of them. */
function classItem(scan: Scan): void {
  const from = classEnd(scan);
  if (!/^-[^\]]/.test(scan.text.slice(scan.at))) return;
  scan.at += 1;
  const to = classEnd(scan);
  if (from === undefined || to === undefined)
    fail(scan, 'a range of a class has a class as its end', 'write - last in the class for the character itself');
  else if (from > to) fail(scan, 'a range of a class runs backwards', 'write the smaller character first');
}

/** Code of the character that stands next in a class; undefined for a set of them. */
function classEnd(scan: Scan): number | undefined {
  if (/^\[[:.=]/.test(scan.text.slice(scan.at)))
    fail(scan, 'it has a POSIX class', 'write the characters, as in [a-zA-Z]');
  const start = scan.at;
  if (!take(scan, '\\')) {
    scan.at += 1;
    return scan.text.charCodeAt(start);
  }
  if (escaped(scan) !== 'character') return undefined;
  const hex = /^\\x(..)$/.exec(scan.text.slice(start, scan.at));
  if (hex?.[1] !== undefined) return Number.parseInt(hex[1], 16);
  return controls[scan.text.charAt(start + 1)] ?? scan.text.charCodeAt(start + 1);
}

const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/** The repeat behind a part, when there is one. */
function quantified(scan: Scan, part: Part): Part {
  const counts = /^(?:[*+?]|\{(\d{1,4})(,(\d{0,4}))?\})\??/.exec(scan.text.slice(scan.at));
  if (counts === null) return part;
  if (part.assertion) return fail(scan, 'an anchor is repeated', 'take the repeat away');
  scan.at += counts[0].length;
  if (/^[*+?{]/.test(scan.text.slice(scan.at)))
    return fail(scan, 'a repeat is repeated', 'put the inner one into a group');
  return repeated(scan, part, counts);
}

function repeated(scan: Scan, part: Part, [sign = '', least, comma, most]: RegExpExecArray): Part {
  const counted = least !== undefined;
  const from = counted ? Number(least) : sign.startsWith('+') ? 1 : 0;
  const endless = counted ? comma !== undefined && most === '' : !sign.startsWith('?');
  const to = counted && !endless ? Number(comma === undefined ? least : most) : Math.max(1, from);
  const repeats = part.repeats * (counted ? Math.max(from, to, 1) : 1);
  if (to < from) return fail(scan, 'a repeat runs backwards', 'write the smaller number first');
  if (repeats > mostRepeats)
    return fail(scan, `its repeats multiply to more than ${mostRepeats}`, 'write smaller repeats');
  if (endless && part.endless) {
    return fail(
      scan,
      'an endless repeat is repeated without end, which can take hours on a crafted path',
      'write x+ instead of (x+)+',
    );
  }
  return { states: part.states * Math.max(to, 1), repeats, endless: endless || part.endless, assertion: false };
}
