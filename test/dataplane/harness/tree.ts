/** Configuration trees made by hand: what a control plane would send, said in a few words. */
import type { Hash } from '../../../src/engine/canonical.ts';
import {
  type AccessNode,
  type AnyNode,
  configFormat,
  type Endpoint,
  type Fragment,
  fragmentOf,
  type InboundNode,
  type Refs,
  type Route,
  type ServicePort,
  type SettingsNode,
} from '../../../src/engine/config.ts';

export interface ServiceSpec {
  /** `namespace/name`. */
  readonly key: string;
  readonly addresses?: readonly string[];
  readonly ports: readonly (Omit<ServicePort, 'routes'> & { readonly routes?: readonly Route[] })[];
  /** `namespace/name:port` → endpoints. */
  readonly backends: Readonly<Record<string, readonly Endpoint[]>>;
}

export interface TreeSpec {
  readonly self: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly principal: string;
    readonly member?: boolean;
  };
  readonly settings?: Partial<SettingsNode['data']>;
  readonly roots: readonly string[];
  readonly inbound?: InboundNode['data']['ports'];
  readonly access?: Partial<AccessNode['data']>;
  readonly services?: readonly ServiceSpec[];
  /** Principals that may be called; all unless given. */
  readonly callable?: readonly string[];
  /** Principal → the ports there; every port unless given. */
  readonly callablePorts?: Readonly<Record<string, readonly number[]>>;
}

export interface Tree {
  readonly root: Hash;
  /** Children before parents. */
  readonly fragments: readonly Fragment[];
}

export const trustDomain = 'cluster.local';

const settings: SettingsNode['data'] = {
  trustDomain,
  mode: 'permissive',
  egress: false,
  idleTimeoutMs: 60_000,
  logLevel: 'info',
};

/** Makes the tree that a specification describes. */
export function treeOf(spec: TreeSpec): Tree {
  const fragments: Fragment[] = [];
  const add = (node: AnyNode): Hash => {
    const fragment = fragmentOf(node);
    fragments.push(fragment);
    return fragment.hash;
  };
  const access = { anyone: true, namespaces: ['shop'], http: [], tcp: [], ...spec.access };
  const { callable: principals, callablePorts: ports } = spec;
  const data = principals && { principals, ...(ports && { ports }) };
  const whom = data && { callable: add({ kind: 'callable', data, refs: {} }) };
  const services: Record<string, Hash> = {};
  for (const service of spec.services ?? []) services[service.key] = addService(add, service);
  const root = add({
    kind: 'root',
    data: { format: configFormat },
    refs: {
      self: add({ kind: 'self', data: { member: true, ...spec.self }, refs: whom ?? {} }),
      settings: add({ kind: 'settings', data: { ...settings, ...spec.settings }, refs: {} }),
      trust: add({ kind: 'trust', data: { roots: spec.roots }, refs: {} }),
      inbound: add({
        kind: 'inbound',
        data: { ports: spec.inbound ?? [] },
        refs: { access: add({ kind: 'access', data: access, refs: {} }) },
      }),
      outbound: add({
        kind: 'outbound',
        data: {},
        refs: { services: add({ kind: 'index', data: {}, refs: services }) },
      }),
    },
  });
  return { root, fragments };
}

/** A port without routes goes to the backend of its own name. */
function addService(add: (node: AnyNode) => Hash, service: ServiceSpec): Hash {
  const [namespace = '', name = ''] = service.key.split('/');
  const refs: Record<string, Hash> = {};
  for (const [ref, endpoints] of Object.entries(service.backends)) {
    refs[ref] = add({ kind: 'endpoints', data: { endpoints }, refs: {} });
  }
  const ports = service.ports.map(({ port, protocol, routes }) => ({
    port,
    protocol,
    routes: routes ?? [{ backends: [{ ref: `${service.key}:${port}`, weight: 1 }] }],
  }));
  return add({
    kind: 'service',
    data: { namespace, name, addresses: service.addresses ?? [], ports },
    refs: refs as Refs,
  });
}
