/**
 * @import { Hash } from '../../engine/canonical.ts'
 * @import { AnyNode, EndpointsNode, Protocol, ServiceNode, ServicePort } from '../../engine/config.ts'
 * @import { CompiledTables, Cursor, IndexPart, PortPart, ServicePart, Split } from './compiled.ts'
 * @import { Host, InboundDecision, OutboundDecision } from './types.ts'
 */
import { compileAccess } from './access.js';
import { cursorOf, forwardTo } from './endpoints.js';
import { pathTable } from './match.js';
import { compileSplit } from './split.js';

/**
 * What every step of a compilation needs.
 * @typedef {object} Work
 * @property {Map<Hash, AnyNode>} nodes
 * @property {Host} host
 * @property {string} uid of this pod
 * @property {Map<string, Cursor>} cursors
 */

/**
 * Makes tables from the tree under `root`. Where `previous` holds a part of the same hash in the same place, the part
 * is taken over, so the cost follows the change.
 * @param {Map<Hash, AnyNode>} nodes
 * @param {Hash} root
 * @param {Host} host
 * @param {CompiledTables | null} previous
 * @returns {CompiledTables}
 * @throws Error `missing <hash>` when a node is not there, `<hash> is no <kind>` when it is of another kind
 */
export function compileTables(nodes, root, host, previous) {
  var top = nodeOf(nodes, root, 'root').refs;
  var self = nodeOf(nodes, top.self, 'self').data;
  var settings = nodeOf(nodes, top.settings, 'settings').data;
  var inbound = nodeOf(nodes, top.inbound, 'inbound');
  var outbound = nodeOf(nodes, top.outbound, 'outbound');
  // Cursors start by the pod's uid, so tables of another pod are of no use here.
  var old = previous !== null && previous.self.uid === self.uid ? previous : null;
  var cursors = old === null ? new Map() : old.cursors;
  var work = { nodes: nodes, host: host, uid: self.uid, cursors: cursors };
  return {
    root: root,
    self: self,
    settings: settings,
    roots: nodeOf(nodes, top.trust, 'trust').data.roots,
    inboundPorts: inbound.data.ports.map(served => ({ port: served.port, protocol: served.protocol })),
    host: host,
    refs: top,
    trustLabels: settings.trustDomain.split('.'),
    services: indexPart(work, outbound.refs.services, old === null ? undefined : old.services),
    access: accessPart(nodes, inbound.refs.access, old),
    served: servedPorts(inbound.data.ports),
    cursors: cursors,
    resolved: new Map(),
  };
}

/**
 * @template {AnyNode['kind']} Kind
 * @param {Map<Hash, AnyNode>} nodes
 * @param {Hash | undefined} hash
 * @param {Kind} kind
 * @returns {Extract<AnyNode, { kind: Kind }>}
 */
function nodeOf(nodes, hash, kind) {
  var node = hash === undefined ? undefined : nodes.get(hash);
  if (node === undefined) throw new Error(`missing ${hash}`);
  if (node.kind !== kind) throw new Error(`${hash} is no ${kind}`);
  return /** @type {Extract<AnyNode, { kind: Kind }>} */ (node);
}

/** @param {readonly { port: number, protocol: Protocol }[]} ports @returns {Map<number, InboundDecision>} */
function servedPorts(ports) {
  /** @type {Map<number, InboundDecision>} */
  var served = new Map();
  ports.forEach(each => {
    served.set(each.port, { action: 'forward', port: each.port, protocol: each.protocol });
  });
  return served;
}

/** @param {Map<Hash, AnyNode>} nodes @param {Hash | undefined} hash @param {CompiledTables | null} old */
function accessPart(nodes, hash, old) {
  var node = nodeOf(nodes, hash, 'access');
  if (old !== null && old.access.hash === hash) return old.access;
  return compileAccess(/** @type {Hash} */ (hash), node.data);
}

/**
 * @param {Work} work
 * @param {Hash | undefined} hash
 * @param {IndexPart | undefined} old
 * @returns {IndexPart}
 */
function indexPart(work, hash, old) {
  var node = nodeOf(work.nodes, hash, 'index');
  if (old !== undefined && old.hash === hash) return old;
  /** @type {IndexPart} */
  var part = { hash: hash || '', buckets: [], byBucket: new Map(), byName: new Map(), byAddress: new Map() };
  if (node.data.buckets === undefined) return withServices(work, part, node.refs, old);
  Object.keys(node.refs).forEach(name => {
    var bucket = indexPart(work, node.refs[name], old === undefined ? undefined : old.byBucket.get(name));
    part.buckets.push(bucket);
    part.byBucket.set(name, bucket);
  });
  return part;
}

/**
 * @param {Work} work
 * @param {IndexPart} part
 * @param {Readonly<Record<string, Hash>>} refs
 * @param {IndexPart | undefined} old
 */
function withServices(work, part, refs, old) {
  Object.keys(refs).forEach(name => {
    var hash = refs[name];
    var node = nodeOf(work.nodes, hash, 'service');
    var before = old === undefined ? undefined : old.byName.get(`${node.data.namespace}/${node.data.name}`);
    var service = before !== undefined && before.hash === hash ? before : servicePart(work, node, hash || '');
    part.byName.set(service.key, service);
    node.data.addresses.forEach(address => {
      part.byAddress.set(address.toLowerCase(), service);
    });
  });
  return part;
}

/** @param {Work} work @param {ServiceNode} node @param {Hash} hash @returns {ServicePart} */
function servicePart(work, node, hash) {
  var key = `${node.data.namespace}/${node.data.name}`;
  /** @type {Map<number, PortPart>} */
  var ports = new Map();
  node.data.ports.forEach((port, at) => {
    ports.set(port.port, portPart(work, node, hash, at, port));
  });
  var first = node.data.ports[0];
  return { hash: hash, key: key, ports: ports, onlyPort: ports.size === 1 && first !== undefined ? first.port : null };
}

/**
 * @param {Work} work
 * @param {ServiceNode} node
 * @param {Hash} hash
 * @param {number} at position of the port
 * @param {ServicePort} port
 * @returns {PortPart}
 */
function portPart(work, node, hash, at, port) {
  var key = `${node.data.namespace}/${node.data.name}`;
  var service = `${key}:${port.port}`;
  var splits = port.routes.map((route, position) =>
    compileSplit(
      service,
      position,
      route.backends,
      backend => decisionsOf(work, node, service, backend, port.protocol),
      backend => cursorOf(work.cursors, backend, work.host, work.uid),
    ),
  );
  var plainAt = port.routes.findIndex(route => route.match === undefined);
  var plain = plainAt < 0 ? null : /** @type {Split} */ (splits[plainAt]);
  return {
    service: service,
    key: key,
    hash: hash,
    at: at,
    port: port.port,
    protocol: port.protocol,
    routes: pathTable(
      port.routes.map(route => route.match),
      splits,
      () => false,
    ),
    plain: plain,
    every: plainAt === 0 ? plain : null,
  };
}

/**
 * @param {Work} work
 * @param {ServiceNode} node
 * @param {string} service
 * @param {string} backend
 * @param {Protocol} protocol
 * @returns {OutboundDecision[]}
 */
function decisionsOf(work, node, service, backend, protocol) {
  /** @type {EndpointsNode} */
  var endpoints = nodeOf(work.nodes, node.refs[backend], 'endpoints');
  return endpoints.data.endpoints.map(endpoint => forwardTo(service, backend, protocol, endpoint));
}
