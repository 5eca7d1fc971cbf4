/** What a control plane shows of itself: read models over HTTP, read only, on loopback. No logic of their own. */
import type { Problem } from '../api/problem.ts';
import type { Running } from '../dataplane/push/departed.ts';
import type { ProxyStatus } from '../dataplane/push/server.ts';
import type { AnyNode, Fragment } from '../engine/config.ts';
import { rootHashes } from '../engine/deriver.ts';
import { outsiderProblem } from '../engine/membership.ts';
import type { MeshSnapshot } from '../engine/model.ts';
import type { Receipts } from '../engine/receipts.ts';
import { enrolledProxies, snapshotHash } from '../engine/snapshot.ts';
import type { FragmentStore } from '../engine/store.ts';
import { explain } from './explain.ts';
import type { Answer, Handler } from './http.ts';
import { questionOf } from './why/question.ts';
import type { MeshView } from './why/sources.ts';

/** What the read models look at. Everything is as of the moment of the call. */
export interface ControlPlaneView {
  readonly version: string;
  /** Id of the journal. */
  readonly journal: string;
  /** uid of the cluster. */
  readonly cluster: string;
  snapshot(): MeshSnapshot;
  roots(): ReadonlyMap<string, Fragment>;
  readonly store: FragmentStore;
  proxies(): readonly ProxyStatus[];
  /** What the proxy of the pod with a uid runs, or ran when it left. */
  running(podUid: string): Running | undefined;
  /** The state as of `<journal>.<revision>`; undefined when the journal does not go back so far. */
  snapshotAt(rev: string): MeshSnapshot | undefined;
  readonly receipts: Pick<Receipts, 'list' | 'deliveries'>;
  /** `<kind> <key>` → everything wrong with it. */
  conditions(): ReadonlyMap<string, readonly Problem[]>;
  /** Problems that are about no object, newest last. */
  problems(): readonly Problem[];
  counters(): Readonly<Record<string, number>>;
}

/** The routes of the read model. */
export function readModel(view: ControlPlaneView): Handler {
  const routes: Record<string, (query: URLSearchParams) => unknown> = {
    '/version': () => ({
      version: view.version,
      journal: view.journal,
      cluster: view.cluster,
      revision: view.snapshot().revision,
    }),
    '/state': () => stateOf(view),
    '/proxies': () => proxyTable(view),
    '/problems': () => [...[...view.conditions().values()].flat(), ...view.problems()],
    '/receipts': query => receiptsOf(view, query.get('after')),
    '/why': query => why(view, query),
  };
  return (path, query): Answer | undefined => {
    const route = routes[path];
    if (route !== undefined) return { status: 200, json: route(query) };
    const [, revision] = /^\/receipts\/(\d+)$/.exec(path) ?? [];
    if (revision !== undefined) return found(receiptOf(view, Number(revision)));
    const [, pod] = /^\/proxies\/([^/]+\/[^/]+)\/config$/.exec(path) ?? [];
    const root = pod === undefined ? undefined : view.roots().get(decodeURIComponent(pod));
    return found(root && configOf(view.store, root));
  };
}

function found(json: unknown): Answer | undefined {
  return json === undefined ? undefined : { status: 200, json };
}

/** Receipts newer than a revision, oldest first. */
function receiptsOf({ receipts }: ControlPlaneView, after: string | null) {
  return receipts.list().filter(({ revision }) => revision > Number(after ?? 0));
}

/** One receipt, and each proxy's part in it as long as that is kept. */
function receiptOf({ receipts }: ControlPlaneView, revision: number) {
  const receipt = receipts.list().find(candidate => candidate.revision === revision);
  return receipt && { ...receipt, deliveries: Object.fromEntries(receipts.deliveries(revision) ?? []) };
}

function stateOf(view: ControlPlaneView) {
  const snapshot = view.snapshot();
  const roots = rootHashes(view.roots());
  return { revision: snapshot.revision, snapshot: snapshotHash(snapshot), roots, counters: view.counters() };
}

/** Every enrolled proxy, connected or not. */
function proxyTable(view: ControlPlaneView) {
  const streams = new Map(view.proxies().map(status => [status.uid, status]));
  return [...enrolledProxies(view.snapshot())]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([pod, uid]) => {
      const stream = streams.get(uid);
      const { shell = '', sent = null, acked = null, problem = null } = stream ?? {};
      const current = view.roots().get(pod)?.hash ?? null;
      const wrong = problem ?? outsiderProblem(view.snapshot(), pod);
      return {
        pod,
        uid,
        shell,
        connected: stream !== undefined,
        current,
        sent,
        acked,
        ...(wrong && { problem: wrong }),
      };
    });
}

/** A whole configuration: the root's hash and every node under it. */
function configOf(store: FragmentStore, root: Fragment): { root: string; nodes: Record<string, AnyNode> } {
  const nodes: Record<string, AnyNode> = {};
  for (const { hash, node } of store.changes(root.hash, null)) nodes[hash] = node;
  return { root: root.hash, nodes };
}

function why(view: ControlPlaneView, query: URLSearchParams) {
  const snapshot = view.snapshot();
  const { question, assumed } = questionOf(snapshot, query);
  const mesh: MeshView = {
    snapshot,
    running: uid => view.running(uid),
    node: hash => view.store.get(hash)?.node,
    snapshotAt: rev => view.snapshotAt(rev),
  };
  return { ...explain(mesh, question), revision: snapshot.revision, assumed };
}
