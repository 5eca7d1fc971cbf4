/**
 * @import { Hash } from '../../engine/canonical.ts'
 * @import { AnyNode, Protocol, ServiceNode, ServicePort } from '../../engine/config.ts'
 * @import { Callable, CompiledTables, Cursor, IndexPart, PortPart, ServicePart, Split } from './compiled.ts'
 * @import { Host, InboundDecision, OutboundDecision } from './types.ts'
 */
import { compileAccess } from './access.js';
import { compileCallable, cursorOf, forwardTo, mayCall, openTo } from './endpoints.js';
import { configFormat } from './format.js';
import { pathTable } from './match.js';
import { compileSplit } from './split.js';

/**
 * What every step of a compilation needs.
 * @typedef {object} Work
 * @property {Map<Hash, AnyNode>} nodes
 * @property {Host} host
 * @property {string} uid of this pod
 * @property {Callable} callable
 * @property {CompiledTables | null} old tables whose parts may be taken over
 * @property {Map<string, Cursor>} cursors
 */

/**
 * Makes tables from the tree under `root`. Where `previous` holds a part of the same hash in the same place, the part
 * is taken over, so the cost follows the change. Who may be called is not part of that hash, for services are shared by
 * all callers: a part is taken over only when it is the same for both.
 * @param {Map<Hash, AnyNode>} nodes
 * @param {Hash} root
 * @param {Host} host
 * @param {CompiledTables | null} previous
 * @returns {CompiledTables}
 * @throws Error `missing <hash>` when a node is not there, `<hash> is no <kind>` when it is of another kind, or that the
 *   tree is of another format: read as this one it might open what it closes
 */
export function compileTables(nodes, root, host, previous) {
  var tree = nodeOf(nodes, root, 'root');
  if (tree.data.format !== configFormat) throw new Error(`format ${tree.data.format} is not read here`);
  var top = tree.refs;
  var who = nodeOf(nodes, top.self, 'self');
  var self = who.data;
  var settings = nodeOf(nodes, top.settings, 'settings').data;
  var inbound = nodeOf(nodes, top.inbound, 'inbound');
  var outbound = nodeOf(nodes, top.outbound, 'outbound');
  // Cursors start by the pod's uid, so tables of another pod are of no use here.
  var old = previous !== null && previous.self.uid === self.uid ? previous : null;
  var cursors = old === null ? new Map() : old.cursors;
  var callable =
    who.refs.callable === undefined ? null : compileCallable(nodeOf(nodes, who.refs.callable, 'callable').data);
  /** @type {Work} */
  var work = { nodes: nodes, host: host, uid: self.uid, callable: callable, old: old, cursors: cursors };
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
    opaque: new Set(inbound.data.ports.filter(served => served.opaque === true).map(served => served.port)),
    callable: callable,
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
  if (old !== undefined && old.hash === hash && staysSame(work, old)) return old;
  /** @type {IndexPart} */
  var part = {
    hash: hash || '',
    buckets: [],
    byBucket: new Map(),
    services: [],
    byName: new Map(),
    byAddress: new Map(),
  };
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
    var stays = before !== undefined && before.hash === hash && sameCallable(work, before);
    var service = stays ? /** @type {ServicePart} */ (before) : servicePart(work, node, hash || '');
    part.services.push(service);
    part.byName.set(service.key, service);
    node.data.addresses.forEach(address => {
      part.byAddress.set(address.toLowerCase(), service);
    });
  });
  return part;
}

/**
 * Whether the same principals of a service may be called as when its part was made.
 * @param {Work} work
 * @param {ServicePart} part of `work.old`
 */
function sameCallable(work, part) {
  var before = /** @type {CompiledTables} */ (work.old).callable;
  return part.principals.every(principal => openTo(before, principal) === openTo(work.callable, principal));
}

/** @param {Work} work @param {IndexPart} index @returns {boolean} */
function staysSame(work, index) {
  return (
    index.services.every(service => sameCallable(work, service)) &&
    index.buckets.every(bucket => staysSame(work, bucket))
  );
}

/** @param {Work} work @param {ServiceNode} node @param {Hash} hash @returns {ServicePart} */
function servicePart(work, node, hash) {
  var key = `${node.data.namespace}/${node.data.name}`;
  var list = node.data.ports.map((port, at) => portPart(work, node, hash, at, port));
  /** @type {Map<number, PortPart>} */
  var ports = new Map();
  list.forEach(part => {
    ports.set(part.port, part);
  });
  var only = list.length === 1 ? list[0] : undefined;
  return {
    hash: hash,
    key: key,
    ports: ports,
    onlyPort: only === undefined ? null : only.port,
    portList: list,
    headless: node.data.addresses.length === 0,
    principals: principalsOf(work, node),
  };
}

/** Identities behind a service, each once. @param {Work} work @param {ServiceNode} node */
function principalsOf(work, node) {
  /** @type {Set<string>} */
  var seen = new Set();
  /** @type {string[]} */
  var found = [];
  Object.values(node.refs).forEach(ref => {
    nodeOf(work.nodes, ref, 'endpoints').data.endpoints.forEach(endpoint => {
      if (seen.has(endpoint.principal)) return;
      seen.add(endpoint.principal);
      found.push(endpoint.principal);
    });
  });
  return found;
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
      backend => backendOf(work, node, service, backend, port.protocol),
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
    pods: node.refs[service] === undefined ? [] : endpointsOf(work, node, service),
  };
}

/** @param {Work} work @param {ServiceNode} node @param {string} backend */
function endpointsOf(work, node, backend) {
  return nodeOf(work.nodes, node.refs[backend], 'endpoints').data.endpoints;
}

/**
 * A decision for each endpoint of a backend that may be called, and of how many there are.
 * @param {Work} work
 * @param {ServiceNode} node
 * @param {string} service
 * @param {string} backend
 * @param {Protocol} protocol
 * @returns {{ decisions: OutboundDecision[], count: number }}
 */
function backendOf(work, node, service, backend, protocol) {
  var endpoints = endpointsOf(work, node, backend);
  var callable = endpoints.filter(endpoint => mayCall(work.callable, endpoint));
  return {
    decisions: callable.map(endpoint => forwardTo(service, backend, protocol, endpoint)),
    count: endpoints.length,
  };
}
