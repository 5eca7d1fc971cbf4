/** The direction of imports: a room imports only rooms named before it; files do not import each other in circles. */
import { dirname, join, normalize } from 'node:path';
import { at, type Finding, type Source, type Syntax, walk } from './source.ts';

/** Rooms of `src`, in the order in which they may import: each only itself and those before it. */
export const rooms = [
  'api',
  'engine',
  'identity',
  'dataplane',
  'kube',
  'admin',
  'controller',
  'sandbox',
  'console',
  'cli',
] as const;

interface Import {
  readonly from: string;
  readonly offset: number;
  /** Vanishes when the types are stripped. */
  readonly typeOnly: boolean;
}

const importing = new Set(['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression']);

/** What a file imports: relative ones as paths from the root, others as written. */
export function importsOf({ file, program }: Source): Import[] {
  return [...walk(program)].flatMap(({ node }) => {
    if (!importing.has(node.type) || node.source === null) return [];
    const written = String((node.source as Syntax).value);
    const from = written.startsWith('.') ? normalize(join(dirname(file), written)) : written;
    return [{ from, offset: node.start, typeOnly: node.importKind === 'type' || node.exportKind === 'type' }];
  });
}

/** The room of a path: `src/controller.ts` and `src/controller/` are one. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/.]+)/.exec(path)?.[1];
}

/** Imports against the direction, of rooms that are not in the list, and out of `src`. */
export function wrongWay(source: Source): Finding[] {
  const own = roomOf(source.file);
  if (own === undefined) return [];
  const order = rooms as readonly string[];
  if (!order.includes(own))
    return [at(source, 0, `src/${own} is no room: add it to test/tidy/imports.ts and ARCHITECTURE.md`)];
  return importsOf(source)
    .filter(({ from }) => /^(src|test|bench|perf)\//.test(from))
    .filter(({ from }) => !order.slice(0, order.indexOf(own) + 1).includes(roomOf(from) ?? ''))
    .map(({ from, offset }) =>
      at(
        source,
        offset,
        `${own} may not import ${from}: declare a function type here and let src/controller pass it in`,
      ),
    );
}

const policy = 'src/dataplane/policy/';

/** What a proxy decides depends on nothing: the same files run in Pipy. */
export function policyImports(source: Source): Finding[] {
  if (!source.file.startsWith(policy)) return [];
  return importsOf(source)
    .filter(({ from, typeOnly }) => !from.startsWith(policy) && !typeOnly)
    .map(({ from, offset }) =>
      at(source, offset, `the policy may not import ${from}: take it through Host, or import a type`),
    );
}

/** Circles among files, each named once. Types may refer to each other: what they import is gone when the code runs. */
export function cycles(sources: readonly Source[]): Finding[] {
  const graph = new Map(sources.map(source => [source.file, loadedBy(source)]));
  const found = new Map<string, Finding>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) return report(found, path.slice(start));
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return [...found.values()];
}

function loadedBy(source: Source): string[] {
  return importsOf(source)
    .filter(({ typeOnly }) => !typeOnly)
    .map(({ from }) => from);
}

function report(found: Map<string, Finding>, circle: readonly string[]): void {
  const id = [...circle].sort().join(' ');
  const text = `${[...circle, circle[0]].join(' → ')}: a circle of imports: move what both need into a file of its own`;
  found.set(id, text);
}
