/**
 * @import { Choice, CompiledTables, IndexPart, PortPart, Resolved, ServicePart } from './compiled.ts'
 * @import { OutboundDecision, OutboundDestination } from './types.ts'
 */
import { authority } from './endpoints.js';
import { refuse } from './refusal.js';

/** Hosts that a configuration remembers before it forgets all of them. */
var cacheMax = 1024;

/** Longest host, in characters: a DNS name (RFC 1035, 2.3.4) with a trailing dot and a port. */
var hostMax = 260;

/** What stands for HTTP when a Host has no port (RFC 9110, 4.2.1). */
var httpPort = 80;

/**
 * What a host, or the destination of an intercepted connection, stands for. The destination's port goes before the
 * host's: it is what was dialled. A host that names no service leaves it to the destination's address.
 * @param {CompiledTables} tables
 * @param {string} host
 * @param {OutboundDestination} destination
 * @returns {Resolved}
 */
export function resolve(tables, host, destination) {
  if (host.length > hostMax) return decided(refuse('bad-host', `A host has at most ${hostMax} characters.`));
  var key = destination.port === undefined ? host : `${host} ${destination.address || ''} ${destination.port}`;
  var known = tables.resolved.get(key);
  if (known !== undefined) return known;
  if (tables.resolved.size >= cacheMax) tables.resolved.clear();
  var fresh = resolveNow(tables, host, destination);
  tables.resolved.set(key, fresh);
  return fresh;
}

/**
 * @param {CompiledTables} tables
 * @param {string} host
 * @param {OutboundDestination} destination
 * @returns {Resolved}
 */
function resolveNow(tables, host, destination) {
  // HTTP/1.0 needs no Host; then there is only what was dialled.
  var asked = splitAuthority(host === '' ? destination.address || '' : host);
  if (asked === null) return decided(refuse('bad-host', `'${host}' is not a host with an optional port.`));
  var port = destination.port === undefined ? asked.port : destination.port;
  var address = destination.address === undefined ? '' : plainName(destination.address);
  var service = serviceOf(tables, asked.name) || (address === '' ? undefined : serviceOf(tables, address));
  if (service === undefined) return decided(unknownHost(tables, asked.name, destination.address || asked.name, port));
  return portOf(service, port);
}

/**
 * @param {ServicePart} service
 * @param {number | undefined} asked
 * @returns {Resolved}
 */
function portOf(service, asked) {
  if (asked !== undefined) return servedPort(service, asked);
  if (service.ports.has(httpPort)) return servedPort(service, httpPort);
  if (service.onlyPort !== null) return servedPort(service, service.onlyPort);
  return decided(
    refuse('ambiguous-port', `Service ${service.key} has several ports and none is ${httpPort}; say which.`),
  );
}

/** @param {ServicePart} service @param {number} port @returns {Resolved} */
function servedPort(service, port) {
  var part = service.ports.get(port);
  if (part !== undefined) return { port: part, fixed: onlyDecision(part) };
  return decided(refuse('unknown-port', `Service ${service.key} has no port ${port}.`));
}

/** @param {OutboundDecision} decision @returns {Resolved} */
function decided(decision) {
  return { port: null, fixed: decision };
}

/** The decision for every request of a port, where there is nothing to choose. @param {PortPart} port */
function onlyDecision(port) {
  var split = port.every;
  if (split === null || split.choices.length !== 1) return null;
  var decisions = /** @type {Choice} */ (split.choices[0]).decisions;
  return decisions.length === 1 ? /** @type {OutboundDecision} */ (decisions[0]) : null;
}

/**
 * @param {CompiledTables} tables
 * @param {string} name
 * @param {string} address
 * @param {number | undefined} port
 * @returns {OutboundDecision}
 */
function unknownHost(tables, name, address, port) {
  if (tables.settings.egress)
    return { action: 'passthrough', target: authority(address, port === undefined ? httpPort : port) };
  return refuse('unknown-service', `'${name}' names no service that may be called, and egress is off.`);
}

/** @param {CompiledTables} tables @param {string} name @returns {ServicePart | undefined} */
function serviceOf(tables, name) {
  var key = serviceKey(name, tables.self.namespace, tables.trustLabels);
  var named = key === null ? undefined : findByName(tables.services, key);
  return named || findByAddress(tables.services, name);
}

/**
 * `svc`, `svc.ns`, `svc.ns.svc` and on through the labels of the trust domain → `ns/svc`; null for other names.
 * @param {string} name lower case, no trailing dot
 * @param {string} ownNamespace where a bare name is looked for
 * @param {readonly string[]} trustLabels
 * @returns {string | null}
 */
export function serviceKey(name, ownNamespace, trustLabels) {
  var labels = name.split('.');
  if (labels.length > 3 + trustLabels.length) return null;
  if (labels.length > 2 && labels[2] !== 'svc') return null;
  for (var i = 3; i < labels.length; i++) if (labels[i] !== trustLabels[i - 3]) return null;
  return `${labels.length === 1 ? ownNamespace : labels[1]}/${labels[0]}`;
}

/** @param {IndexPart} index @param {string} key @returns {ServicePart | undefined} */
function findByName(index, key) {
  var found = index.byName.get(key);
  index.buckets.forEach(bucket => {
    if (found === undefined) found = bucket.byName.get(key);
  });
  return found;
}

/** @param {IndexPart} index @param {string} address @returns {ServicePart | undefined} */
function findByAddress(index, address) {
  var found = index.byAddress.get(address);
  index.buckets.forEach(bucket => {
    if (found === undefined) found = bucket.byAddress.get(address);
  });
  return found;
}

/**
 * Takes `host[:port]` apart (RFC 3986, 3.2); null when it is not one. The name is in lower case, without brackets and
 * without a trailing dot.
 * @param {string} text
 * @returns {{ name: string, port: number | undefined } | null}
 */
export function splitAuthority(text) {
  var colon = text.lastIndexOf(':');
  if (colon < 0 || text.endsWith(']')) return named(text, undefined);
  // A port may be empty (RFC 3986, 3.2.3).
  if (colon === text.length - 1) return named(text.substring(0, colon), undefined);
  var port = portNumber(text.substring(colon + 1));
  return port === null ? null : named(text.substring(0, colon), port);
}

/** @param {string} host @param {number | undefined} port */
function named(host, port) {
  var name = plainName(host);
  return name === '' ? null : { name: name, port: port };
}

/** @param {string} host */
function plainName(host) {
  var name = host.toLowerCase();
  if (name.startsWith('[') && name.endsWith(']')) name = name.substring(1, name.length - 1);
  return name.endsWith('.') ? name.substring(0, name.length - 1) : name;
}

/** @param {string} text @returns {number | null} */
function portNumber(text) {
  if (text === '' || text.length > 5) return null;
  for (var i = 0; i < text.length; i++) {
    var code = text.charCodeAt(i);
    if (code < 48 || code > 57) return null;
  }
  var port = Number.parseInt(text, 10);
  return port > 0 && port < 65536 ? port : null;
}
