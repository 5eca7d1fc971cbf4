/** How long things are, and what TypeScript we do not write. */
import { at, type Finding, lineAt, type Source, type Syntax, walk } from './source.ts';

/** Lines that nothing may pass. */
export const limits = { functionLines: 70, fileLines: 400, longFunctionLines: 40 } as const;

/** A function with its place, for the ratchet. */
export interface Measured {
  readonly offset: number;
  readonly lines: number;
}

const functions = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
/** What tests wrap their statements in: a group is a list of tests, not a function to understand. */
const groups = /^(describe|suite)$/;

/** Every function of a file and how many lines it has. */
export function functionsOf({ program, text }: Source): Measured[] {
  return [...walk(program)]
    .filter(({ node, parent }) => functions.has(node.type) && !isGroup(parent))
    .map(({ node }) => ({ offset: node.start, lines: lineAt(text, node.end) - lineAt(text, node.start) + 1 }));
}

/** The callback of `describe`, `describe.each(…)` and the like. */
function isGroup(parent: Syntax | undefined): boolean {
  if (parent?.type !== 'CallExpression') return false;
  let callee = parent.callee as Syntax;
  while (callee.type === 'MemberExpression' || callee.type === 'CallExpression')
    callee = (callee.type === 'CallExpression' ? callee.callee : callee.object) as Syntax;
  return callee.type === 'Identifier' && groups.test(String(callee.name));
}

/** Functions over 70 lines. */
export function longFunctions(source: Source): Finding[] {
  return functionsOf(source)
    .filter(({ lines }) => lines > limits.functionLines)
    .map(({ offset, lines }) =>
      at(
        source,
        offset,
        `function of ${lines} lines (at most ${limits.functionLines}): take parts out that have a name`,
      ),
    );
}

/** Files over 400 lines. */
export function longFile(source: Pick<Source, 'file' | 'text'>): Finding[] {
  const lines = source.text.split('\n').length - 1;
  if (lines <= limits.fileLines) return [];
  return [at(source, 0, `file of ${lines} lines (at most ${limits.fileLines}): split it by what its parts are about`)];
}

/** Share of functions over 40 lines: the ratchet keeps it from growing. */
export function longShare(sources: readonly Source[]): number {
  const all = sources.flatMap(functionsOf);
  return all.filter(({ lines }) => lines > limits.longFunctionLines).length / Math.max(1, all.length);
}

/** `any`, `x!` and default exports. */
export function unwantedSyntax(source: Source, defaultAllowed: ReadonlyMap<string, string>): Finding[] {
  return [...walk(source.program)].flatMap(({ node }) => {
    if (node.type === 'TSAnyKeyword')
      return [at(source, node.start, '`any`: say the type, or `unknown` and narrow it')];
    if (node.type === 'TSNonNullExpression')
      return [at(source, node.start, 'non-null `!`: handle the missing value, or make the type say that it is there')];
    if (node.type === 'ExportDefaultDeclaration' && !defaultAllowed.has(source.file))
      return [at(source, node.start, 'default export: export it by its name')];
    return [];
  });
}
