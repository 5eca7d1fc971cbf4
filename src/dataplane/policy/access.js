/**
 * @import { AccessNode, HTTPAccessRule, TCPAccessRule } from '../../engine/config.ts'
 * @import { AccessPart, CompiledTables, PathTable, PortRule, Verdict } from './compiled.ts'
 * @import { InboundDecision, RequestDescription, Tables } from './types.ts'
 */
import { firstMatch, pathTable, tooLong } from './match.js';
import { refuse } from './refusal.js';
import { isAmbiguous, otherReading, targetFault } from './target.js';

/** Characters of a path that a sentence shows. */
var shownPathMax = 200;

/**
 * Indexes access rules by principal.
 * @param {string} hash
 * @param {AccessNode['data']} data
 * @returns {AccessPart}
 */
export function compileAccess(hash, data) {
  return { hash: hash, anyone: data.anyone, http: httpRules(data.http), tcp: tcpRules(data.tcp) };
}

/** @param {readonly HTTPAccessRule[]} rules @returns {Map<string, PathTable<boolean>>} */
function httpRules(rules) {
  /** @type {string[]} */
  var principals = [];
  /** @type {Map<string, HTTPAccessRule[]>} */
  var rulesOf = new Map();
  rules.forEach(rule => {
    rule.principals.forEach(principal => {
      var list = rulesOf.get(principal) || [];
      if (list.length === 0) principals.push(principal);
      list.push(rule);
      rulesOf.set(principal, list);
    });
  });
  /** @type {Map<string, PathTable<boolean>>} */
  var tables = new Map();
  principals.forEach(principal => {
    tables.set(principal, anyOf(rulesOf.get(principal) || []));
  });
  return tables;
}

/**
 * The value of an entry says whether its rule speaks of the path as it is written, whatever servers make of it.
 * @param {HTTPAccessRule[]} rules
 * @returns {PathTable<boolean>}
 */
function anyOf(rules) {
  rules.sort((a, b) => cost(a) - cost(b));
  return pathTable(rules, rules.map(isLiteral), isAmbiguous);
}

/** Whether a rule names what `otherReading` takes away. @param {HTTPAccessRule} rule */
function isLiteral(rule) {
  if (rule.path === undefined) return true;
  var text = 'exact' in rule.path ? rule.path.exact : 'prefix' in rule.path ? rule.path.prefix : rule.path.regex;
  return text.includes(';') || text.includes('%');
}

/**
 * Any rule that holds admits, so the cheap ones go first: exact, long prefixes, short prefixes, regexes. First of all are
 * those that admit without another question.
 * @param {HTTPAccessRule} rule
 */
function cost(rule) {
  if (isLiteral(rule)) return -1;
  if (rule.path === undefined || 'exact' in rule.path) return 0;
  return 'prefix' in rule.path ? 100000 - rule.path.prefix.length : 200000;
}

/** @param {readonly TCPAccessRule[]} rules @returns {Map<string, PortRule>} */
function tcpRules(rules) {
  /** @type {Map<string, PortRule>} */
  var byPrincipal = new Map();
  rules.forEach(rule => {
    rule.principals.forEach(principal => {
      var before = byPrincipal.get(principal) || { everyPort: false, ports: new Set() };
      (rule.ports || []).forEach(port => {
        before.ports.add(port);
      });
      byPrincipal.set(principal, { everyPort: before.everyPort || rule.ports === undefined, ports: before.ports });
    });
  });
  return byPrincipal;
}

/**
 * Whether a verified principal may make this request on a port of this pod.
 * @param {Tables} tables
 * @param {number} port
 * @param {string} principal
 * @param {RequestDescription} request
 * @returns {InboundDecision}
 */
export function admitRequest(tables, port, principal, request) {
  return targetFault(request.method, request.path) || admitVerdict(verdictOf(tables, port, principal), request);
}

/**
 * The part of `admitRequest` that does not depend on the request, for shells that remember it while the tables stay.
 * @param {Tables} tables
 * @param {number} port
 * @param {string} principal
 * @returns {Verdict}
 */
export function verdictOf(tables, port, principal) {
  var compiled = /** @type {CompiledTables} */ (tables);
  var admitted = compiled.served.get(port) || notServed(port);
  var table = compiled.access.http.get(principal) || null;
  var isFixed = admitted.action === 'refuse' || (principal !== '' && compiled.access.anyone);
  return { fixed: isFixed ? admitted : null, admitted: admitted, table: table, port: port, principal: principal };
}

/**
 * The rest of `admitRequest`, for a target that `targetFault` finds sound.
 * @param {Verdict} verdict
 * @param {RequestDescription} request
 * @returns {InboundDecision}
 */
export function admitVerdict(verdict, request) {
  if (verdict.fixed !== null) return verdict.fixed;
  var table = verdict.table;
  if (table === null || verdict.principal === '') return noRule(verdict.port, verdict.principal, request);
  var excess = table.hasRegex ? tooLong(table, request) : null;
  if (excess !== null) return excess;
  var match = firstMatch(table, request);
  if (match === null) return noMatch(verdict.port, verdict.principal, request);
  return match ? verdict.admitted : admitReading(verdict, table, request);
}

/**
 * What is allowed as it is written has to be allowed as servers may read it: `/admin;.png` is `/admin` to some.
 * @param {Verdict} verdict
 * @param {PathTable<boolean>} table
 * @param {RequestDescription} request
 * @returns {InboundDecision}
 */
function admitReading(verdict, table, request) {
  var path = otherReading(request.path);
  if (path === request.path) return verdict.admitted;
  var read = { method: request.method, path: path, host: request.host, headers: request.headers };
  return firstMatch(table, read) === null ? noMatch(verdict.port, verdict.principal, read) : verdict.admitted;
}

/** @param {number} port @param {string} principal @param {RequestDescription} request */
function noRule(port, principal, request) {
  if (principal === '')
    return refuse('no-identity', `The caller of ${what(request, port)} has no identity of this mesh.`);
  return refuse('no-rule-for-principal', `No rule lets ${principal} call ${what(request, port)}.`);
}

/** @param {number} port @param {string} principal @param {RequestDescription} request */
function noMatch(port, principal, request) {
  if (isAmbiguous(request.path))
    return refuse('dot-segments', `The path of ${what(request, port)} can mean another path.`);
  return refuse('no-route-match', `Rules for ${principal} exist, but none of them allows ${what(request, port)}.`);
}

/** @param {number} port */
function notServed(port) {
  return refuse('not-served', `Port ${port} of this pod belongs to no service.`);
}

/** @param {RequestDescription} request @param {number} port */
function what(request, port) {
  return `${request.method} ${request.path.substring(0, shownPathMax)} on port ${port}`;
}

/**
 * Whether a verified principal may open a TCP connection to a port of this pod.
 * @param {Tables} tables
 * @param {number} port
 * @param {string} principal
 * @returns {InboundDecision}
 */
export function admitConnection(tables, port, principal) {
  var compiled = /** @type {CompiledTables} */ (tables);
  var admitted = compiled.served.get(port);
  if (admitted === undefined) return notServed(port);
  if (principal === '') return refuse('no-identity', `The caller of TCP port ${port} has no identity of this mesh.`);
  if (compiled.access.anyone) return admitted;
  var rule = compiled.access.tcp.get(principal);
  if (rule === undefined)
    return refuse('no-rule-for-principal', `No TCP rule lets ${principal} connect to port ${port}.`);
  if (rule.everyPort || rule.ports.has(port)) return admitted;
  return refuse('no-route-match', `TCP rules for ${principal} exist, but none of them names port ${port}.`);
}
