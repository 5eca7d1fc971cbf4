/** Tells what a source uses that PipyJS and Node do not share (measured on Pipy 1.5.18). */
import { parseAst } from 'vitest/node';

interface Syntax {
  readonly type: string;
  readonly [key: string]: unknown;
}

const syntax = new Set(
  `Program ImportDeclaration ImportSpecifier ImportNamespaceSpecifier ExportNamedDeclaration ExportSpecifier
  VariableDeclaration VariableDeclarator FunctionDeclaration FunctionExpression ArrowFunctionExpression BlockStatement
  ExpressionStatement ReturnStatement IfStatement SwitchStatement SwitchCase ForStatement BreakStatement TryStatement
  CatchClause ThrowStatement ConditionalExpression LogicalExpression BinaryExpression UnaryExpression UpdateExpression
  AssignmentExpression CallExpression NewExpression MemberExpression ChainExpression SequenceExpression
  ArrayExpression ObjectExpression Property Identifier Literal TemplateLiteral TemplateElement
  ParenthesizedExpression`.split(/\s+/),
);
/** What the files may name without defining it. */
const globals = new Set(['Map', 'Set', 'Error', 'RegExp', 'Number', 'Object', 'Math', 'JSON', 'undefined']);
const members = new Map([
  ['Object', new Set(['keys', 'values', 'entries'])],
  ['Number', new Set(['parseInt', 'parseFloat', 'isInteger'])],
  ['JSON', new Set(['stringify', 'parse'])],
]);
/** Methods that PipyJS lacks on arrays, strings or maps. */
const absent = new Set(['at', 'matchAll', 'freeze', 'from', 'isArray', 'hasOwnProperty', 'padStart', 'padEnd', 'exec']);

const isSyntax = (value: unknown): value is Syntax => typeof value === 'object' && value !== null && 'type' in value;

/** `line: what` for everything in `source` that is not in the subset. */
export function outsideSubset(source: string): string[] {
  const program = parseAst(source) as unknown as Syntax;
  const nodes = [...walk(program)];
  const defined = new Set(nodes.flatMap(({ node }) => definedBy(node)));
  const found = nodes.flatMap(({ node, parent }) =>
    faults(node, parent, defined).map(what => `${lineOf(source, Number(node.start))}: ${what}`),
  );
  return [...found, ...unreadableImports(source)];
}

/** PipyJS takes no comma after the last name of an import, which the formatter writes in one of several lines. */
export function unreadableImports(source: string): string[] {
  return [...source.matchAll(/,\s*\}\s*from\b/g)].map(({ index }) => `${lineOf(source, index)}: comma in an import`);
}

function* walk(node: Syntax, parent?: Syntax): Generator<{ node: Syntax; parent: Syntax | undefined }> {
  yield { node, parent };
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isSyntax(child)) yield* walk(child, node);
  }
}

function lineOf(source: string, at: number): number {
  return source.slice(0, at).split('\n').length;
}

function faults(node: Syntax, parent: Syntax | undefined, defined: ReadonlySet<string>): string[] {
  if (!syntax.has(node.type)) return [node.type];
  return [kindFault(node), memberFault(node, parent), freeName(node, parent, defined)].filter(
    fault => fault !== undefined,
  );
}

function kindFault(node: Syntax): string | undefined {
  if (node.type === 'VariableDeclaration' && node.kind !== 'var') return String(node.kind);
  if (node.type === 'ForStatement' && node.init === null) return 'for without a first part';
  if (node.async === true || node.generator === true) return 'async or generator';
  if (node.type === 'Property' && (node.method === true || node.kind !== 'init')) return 'method or accessor';
  if (node.type === 'Literal' && ('regex' in node || 'bigint' in node)) return 'literal of a regex or bigint';
  if (node.type === 'ImportDeclaration' && !/^\.\/[a-z]+\.js$/.test(String((node.source as Syntax).value)))
    return 'import from another folder';
  return undefined;
}

function memberFault(node: Syntax, parent: Syntax | undefined): string | undefined {
  if (node.type !== 'MemberExpression' || node.computed === true) return undefined;
  const [object, property] = [node.object as Syntax, String((node.property as Syntax).name)];
  const allowed = object.type === 'Identifier' ? members.get(String(object.name)) : undefined;
  if (allowed !== undefined) return allowed.has(property) ? undefined : `${object.name}.${property}`;
  return absent.has(property) && parent?.callee === node ? `.${property}` : undefined;
}

function freeName(node: Syntax, parent: Syntax | undefined, defined: ReadonlySet<string>): string | undefined {
  if (node.type !== 'Identifier' || isName(node, parent)) return undefined;
  const name = String(node.name);
  return defined.has(name) || globals.has(name) ? undefined : `global ${name}`;
}

/** Whether an identifier is a property's or an import's name, not a variable. */
function isName(node: Syntax, parent: Syntax | undefined): boolean {
  if (parent?.type === 'MemberExpression') return parent.property === node && parent.computed !== true;
  if (parent?.type === 'Property') return parent.key === node && parent.computed !== true;
  return parent?.type === 'ExportSpecifier' || parent?.type === 'ImportSpecifier';
}

function definedBy(node: Syntax): string[] {
  const names: unknown[] = [node.type === 'VariableDeclarator' ? node.id : undefined];
  if (node.type.startsWith('Import') && 'local' in node) names.push(node.local);
  if (node.type.includes('Function')) names.push(node.id, ...(Array.isArray(node.params) ? node.params : []));
  if (node.type === 'CatchClause') names.push(node.param);
  return names.filter(isSyntax).map(name => String(name.name));
}
