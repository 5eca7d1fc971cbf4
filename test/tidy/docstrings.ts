/** Every exported symbol has its contract directly above it. */
import { at, type Finding, type Source, type Syntax } from './source.ts';

/** Exported declarations of a file without a docstring. Re-exports have theirs where they are declared. */
export function withoutDocstring(source: Source): Finding[] {
  return (source.program.body as readonly Syntax[])
    .filter(node => node.type === 'ExportNamedDeclaration' && node.declaration !== null)
    .filter(node => !endsInDocstring(source.text.slice(0, node.start)))
    .filter(node => !isOverload(node, source))
    .map(node =>
      at(source, node.start, `${nameOf(node)} has no docstring: say shapes, units, errors, source of the rule`),
    );
}

function endsInDocstring(before: string): boolean {
  const text = before.trimEnd();
  const start = text.lastIndexOf('/*');
  return text.endsWith('*/') && text.startsWith('/**', start) && !isFileComment(text.slice(0, start), before);
}

/** The first comment of a file is about the file when an empty line follows it. */
function isFileComment(beforeComment: string, before: string): boolean {
  return beforeComment.trim() === '' && /\*\/\r?\n\s*\r?\n\s*$/.test(before);
}

/** A second signature of the same function: the first one carries the docstring. */
function isOverload(node: Syntax, source: Source): boolean {
  const named = (source.program.body as readonly Syntax[]).filter(
    other => other.type === 'ExportNamedDeclaration' && other.declaration !== null && nameOf(other) === nameOf(node),
  );
  const isFunction = /^(TSDeclareFunction|FunctionDeclaration)$/.test((node.declaration as Syntax).type);
  return isFunction && named.length > 1 && named[0] !== node;
}

function nameOf(node: Syntax): string {
  const declaration = node.declaration as Syntax;
  const [first] = (declaration.declarations ?? []) as readonly Syntax[];
  const id = (first?.id ?? declaration.id) as Syntax | null | undefined;
  return String(id?.name ?? 'it');
}
