/**
 * @import { CallableNode, Endpoint, Protocol } from '../../engine/config.ts'
 * @import { Callable, Cursor } from './compiled.ts'
 * @import { Host, OutboundDecision } from './types.ts'
 */

/** Backends whose position is remembered before all are forgotten. */
var cursorsMax = 8192;

/**
 * The cursor of a backend, new ones at a place that differs from proxy to proxy, so that a thousand proxies do not
 * all begin at the same endpoint.
 * @param {Map<string, Cursor>} cursors
 * @param {string} backend
 * @param {Host} host
 * @param {string} uid of this pod
 * @returns {Cursor}
 */
export function cursorOf(cursors, backend, host, uid) {
  var known = cursors.get(backend);
  if (known !== undefined) return known;
  if (cursors.size >= cursorsMax) cursors.clear();
  var cursor = { at: host.hash(uid + ' ' + backend) % 65536 };
  cursors.set(backend, cursor);
  return cursor;
}

/**
 * The next of `count` endpoints, round robin.
 * @param {Cursor} cursor
 * @param {number} count at least 1
 * @returns {number}
 */
export function nextEndpoint(cursor, count) {
  var at = cursor.at % count;
  cursor.at = at + 1;
  return at;
}

/**
 * Whether an endpoint may be called: a server refuses everybody whom no TrafficTarget names, and whom none names for the
 * port, so nobody goes there.
 * @param {Callable} callable
 * @param {Endpoint} endpoint
 */
export function mayCall(callable, endpoint) {
  if (callable === null) return true;
  var ports = callable.get(endpoint.principal);
  return ports !== undefined && (ports === null || ports.includes(endpoint.port));
}

/**
 * What may be called of a principal, as text: the same text means the same ports.
 * @param {Callable} callable
 * @param {string} principal
 */
export function openTo(callable, principal) {
  var ports = callable === null ? null : callable.get(principal);
  return ports === undefined ? 'nothing' : ports === null ? 'everything' : ports.join(' ');
}

/** @param {CallableNode['data']} data @returns {Callable} */
export function compileCallable(data) {
  var limits = data.ports || {};
  /** @type {Map<string, readonly number[] | null>} */
  var callable = new Map();
  data.principals.forEach(principal => {
    callable.set(principal, limits[principal] || null);
  });
  return callable;
}

/**
 * The decision to go to one endpoint; made once, so that a request makes nothing.
 * @param {string} service
 * @param {string} backend
 * @param {Protocol} protocol
 * @param {Endpoint} endpoint
 * @returns {OutboundDecision}
 */
export function forwardTo(service, backend, protocol, endpoint) {
  return {
    action: 'forward',
    endpoint: endpoint,
    target: authority(endpoint.address, endpoint.port),
    service: service,
    backend: backend,
    protocol: protocol,
  };
}

/**
 * `address:port`, with brackets around an IPv6 address (RFC 3986, 3.2.2).
 * @param {string} address
 * @param {number} port
 */
export function authority(address, port) {
  return address.includes(':') && !address.startsWith('[') ? `[${address}]:${port}` : `${address}:${port}`;
}
