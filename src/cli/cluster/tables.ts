/** Objects of several kinds for people: a table for each kind, as kubectl shows them. */
import type { KubeObject } from '../../kube/object.ts';
import { rowOf } from './columns.ts';
import { type Discovered, qualified } from './discovery.ts';

interface Found {
  readonly kind: Discovered;
  readonly objects: readonly KubeObject[];
}

interface Shown {
  readonly isWide: boolean;
  /** Several kinds were asked for: every name says which one it is of. */
  readonly several: boolean;
  readonly showNamespace: boolean;
}

type Table = (header: readonly string[], rows: readonly (readonly string[])[]) => string;

/** The tables, an empty line between them. */
export function tablesOf(found: readonly Found[], shown: Shown, table: Table): string {
  return found.map(one => tableOf(one, shown, table)).join('\n\n');
}

function tableOf({ kind, objects }: Found, { isWide, several, showNamespace }: Shown, table: Table): string {
  const rows: Readonly<Record<string, string>>[] = objects.map(object => {
    const row = rowOf(kind.kind, object, isWide, Date.now());
    return {
      ...(showNamespace && kind.namespaced && { NAMESPACE: String(object.metadata.namespace) }),
      ...row,
      ...(several && { NAME: `${qualified(kind)}/${object.metadata.name}` }),
    };
  });
  const header = [...new Set(rows.flatMap(row => Object.keys(row)))];
  return table(
    header,
    rows.map(row => header.map(column => row[column] ?? '')),
  );
}

/** `kind.group/name`, a line each. */
export function namesOf(found: readonly Found[]): string {
  return found
    .flatMap(({ kind, objects }) => objects.map(({ metadata }) => `${qualified(kind)}/${metadata.name}`))
    .join('\n');
}
