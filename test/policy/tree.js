/**
 * Builds a configuration tree from a short description, in the subset that PipyJS and Node share.
 * @import { AnyNode, Endpoint, InboundNode, AccessNode, SelfNode, ServiceNode, SettingsNode } from '../../src/engine/config.ts'
 */

/**
 * @typedef {object} Spec
 * @property {Omit<SelfNode['data'], 'member'> & { member?: boolean }} self
 * @property {SettingsNode['data']} settings
 * @property {string[]} roots
 * @property {InboundNode['data']['ports']} inbound
 * @property {AccessNode['data']} access
 * @property {string[] | null} [callable] principals; null (as in permissive mode) unless given
 * @property {Record<string, number[]>} [callablePorts] principal → the ports there; every port unless given
 * @property {ServiceNode['data'][]} services
 * @property {Record<string, Endpoint[]>} endpoints `namespace/name:port` → endpoints
 * @property {64} [buckets] one service in each of as many indexes
 */

/**
 * @param {Spec} spec
 * @param {(node: AnyNode) => string} hashOf
 * @returns {{ root: string, nodes: Map<string, AnyNode> }}
 */
export function treeOf(spec, hashOf) {
  /** @type {Map<string, AnyNode>} */
  var nodes = new Map();
  /** @type {(node: AnyNode) => string} */
  var add = node => {
    var hash = hashOf(node);
    nodes.set(hash, node);
    return hash;
  };
  var inbound = { access: add({ kind: 'access', data: spec.access, refs: {} }) };
  /** @type {Record<string, string>} */
  var whom = {};
  var ports = spec.callablePorts === undefined ? {} : { ports: spec.callablePorts };
  if (spec.callable)
    whom.callable = add({ kind: 'callable', data: Object.assign({ principals: spec.callable }, ports), refs: {} });
  var outbound = { services: addIndex(spec, add) };
  var refs = {
    self: add({ kind: 'self', data: Object.assign({ member: true }, spec.self), refs: whom }),
    settings: add({ kind: 'settings', data: spec.settings, refs: {} }),
    trust: add({ kind: 'trust', data: { roots: spec.roots }, refs: {} }),
    inbound: add({ kind: 'inbound', data: { ports: spec.inbound }, refs: inbound }),
    outbound: add({ kind: 'outbound', data: {}, refs: outbound }),
  };
  return { root: add({ kind: 'root', data: { format: 2 }, refs: refs }), nodes: nodes };
}

/** @param {Spec} spec @param {(node: AnyNode) => string} add */
function addIndex(spec, add) {
  /** @type {Record<string, string>} */
  var refs = {};
  spec.services.forEach((service, at) => {
    var key = `${service.namespace}/${service.name}`;
    var hash = addService(spec, service, add);
    if (spec.buckets === undefined) refs[key] = hash;
    else refs[`${at}`] = add({ kind: 'index', data: {}, refs: { [key]: hash } });
  });
  return add({ kind: 'index', data: spec.buckets === undefined ? {} : { buckets: 64 }, refs: refs });
}

/** @param {Spec} spec @param {ServiceNode['data']} service @param {(node: AnyNode) => string} add */
function addService(spec, service, add) {
  /** @type {Record<string, string>} */
  var refs = {};
  var put = (/** @type {string} */ ref) => {
    refs[ref] = add({ kind: 'endpoints', data: { endpoints: spec.endpoints[ref] || [] }, refs: {} });
  };
  service.ports.forEach(port => {
    put(`${service.namespace}/${service.name}:${port.port}`);
    port.routes.forEach(route => {
      route.backends.forEach(backend => {
        put(backend.ref);
      });
    });
  });
  return add({ kind: 'service', data: service, refs: refs });
}
