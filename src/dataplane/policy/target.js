/**
 * What a request target is made of, and how else a server may read its path.
 * @import { Refusal } from './types.ts'
 */
import { refuse } from './refusal.js';

/** Targets that were found to be sound, remembered before all are forgotten, and the longest, in characters. */
var soundMax = 512;
var soundLengthMax = 256;
/** @type {Map<string, boolean>} */
var sound = new Map();

/**
 * Path of a request target: what routes and rules compare. No rule reads the query, which may hold secrets. A `#` is no
 * end of it: see `targetFault`.
 * @param {string} target
 * @returns {string}
 */
export function pathOf(target) {
  var query = target.indexOf('?');
  return query < 0 ? target : target.substring(0, query);
}

/**
 * Why nobody may act on a request target, or null: it is neither a path, with a query or without, nor the `*` of OPTIONS
 * (RFC 9112, 3.2), or it holds what two servers read in two ways: blanks, control characters, `#` (RFC 3986, 3.3 and 3.4).
 * @param {string} method
 * @param {string} target origin form; a path alone will do
 * @returns {Refusal | null}
 */
export function targetFault(method, target) {
  if (sound.get(target) === true) return null;
  if (target === '*' && method === 'OPTIONS') return null;
  if (target.charAt(0) !== '/') return refuse('bad-target', 'The target of a request is a path that begins with /.');
  if (target.length > 1 && !isSound(target))
    return refuse('bad-target', 'The target of the request holds a blank, a control character or a #.');
  if (sound.size >= soundMax) sound.clear();
  if (target.length <= soundLengthMax) sound.set(target, true);
  return null;
}

/** To look at each character is a call for each in PipyJS; of one character only, a regex never goes deep there. @param {string} target */
function isSound(target) {
  return !blank.test(target);
}

var blanks = '[\\x00-\\x20#\\x7f]';
var blank = new RegExp(blanks);

/** Spellings of what parts a path, in lower case; the last ones are not UTF-8, and some servers read them all the same. */
var spellings = [
  ['%2e', '.'],
  ['%2f', '/'],
  ['%5c', '/'],
  ['\\', '/'],
  ['%3b', ';'],
  ['%20', ''],
  ['%09', ''],
  ['%c0%ae', '.'],
  ['%e0%80%ae', '.'],
  ['%c0%af', '/'],
  ['%e0%80%af', '/'],
  ['%c1%9c', '/'],
];

/**
 * Whether an app could read quite another path than the rules do, so that rules which compare text must not decide on it:
 * - `.` and `..` as segments (RFC 3986, 5.2.4), also with path parameters, which servlet containers drop, and in other
 *   spellings. What is encoded twice is none of them: nobody may decode twice (RFC 3986, 2.4)
 * - a NUL, where some end the path, and a `%` that encodes nothing
 * @param {string} path
 * @returns {boolean}
 */
export function isAmbiguous(path) {
  var isEncoded = path.includes('%');
  if (!isEncoded && !path.includes('/.') && !path.includes('\\')) return false;
  if (isEncoded && path.split('%').some((part, at) => at > 0 && (hexAt(part) < 0 || hexAt(part) === 0))) return true;
  var plain = path.toLowerCase();
  spellings.forEach(pair => {
    plain = plain.split(/** @type {string} */ (pair[0])).join(pair[1]);
  });
  return plain.split('/').some(segment => {
    var name = segment.split(';')[0];
    return name === '.' || name === '..';
  });
}

/** Printable ASCII, from the blank on. */
var ascii = ' !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~';

/** What needs no encoding and means the same with one (RFC 3986, 2.3). */
var unreserved = '-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * A path as a server may read it that takes `%61` for `a` (RFC 3986, 6.2.2.2) and drops path parameters; the same text
 * when there is nothing of the kind in it.
 * @param {string} path
 * @returns {string}
 */
export function otherReading(path) {
  if (!path.includes('%') && !path.includes(';')) return path;
  var parts = path.split('%');
  var plain = /** @type {string} */ (parts[0]);
  for (var i = 1; i < parts.length; i++) plain += decoded(/** @type {string} */ (parts[i]));
  return plain
    .split('/')
    .map(segment => segment.split(';')[0])
    .join('/');
}

/** @param {string} part what stands after a `%` */
function decoded(part) {
  var code = hexAt(part);
  var char = code < 32 || code > 126 ? '' : ascii.charAt(code - 32);
  return char === ';' || (char !== '' && unreserved.includes(char)) ? char + part.substring(2) : `%${part}`;
}

/** The number that two hexadecimal digits at the start of a text are; -1 when there are none. @param {string} text */
function hexAt(text) {
  var digits = '0123456789abcdef';
  var high = text.length < 2 ? -1 : digits.indexOf(text.charAt(0).toLowerCase());
  var low = text.length < 2 ? -1 : digits.indexOf(text.charAt(1).toLowerCase());
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}
