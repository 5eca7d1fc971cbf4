/**
 * @import { AccessNode, HTTPAccessRule, TCPAccessRule } from '../../engine/config.ts'
 * @import { AccessPart, AccessTable, CompiledTables, PortRule, Verdict } from './compiled.ts'
 * @import { InboundDecision, RequestDescription, Tables } from './types.ts'
 */
import { firstMatch, pathTable, tooLong } from './match.js';
import { namespaceOf } from './principal.js';
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
  var everywhere = data.http.filter(rule => rule.ports === undefined);
  return {
    hash: hash,
    anyone: data.anyone,
    namespaces: new Set(data.namespaces || []),
    http: httpRules(data.http),
    httpAt: everywhere.length === data.http.length ? new Map() : portTables(data.http),
    tcp: tcpRules(data.tcp),
  };
}

/** Those that name no port. @param {readonly HTTPAccessRule[]} rules @returns {Map<string, AccessTable>} */
function httpRules(rules) {
  /** @type {string[]} */
  var principals = [];
  /** @type {Map<string, number[]>} */
  var rulesOf = new Map();
  rules.forEach((rule, at) => {
    if (rule.ports !== undefined) return;
    rule.principals.forEach(principal => {
      var list = rulesOf.get(principal) || [];
      if (list.length === 0) principals.push(principal);
      list.push(at);
      rulesOf.set(principal, list);
    });
  });
  /** @type {Map<string, AccessTable>} */
  var tables = new Map();
  principals.forEach(principal => {
    tables.set(principal, anyOf(rules, rulesOf.get(principal) || []));
  });
  return tables;
}

/**
 * Tables of the ports that rules name: those rules, and those of the same principal that name none.
 * @param {readonly HTTPAccessRule[]} rules
 * @returns {Map<string, AccessTable>}
 */
function portTables(rules) {
  /** @type {Map<string, AccessTable>} */
  var tables = new Map();
  rules.forEach(rule => {
    (rule.ports || []).forEach(port => {
      rule.principals.forEach(principal => {
        var at = `${principal} ${port}`;
        if (!tables.has(at)) tables.set(at, anyOf(rules, placesOf(rules, principal, port)));
      });
    });
  });
  return tables;
}

/** @param {HTTPAccessRule} rule @param {string} principal @param {number} port */
function holdsAt(rule, principal, port) {
  return rule.principals.includes(principal) && (rule.ports === undefined || rule.ports.includes(port));
}

/** Positions of the rules that hold for a principal at a port. @param {readonly HTTPAccessRule[]} rules @param {string} principal @param {number} port */
function placesOf(rules, principal, port) {
  return rules.map((_, at) => at).filter(at => holdsAt(/** @type {HTTPAccessRule} */ (rules[at]), principal, port));
}

/**
 * A table of some of the rules, which remembers where each stands in the node.
 * @param {readonly HTTPAccessRule[]} rules
 * @param {number[]} positions
 * @returns {AccessTable}
 */
function anyOf(rules, positions) {
  /** @type {(at: number) => HTTPAccessRule} */
  var ruleAt = at => /** @type {HTTPAccessRule} */ (rules[at]);
  positions.sort((a, b) => cost(ruleAt(a)) - cost(ruleAt(b)));
  var literals = new Set(positions.filter(at => isLiteral(ruleAt(at))));
  return { rules: pathTable(positions.map(ruleAt), positions, isAmbiguous), literals: literals };
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
  rules.forEach((rule, at) => {
    rule.principals.forEach(principal => {
      /** @type {PortRule} */
      var before = byPrincipal.get(principal) || { rules: [], everyPort: null, ports: new Map() };
      (rule.ports || []).forEach(port => {
        if (!before.ports.has(port)) before.ports.set(port, at);
      });
      var everyPort = before.everyPort === null && rule.ports === undefined ? at : before.everyPort;
      byPrincipal.set(principal, { rules: before.rules.concat([at]), everyPort: everyPort, ports: before.ports });
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
  var access = compiled.access;
  var table = access.httpAt.get(`${principal} ${port}`) || access.http.get(principal) || null;
  var fixed = admitted.action === 'refuse' ? admitted : forAll(compiled, port, principal, admitted);
  return { fixed: fixed, admitted: admitted, table: table, port: port, principal: principal };
}

/**
 * The decision for every request of a principal at a port, where rules for HTTP are not asked; else null.
 * @param {CompiledTables} tables
 * @param {number} port
 * @param {string} principal
 * @param {InboundDecision} admitted
 */
function forAll(tables, port, principal, admitted) {
  if (principal === '') return null;
  if (tables.access.anyone) return ofMember(tables, principal, admitted);
  return tables.opaque.has(port) && tcpAdmits(tables.access, port, principal) ? admitted : null;
}

/** Permissive mode: everybody whose namespace takes part. @param {CompiledTables} tables @param {string} principal @param {InboundDecision} admitted */
function ofMember(tables, principal, admitted) {
  var namespace = namespaceOf(principal, tables.settings.trustDomain);
  if (tables.access.namespaces.has(namespace)) return admitted;
  return refuse('not-a-member', `${principal} takes no part in the mesh: its namespace ${namespace} does not.`);
}

/** @param {AccessPart} access @param {number} port @param {string} principal */
function tcpAdmits(access, port, principal) {
  var rule = access.tcp.get(principal);
  return rule !== undefined && (rule.everyPort !== null || rule.ports.has(port));
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
  var excess = table.rules.hasRegex ? tooLong(table.rules, request) : null;
  if (excess !== null) return excess;
  var match = firstMatch(table.rules, request);
  if (match === null) return noMatch(verdict.port, verdict.principal, request);
  return table.literals.has(match) ? verdict.admitted : admitReading(verdict, table, request);
}

/**
 * What is allowed as it is written has to be allowed as servers may read it: `/admin;.png` is `/admin` to some.
 * @param {Verdict} verdict
 * @param {AccessTable} table
 * @param {RequestDescription} request
 * @returns {InboundDecision}
 */
function admitReading(verdict, table, request) {
  var path = otherReading(request.path);
  if (path === request.path) return verdict.admitted;
  var read = { method: request.method, path: path, host: request.host, headers: request.headers };
  return firstMatch(table.rules, read) === null ? noMatch(verdict.port, verdict.principal, read) : verdict.admitted;
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
  if (compiled.access.anyone) return ofMember(compiled, principal, admitted);
  if (tcpAdmits(compiled.access, port, principal)) return admitted;
  if (!compiled.access.tcp.has(principal))
    return refuse('no-rule-for-principal', `No TCP rule lets ${principal} connect to port ${port}.`);
  return refuse('no-route-match', `TCP rules for ${principal} exist, but none of them names port ${port}.`);
}
