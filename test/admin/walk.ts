/**
 * What becomes of a request, found another way than *why* does: draw by draw and turn by turn through the configurations
 * that the engine derived, as the traffic itself would.
 */

import type { Question } from '../../src/admin/explain.ts';
import {
  admitConnection,
  admitRequest,
  compile,
  reachable,
  routeConnection,
  routeRequest,
} from '../../src/dataplane/policy/policy.js';
import type { Host, OutboundDecision, Tables } from '../../src/dataplane/policy/types.ts';
import type { Hash } from '../../src/engine/canonical.ts';
import type { AnyNode } from '../../src/engine/config.ts';
import { applied, enrolled, keyOfRaw, type Raw, rig } from '../engine/kit.ts';

/** A mesh as its proxies would be told: pod → hash of its configuration, and every node. */
export interface Told {
  readonly roots: ReadonlyMap<string, Hash>;
  readonly nodes: Map<Hash, AnyNode>;
}

/** What the engine tells every proxy of a mesh. */
export async function toldOf(raws: readonly Raw[]): Promise<Told> {
  const { engine, store } = await rig();
  await engine.step([{ type: 'rootChanged', trustDomain: 'cluster.local', roots: ['the root'] }], 1);
  await engine.step(raws.map(applied), 2);
  await engine.step(raws.filter(hasSidecar).map(enrolled), 3);
  const nodes = new Map<Hash, AnyNode>();
  const visit = (hash: Hash): void => {
    const node = store.get(hash)?.node;
    if (node === undefined || nodes.has(hash)) return;
    nodes.set(hash, node);
    for (const child of Object.values(node.refs)) visit(child);
  };
  for (const { hash } of engine.roots.values()) visit(hash);
  return { roots: new Map([...engine.roots].map(([pod, { hash }]) => [pod, hash])), nodes };
}

const hasSidecar = ({ kind, metadata }: Raw): boolean =>
  kind === 'Pod' && metadata.labels?.['fsm-proxy-uuid'] !== undefined;

/** Draws that are tried: more than the weights of any mesh here add up to, several times over. */
const draws = 60;

/** `<backend> <verdict>` → endpoints that say so. */
export type Ends = Readonly<Record<string, number>>;

/** What each endpoint that can be chosen says; a refusal of the client stands alone. */
export function walk(told: Told, raws: readonly Raw[], question: Question): Ends {
  const root = told.roots.get(question.client);
  if (root === undefined) return { 'client none': 1 };
  let point = 0;
  const host: Host = { random: () => point, now: () => 0, hash: () => 0 };
  const client = compile(told.nodes, root, host, null);
  const isTCP = speaksTCP(told, root, question);
  const said = new Map<string, string>();
  for (let draw = 0; draw < draws; draw++) {
    point = (draw + 0.5) / draws;
    for (let turn = 0; turn < 8; turn++) {
      const decision = routed(client, question, isTCP);
      if (decision.action !== 'forward') said.set(clientSays(decision), clientSays(decision));
      else said.set(`${decision.backend} ${decision.target}`, serverSays(told, raws, client, question, decision));
    }
  }
  return counted([...said.values()]);
}

function counted(texts: readonly string[]): Ends {
  const ends: Record<string, number> = {};
  for (const text of texts) ends[text] = (ends[text] ?? 0) + 1;
  return Object.fromEntries(Object.entries(ends).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const authority = ({ service, port }: Question) => {
  const [namespace, name] = service.split('/');
  return `${name}.${namespace}${port === undefined ? '' : `:${port}`}`;
};

/** By the client's own configuration; a client that names no port gets 80, or the only one. */
function speaksTCP({ nodes }: Told, root: Hash, { service, port }: Question): boolean {
  const found = reachable(nodes, root).flatMap(hash => nodes.get(hash) ?? []);
  const ports = found.flatMap(node =>
    node.kind === 'service' && `${node.data.namespace}/${node.data.name}` === service ? node.data.ports : [],
  );
  const taken = port ?? (ports.some(each => each.port === 80) || ports.length !== 1 ? 80 : ports[0]?.port);
  return ports.find(each => each.port === taken)?.protocol === 'tcp';
}

function routed(client: Tables, question: Question, isTCP: boolean): OutboundDecision {
  const { method, path, headers, service } = question;
  if (!isTCP) return routeRequest(client, { method, path, host: authority(question), headers }, {});
  const [namespace, name] = service.split('/');
  return routeConnection(client, `${name}.${namespace}`, question.port ?? 9000);
}

function clientSays(decision: Exclude<OutboundDecision, { action: 'forward' }>): string {
  return decision.action === 'refuse' ? `client ${decision.reason} ${decision.detail}` : 'client passthrough';
}

function serverSays(
  { roots, nodes }: Told,
  raws: readonly Raw[],
  client: Tables,
  { method, path, headers }: Question,
  { endpoint, backend, protocol }: Extract<OutboundDecision, { action: 'forward' }>,
): string {
  const pod = raws.find(raw => raw.kind === 'Pod' && (raw.status as { podIP?: string }).podIP === endpoint.address);
  const root = pod && roots.get(keyOfRaw(pod));
  if (root === undefined) return `${backend} none`;
  const server = compile(nodes, root, { random: () => 0, now: () => 0, hash: () => 0 }, null);
  if (server.self.principal !== endpoint.principal) return `${backend} upstream-identity`;
  const serves = server.inboundPorts.find(({ port }) => port === endpoint.port)?.protocol ?? 'tcp';
  const { principal } = client.self;
  const decision =
    protocol === 'tcp' || serves === 'tcp'
      ? admitConnection(server, endpoint.port, principal)
      : admitRequest(server, endpoint.port, principal, { method, path, host: '', headers });
  return `${backend} ${decision.action === 'forward' ? 'forward' : decision.reason}`;
}
