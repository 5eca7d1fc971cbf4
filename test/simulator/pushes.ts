/** The invariants that are asked about one stream and the proxy at its end: what was sent, and what came into force. */
import type { CompiledTables, IndexPart } from '../../src/dataplane/policy/compiled.ts';
import { compile, reachable } from '../../src/dataplane/policy/policy.js';
import type { Tables } from '../../src/dataplane/policy/types.ts';
import { LineReader } from '../../src/dataplane/push/lines.ts';
import { lineMaxBytes, type PushLine } from '../../src/dataplane/push/protocol.ts';
import type { AnyNode } from '../../src/engine/config.ts';
import { fnv1a } from '../../src/engine/snapshot.ts';
import { admittedBy, differences } from './access.ts';
import type { Epochs } from './checks.ts';
import type { Link } from './network.ts';
import type { Sidecar } from './sidecar.ts';
import type { EndpointName, Truth } from './truth.ts';
import type { Violations } from './violations.ts';

/** Reads along what a control plane sends to one proxy. */
export class Listener {
  readonly #reader = new LineReader(lineMaxBytes);
  readonly #sidecar: Sidecar;
  readonly #violations: Violations;
  /** Roots that this stream may hold at the control plane: what the proxy came with, and what was sent. */
  readonly roots = new Set<string>();
  /** The newest commit. */
  commit: Extract<PushLine, { t: 'commit' }> | undefined;
  /** Lines besides heartbeats. */
  lines = 0;

  constructor(link: Link, sidecar: Sidecar, violations: Violations) {
    this.#sidecar = sidecar;
    this.#violations = violations;
    const { root } = sidecar.configuration?.position ?? { root: null };
    if (root !== null) this.roots.add(root);
    link.proxyEnd.on('data', (chunk: Buffer) => {
      for (const line of this.#reader.push(chunk)) this.#take(JSON.parse(line) as PushLine);
    });
  }

  #take(line: PushLine): void {
    if (line.t !== 'beat') this.lines++;
    if (line.t !== 'commit') return;
    const running = this.#sidecar.configuration?.position.root;
    if (line.root === running)
      this.#violations.report(4, `${this.#sidecar.name} was sent the root that it runs, ${running}`);
    this.roots.add(line.root);
    this.commit = line;
  }
}

/** Endpoints that a proxy may send requests to, named as `Truth` names them. */
export function endpointsOf(tables: Tables): Set<EndpointName> {
  const found = new Set<EndpointName>();
  const visit = (part: IndexPart): void => {
    part.buckets.forEach(visit);
    for (const service of part.byName.values())
      for (const port of service.ports.values())
        for (const { value } of port.routes.entries)
          for (const { decisions } of value.choices)
            for (const decision of decisions)
              if (decision.action === 'forward')
                found.add(`${decision.backend} ${decision.target} ${decision.endpoint.principal}`);
  };
  visit((tables as CompiledTables).services);
  return found;
}

/**
 * What a proxy runs, built up change by change, against tables that are made of its stored nodes at once; and it stores
 * those nodes and no more.
 */
export function checkTables(sidecar: Sidecar, tables: Tables, violations: Violations): void {
  const stored = JSON.parse(sidecar.disk ?? '{}') as { root?: string; nodes: Record<string, AnyNode> };
  if (stored.root !== tables.root) return;
  const nodes = new Map(Object.entries(stored.nodes));
  const reached = reachable(nodes, tables.root).length;
  if (nodes.size !== reached) violations.report(7, `${sidecar.name} keeps ${nodes.size} nodes and needs ${reached}`);
  const host = { random: () => 0, now: () => 0, hash: fnv1a };
  const fresh = compile(nodes, tables.root, host, null);
  const [expected, found] = [fresh, tables].map(each => [...endpointsOf(each)].sort().join('\n'));
  if (expected !== found) violations.report(2, `endpoints of ${sidecar.name}: ${found} instead of ${expected}`);
  if (admittedBy(fresh) !== admittedBy(tables))
    violations.report(2, `access of ${sidecar.name}: ${differences(admittedBy(fresh), admittedBy(tables))}`);
}

/**
 * An object that one configuration was made from in an older meaning than another was; undefined when there is none.
 */
export function wentBack(before: Epochs, now: Epochs, truth: Truth): string | undefined {
  for (const [id, epoch] of before) {
    const next = now.get(id);
    if ((next ?? 0) >= epoch || truth.meantTheSame(id, next, epoch)) continue;
    return `${id} from ${epoch} to ${next ?? 'nothing'}`;
  }
  return undefined;
}
