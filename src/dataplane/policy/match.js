/**
 * @import { HTTPMatch, TextMatch } from '../../engine/config.ts'
 * @import { HeaderTest, PathEntry, PathTable, TextTest } from './compiled.ts'
 * @import { Refusal, RequestDescription } from './types.ts'
 */
import { refuse } from './refusal.js';

/** Longest text, in characters, that reaches a regex: std::regex recurses over its input. */
export var regexInputMax = 8192;

/** Paths that a table remembers before it forgets all of them, and the longest that it remembers, in characters. */
var cacheMax = 512;
var cachedPathMax = 256;

/**
 * Compiles a comparison. A regex holds for the whole text only.
 * @param {TextMatch} match
 * @returns {TextTest}
 */
export function textTest(match) {
  if ('exact' in match) return exactTest(match.exact);
  if ('prefix' in match) return prefixTest(match.prefix);
  return regexTest(match.regex);
}

/** @param {string} expected @returns {TextTest} */
function exactTest(expected) {
  return text => text === expected;
}

/** @param {string} prefix @returns {TextTest} */
function prefixTest(prefix) {
  return text => text.startsWith(prefix);
}

/** @param {string} source @returns {TextTest} */
function regexTest(source) {
  var regex = new RegExp('^(?:' + source + ')$');
  return text => regex.test(text);
}

/**
 * Compiles matches into a table. The order of `matches` is the order of precedence; `values` stand beside them.
 * @template T
 * @param {readonly (HTTPMatch | undefined)[]} matches
 * @param {readonly T[]} values
 * @param {TextTest} excluded paths that match nothing
 * @returns {PathTable<T>}
 */
export function pathTable(matches, values, excluded) {
  /** @type {Map<string, number[]>} */
  var exact = new Map();
  /** @type {number[]} */
  var rest = [];
  for (var i = 0; i < matches.length; i++) {
    var path = matches[i]?.path;
    if (path !== undefined && 'exact' in path) append(exact, path.exact, i);
    else rest.push(i);
  }
  var hasPathRegex = matches.some(match => match?.path !== undefined && 'regex' in match.path);
  var headers = regexHeaders(matches);
  return {
    entries: matches.map((match, at) => pathEntry(match || {}, /** @type {T} */ (values[at]))),
    exact: exact,
    rest: rest,
    cache: new Map(),
    excluded: excluded,
    hasRegex: hasPathRegex || headers.length > 0,
    hasPathRegex: hasPathRegex,
    regexHeaders: headers,
  };
}

/** @param {Map<string, number[]>} lists @param {string} key @param {number} value */
function append(lists, key, value) {
  var list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/**
 * @template T
 * @param {HTTPMatch} match
 * @param {T} value
 * @returns {PathEntry<T>}
 */
function pathEntry(match, value) {
  var methods = match.methods;
  return {
    value: value,
    path: match.path === undefined ? null : textTest(match.path),
    methods: methods === undefined || methods.includes('*') ? null : new Set(methods),
    headers: match.headers === undefined ? null : match.headers.map(headerTest),
  };
}

/**
 * What a rule does not see, whatever the request says, for shells could not agree on it: it concerns one connection
 * (RFC 9110, 7.6.1; `http2-settings` went with the upgrade to h2c, RFC 7540, 3.2.1), or claims who calls, which
 * certificates alone say.
 */
var unseen = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'serviceidentity',
  'x-forwarded-client-cert',
];

/** Whether rules do not see a header; the Node shell does not pass it on either. @param {string} name in lower case @returns {boolean} */
export function isUnseen(name) {
  return unseen.includes(name) || name.startsWith('fsm-stats');
}

/** The name of a header in a `HeaderTest`. Clients say the host in one of two ways. @param {string} name */
function seenAs(name) {
  return name === 'host' || name === ':authority' ? '' : name;
}

/** @param {{ name: string, value: TextMatch }} header @returns {HeaderTest} */
function headerTest(header) {
  var test = textTest(header.value);
  if (isUnseen(header.name)) return { name: header.name, test: () => false };
  if (seenAs(header.name) !== '') return { name: header.name, test: test };
  return { name: '', test: text => test(text) || test(text.toLowerCase()) || test(withoutPort(text)) };
}

