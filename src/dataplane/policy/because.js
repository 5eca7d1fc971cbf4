/**
 * Everything that the policy could answer, and which parts of which node say so. The answers are made by the functions
 * that decide for the shells; positions were remembered when the nodes were compiled, so nothing is matched by other means.
 *
 * @import { CompiledTables, PathTable, PortPart, PortRule, ServicePart, Split } from './compiled.ts'
 * @import { Admission, Because, InboundDecision, OutboundDecision, OutboundDestination, RequestDescription, RouteExplanation, Tables } from './types.ts'
 */
import { admitConnection, admitRequest, verdictOf } from './access.js';
import { resolve } from './hosts.js';
import { firstMatch } from './match.js';
import { speaksHTTP } from './protocols.js';
import { connectionSplit, requestSplit } from './routes.js';

/**
 * Every endpoint that a request, or a connection where the port speaks no HTTP, may be sent to.
 * @param {Tables} tables
 * @param {RequestDescription} request
 * @param {OutboundDestination} destination
 * @returns {RouteExplanation}
 */
export function explainRoute(tables, request, destination) {
  var compiled = /** @type {CompiledTables} */ (tables);
  var resolved = resolve(compiled, request.host, destination);
  if (resolved.port === null) return withoutPort(compiled, resolved);
  var part = resolved.port;
  var split = speaksHTTP(part.protocol) ? requestSplit(part, request) : connectionSplit(part);
  return {
    port: { service: part.key, port: part.port, protocol: part.protocol },
    decision: split.choices.length === 0 ? split.refusal : null,
    because: [serviceOf(part, routePointers(part, split)), childOf(compiled, 'outbound', '')],
    choices: split.choices.map((choice, at) => ({
      backend: choice.backend,
      share: (choice.upTo - (split.choices[at - 1]?.upTo || 0)) / split.total,
      decisions: choice.decisions,
    })),
  };
}

/**
 * @param {CompiledTables} tables
 * @param {{ readonly service: ServicePart | null, readonly fixed: OutboundDecision }} resolved
 * @returns {RouteExplanation}
 */
function withoutPort(tables, resolved) {
  var decision = resolved.fixed;
  if (decision.action === 'forward') return oneEndpoint(tables, decision);
  return { port: null, decision: decision, because: unresolved(tables, resolved), choices: [] };
}

/**
 * A host may stand for one endpoint, which is all that may be chosen then.
 * @param {CompiledTables} tables
 * @param {Extract<OutboundDecision, { action: 'forward' }>} decision
 * @returns {RouteExplanation}
 */
function oneEndpoint(tables, decision) {
  var colon = decision.service.lastIndexOf(':');
  var port = Number.parseInt(decision.service.substring(colon + 1), 10);
  return {
    port: { service: decision.service.substring(0, colon), port: port, protocol: decision.protocol },
    decision: null,
    because: [childOf(tables, 'outbound', '')],
    choices: [{ backend: decision.backend, share: 1, decisions: [decision] }],
  };
}

/**
 * A service lacks the port, or none that may be called has the name: then settings say what becomes of it. What is no
 * host lies in the request alone.
 * @param {CompiledTables} tables
 * @param {{ readonly service: ServicePart | null, readonly fixed: OutboundDecision }} resolved
 * @returns {Because[]}
 */
function unresolved(tables, resolved) {
  var service = resolved.service;
  if (resolved.fixed.action === 'refuse' && resolved.fixed.reason === 'bad-host') return [];
  if (service !== null) return [serviceOf(service, ['']), childOf(tables, 'outbound', '')];
  return [childOf(tables, 'outbound', ''), childOf(tables, 'settings', '')];
}

/** @param {ServicePart | PortPart} part @param {string[]} pointers @returns {Because} */
function serviceOf(part, pointers) {
  return { node: 'service', hash: part.hash, key: part.key, pointers: pointers };
}

/**
 * The route that was taken; where none was, every route had a part in that.
 * @param {PortPart} part
 * @param {Split} split
 */
function routePointers(part, split) {
  var routes = split.at < 0 ? part.routes.entries.map((_, at) => at) : [split.at];
  return [''].concat(routes.map(at => `/ports/${part.at}/routes/${at}`));
}

/**
 * Whether a verified principal may do this on a port of this pod, and by which rule; where none admits, every rule
 * that speaks of the principal had a part in that.
 * @param {Tables} tables
 * @param {number} port
 * @param {string} principal
 * @param {RequestDescription | null} request null for a connection
 * @returns {Admission}
 */
export function explainAdmission(tables, port, principal, request) {
  var compiled = /** @type {CompiledTables} */ (tables);
  var decision =
    request === null ? admitConnection(tables, port, principal) : admitRequest(tables, port, principal, request);
  return { decision: decision, because: [admissionBecause(compiled, port, principal, request, decision)] };
}

/**
 * @param {CompiledTables} tables
 * @param {number} port
 * @param {string} principal
 * @param {RequestDescription | null} request
 * @param {InboundDecision} decision
 * @returns {Because}
 */
function admissionBecause(tables, port, principal, request, decision) {
  if (!tables.served.has(port)) return childOf(tables, 'inbound', '/ports');
  if (tables.access.anyone) return childOf(tables, 'settings', '');
  var verdict = verdictOf(tables, port, principal);
  var admits = decision.action === 'forward';
  var pointers =
    request === null || verdict.fixed !== null
      ? tcpPointers(tables.access.tcp.get(principal), port, admits)
      : httpPointers(verdict.table, request, admits);
  return { node: 'access', hash: tables.access.hash, key: '', pointers: pointers };
}

/** @param {PathTable<number> | null} table @param {RequestDescription} request @param {boolean} admits */
function httpPointers(table, request, admits) {
  if (table === null) return [];
  var rules = admits ? [firstMatch(table, request)] : table.entries.map(entry => entry.value);
  return rules.map(at => `/http/${at}`);
}

/** @param {PortRule | undefined} rule @param {number} port @param {boolean} admits */
function tcpPointers(rule, port, admits) {
  if (rule === undefined) return [];
  var rules = admits ? [rule.everyPort === null ? rule.ports.get(port) : rule.everyPort] : rule.rules;
  return rules.map(at => `/tcp/${at}`);
}

/**
 * A part of a node that every proxy has one of.
 * @param {CompiledTables} tables
 * @param {'inbound' | 'outbound' | 'settings'} node
 * @param {string} pointer
 * @returns {Because}
 */
function childOf(tables, node, pointer) {
  return { node: node, hash: tables.refs[node] || '', key: '', pointers: [pointer] };
}
