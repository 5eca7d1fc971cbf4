/**
 * Single pods as destinations: by address, and by the names that DNS gives the pods of a headless service.
 *
 * @import { Endpoint } from '../../engine/config.ts'
 * @import { CompiledTables, IndexPart, PortPart, Resolved, ServicePart } from './compiled.ts'
 * @import { OutboundDecision } from './types.ts'
 */
import { forwardTo, mayCall } from './endpoints.js';
import { serviceKey } from './names.js';
import { refuse } from './refusal.js';

/** The port of HTTP, for a Host without one (RFC 9110, 4.2.1). */
var httpPort = 80;

/**
 * One port of a pod, as a service has it.
 * @typedef {object} Served
 * @property {PortPart} part
 * @property {Endpoint} endpoint
 */

/**
 * What an address of a pod and one of its ports stand for; null when no pod that is known has it. A pod may be behind
 * several services: the port decides, and it is the pod's own. Asked once for each host, for the answer is remembered.
 * @param {CompiledTables} tables
 * @param {string} name an address, or `<address with dashes>.<namespace>.pod` with the trust domain behind it or not
 * @param {number | undefined} port
 * @returns {Resolved | null}
 */
export function podAt(tables, name, port) {
  var addresses = addressesIn(name, tables.trustLabels);
  if (addresses.length === 0) return null;
  /** @type {Served[]} */
  var found = [];
  addServed(tables.services, endpoint => addresses.includes(endpoint.address), found);
  return found.length === 0 ? null : decisionOf(tables, `Pod ${name}`, found, port);
}

/**
 * The pod that a name below a headless service means: `<pod>.<service>`, `<pod>.<service>.<namespace>` and on as for a
 * service; null when there is no such service. The pod is its hostname, or without one its address with dashes. The
 * port is one of the service, as for the service itself, or else one of the pod.
 * `isMissing`: the service is there and has no such pod.
 * @param {CompiledTables} tables
 * @param {string} name
 * @param {number | undefined} port
 * @param {(key: string) => ServicePart | undefined} serviceOf
 * @returns {{ resolved: Resolved, isMissing: boolean } | null}
 */
export function podNamed(tables, name, port, serviceOf) {
  var dot = name.indexOf('.');
  var key = dot < 1 ? null : serviceKey(name.substring(dot + 1), tables.self.namespace, tables.trustLabels);
  var service = key === null ? undefined : serviceOf(key);
  if (service === undefined || !service.headless) return null;
  var label = name.substring(0, dot);
  var found = servedBy(service, endpoint => label === (endpoint.hostname || withDashes(endpoint.address)));
  if (found.length === 0)
    return { resolved: fixed(refuse('no-endpoints', `Service ${service.key} has no pod ${label}.`)), isMissing: true };
  var asked = port !== undefined ? port : service.ports.has(httpPort) ? httpPort : service.onlyPort;
  var asService = found.filter(each => each.part.port === asked);
  var title = `Pod ${label} of service ${service.key}`;
  if (asService.length > 0) return { resolved: fixed(toFirst(tables, title, asService)), isMissing: false };
  return { resolved: decisionOf(tables, title, found, port), isMissing: false };
}

/** @param {IndexPart} index @param {(endpoint: Endpoint) => boolean} isAsked @param {Served[]} found */
function addServed(index, isAsked, found) {
  index.services.forEach(service => {
    servedBy(service, isAsked).forEach(each => {
      found.push(each);
    });
  });
  index.buckets.forEach(bucket => {
    addServed(bucket, isAsked, found);
  });
}

/** @param {ServicePart} service @param {(endpoint: Endpoint) => boolean} isAsked @returns {Served[]} */
function servedBy(service, isAsked) {
  /** @type {Served[]} */
  var found = [];
  service.portList.forEach(part => {
    part.pods.filter(isAsked).forEach(endpoint => {
      found.push({ part: part, endpoint: endpoint });
    });
  });
  return found;
}

/** @param {CompiledTables} tables @param {string} title @param {Served[]} found at least one @param {number | undefined} port */
function decisionOf(tables, title, found, port) {
  var asked = port === undefined ? defaultPort(found) : port;
  if (asked === null)
    return fixed(refuse('ambiguous-port', `${title} has several ports and none is ${httpPort}; say which.`));
  var there = found.filter(each => each.endpoint.port === asked);
  if (there.length === 0) return fixed(refuse('unknown-port', `${title} serves no port ${asked}.`));
  return fixed(toFirst(tables, title, there));
}

/** Port 80, or the only one there is. @param {Served[]} found */
function defaultPort(found) {
  var first = /** @type {Served} */ (found[0]).endpoint.port;
  if (found.some(each => each.endpoint.port === httpPort)) return httpPort;
  return found.every(each => each.endpoint.port === first) ? first : null;
}

/** Of several services with this port of the pod the first by name says what it speaks. @param {CompiledTables} tables @param {string} title @param {Served[]} found @returns {OutboundDecision} */
function toFirst(tables, title, found) {
  var first = /** @type {Served} */ (found[0]);
  if (mayCall(tables.callable, first.endpoint))
    return forwardTo(first.part.service, first.part.service, first.part.protocol, first.endpoint);
  return refuse(
    'not-callable',
    `${title} is ${first.endpoint.principal}, which no TrafficTarget lets this workload call there.`,
  );
}

/** @param {OutboundDecision} decision @returns {Resolved} */
function fixed(decision) {
  return { port: null, service: null, fixed: decision };
}

/**
 * The addresses that a text may stand for; empty for a name.
 * @param {string} name
 * @param {readonly string[]} trustLabels
 */
function addressesIn(name, trustLabels) {
  if (isAddress(name)) return [name];
  var labels = name.split('.');
  if (labels.length < 3 || labels[2] !== 'pod' || labels.length > 3 + trustLabels.length) return [];
  if (labels.some((label, at) => at > 2 && label !== trustLabels[at - 3])) return [];
  var dashed = (labels[0] || '').split('-');
  return [dashed.join('.'), dashed.join(':')];
}

/** IPv6, or digits and dots. @param {string} name */
function isAddress(name) {
  if (name.includes(':')) return true;
  for (var i = 0; i < name.length; i++) {
    var code = name.charCodeAt(i);
    if (code !== 46 && (code < 48 || code > 57)) return false;
  }
  return name !== '';
}

/** As DNS names a pod without a hostname. @param {string} address */
function withDashes(address) {
  return address.split('.').join('-').split(':').join('-');
}