/** A host as people write it in a rule: it is the same in any case (RFC 9110, 4.2.3), and on any port. @param {string} host */
function withoutPort(host) {
  var colon = host.lastIndexOf(':');
  var name = colon < 0 || host.endsWith(']') ? host : host.substring(0, colon);
  return name.toLowerCase();
}

/** @param {string} name as in a `HeaderTest` @param {RequestDescription} request */
function fieldOf(name, request) {
  return name === '' ? request.host : request.headers[name];
}

/** @param {readonly (HTTPMatch | undefined)[]} matches @returns {string[]} */
function regexHeaders(matches) {
  /** @type {string[]} */
  var names = [];
  matches.forEach(match => {
    (match?.headers || []).forEach(header => {
      var name = seenAs(header.name);
      if ('regex' in header.value && !isUnseen(name) && !names.includes(name)) names.push(name);
    });
  });
  return names;
}

/**
 * Refuses what must not reach a regex of this table; null when nothing is too long.
 * @param {PathTable<unknown>} table
 * @param {RequestDescription} request
 * @returns {Refusal | null}
 */
export function tooLong(table, request) {
  if (table.hasPathRegex && request.path.length > regexInputMax)
    return refuse('path-too-long', `The path has ${request.path.length} characters, more than ${regexInputMax}.`);
  for (var i = 0; i < table.regexHeaders.length; i++) {
    var name = /** @type {string} */ (table.regexHeaders[i]);
    var value = fieldOf(name, request);
    if (typeof value === 'string' && value.length > regexInputMax)
      return refuse(
        'header-too-long',
        `Header ${name || 'host'} has ${value.length} characters, more than ${regexInputMax}.`,
      );
  }
  return null;
}

/**
 * The first entry whose path, method and headers all hold; null when there is none. Where the
 * table `hasRegex`, ask `tooLong` before.
 * @template T
 * @param {PathTable<T>} table
 * @param {RequestDescription} request
 * @returns {T | null}
 */
export function firstMatch(table, request) {
  var entries = table.cache.get(request.path) || entriesOf(table, request.path);
  for (var i = 0; i < entries.length; i++) {
    var entry = /** @type {PathEntry<T>} */ (entries[i]);
    var methodHolds = entry.methods === null || entry.methods.has(request.method);
    if (methodHolds && (entry.headers === null || headersHold(entry.headers, request))) return entry.value;
  }
  return null;
}

/**
 * @param {readonly HeaderTest[]} tests
 * @param {RequestDescription} request
 */
function headersHold(tests, request) {
  for (var i = 0; i < tests.length; i++) {
    var header = /** @type {HeaderTest} */ (tests[i]);
    var value = fieldOf(header.name, request);
    if (typeof value !== 'string' || !header.test(value)) return false;
  }
  return true;
}

/**
 * Finds the entries whose path holds, in order, and remembers them.
 * @template T
 * @param {PathTable<T>} table
 * @param {string} path
 * @returns {readonly PathEntry<T>[]}
 */
function entriesOf(table, path) {
  if (table.cache.size >= cacheMax) table.cache.clear();
  var found = table.excluded(path) ? [] : holding(table, path);
  if (path.length <= cachedPathMax) table.cache.set(path, found);
  return found;
}

/**
 * @template T
 * @param {PathTable<T>} table
 * @param {string} path
 * @returns {readonly PathEntry<T>[]}
 */
function holding(table, path) {
  var exact = table.exact.get(path);
  /** @type {number[]} */
  var rest = [];
  for (var i = 0; i < table.rest.length; i++) {
    var at = /** @type {number} */ (table.rest[i]);
    var test = table.entries[at]?.path;
    if (test === null || test === undefined || test(path)) rest.push(at);
  }
  var positions = exact === undefined ? rest : exact.concat(rest).sort((a, b) => a - b);
  return positions.map(at => /** @type {PathEntry<T>} */ (table.entries[at]));
}
