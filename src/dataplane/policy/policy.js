/**
 * What a proxy decides, written once for every shell; types.ts is the contract. What it could decide, and why, is in because.js,
 * which no shell loads.
 *
 * The files of this folder keep to the JavaScript that PipyJS and Node share, and `test/policy/subset.test.ts` holds
 * them to it. Text from the network is only ever the key of a Map. Maps are never iterated: PipyJS calls back with
 * the key first.
 *
 * @import { Hash } from '../../engine/canonical.ts'
 * @import { AnyNode } from '../../engine/config.ts'
 * @import { CompiledTables, PortPart, Resolved } from './compiled.ts'
 * @import { Host, OutboundDecision, OutboundDestination, RequestDescription, Tables } from './types.ts'
 */
import { compileTables } from './compile.js';
import { authority } from './endpoints.js';
import { resolve } from './hosts.js';
import { connectionSplit, requestSplit } from './routes.js';
import { choose } from './split.js';
import { targetFault } from './target.js';

export { admitConnection, admitRequest, admitVerdict, verdictOf } from './access.js';
export { principalOf } from './principal.js';
export { speaksHTTP } from './protocols.js';
export { pathOf, targetFault } from './target.js';
export { missing, reachable } from './tree.js';

/**
 * Makes tables from the tree under `root`, with parts of `previous` that did not change. Throws `missing <hash>`.
 * @param {Map<Hash, AnyNode>} nodes
 * @param {Hash} root
 * @param {Host} host
 * @param {Tables | null} previous
 * @returns {Tables}
 */
export function compile(nodes, root, host, previous) {
  return compileTables(nodes, root, host, /** @type {CompiledTables | null} */ (previous));
}

/**
 * Where an HTTP request of the pod's app goes.
 * @param {Tables} tables
 * @param {RequestDescription} request
 * @param {OutboundDestination} destination
 * @returns {OutboundDecision}
 */
export function routeRequest(tables, request, destination) {
  var fault = targetFault(request.method, request.path);
  return fault || routeResolved(tables, resolveHost(tables, request.host, destination), request);
}

/**
 * The part of `routeRequest` that depends on the host alone, for shells that remember it while tables and host stay:
 * where `fixed` is not null it is the decision for every request.
 * @param {Tables} tables
 * @param {string} host
 * @param {OutboundDestination} destination
 * @returns {Resolved}
 */
export function resolveHost(tables, host, destination) {
  return resolve(/** @type {CompiledTables} */ (tables), host, destination);
}

/**
 * The rest of `routeRequest`, for a target that `targetFault` finds sound.
 * @param {Tables} tables
 * @param {Resolved} resolved of these tables
 * @param {RequestDescription} request
 * @returns {OutboundDecision}
 */
export function routeResolved(tables, resolved, request) {
  if (resolved.fixed !== null) return resolved.fixed;
  var port = /** @type {PortPart} */ (resolved.port);
  // Most ports have one route; a call less is felt in PipyJS.
  var split = port.every === null ? requestSplit(port, request) : port.every;
  return choose(split, /** @type {CompiledTables} */ (tables).host);
}

/**
 * Where a TCP connection of the pod's app goes: only routes without conditions can take one.
 * @param {Tables} tables
 * @param {string} host
 * @param {number} port
 * @returns {OutboundDecision}
 */
export function routeConnection(tables, host, port) {
  var compiled = /** @type {CompiledTables} */ (tables);
  var resolved = resolve(compiled, authority(host, port), {});
  if (resolved.port === null) return resolved.fixed;
  return choose(connectionSplit(resolved.port), compiled.host);
}
