/** What may be used where, and what to write instead. */
import { at, type Finding, isSyntax, type Source, type Syntax, walk } from './source.ts';

/** A ban: names as `usesOf` gives them, where it holds, and files that are excepted with the reason. */
export interface Ban {
  readonly names: RegExp;
  readonly where: RegExp;
  readonly instead: string;
  readonly except?: Readonly<Record<string, string>>;
}

const core = /^src\/(engine|api)\//;

/** The table of bans. An exception needs a reason that a reader accepts. */
export const bans: readonly Ban[] = [
  {
    names: /^(Date\.now|new Date|performance\.now|Math\.random|randomUUID|randomBytes)$/,
    where: core,
    instead: 'take the time or the random source as a parameter: a replay must give the same bytes',
    except: { 'src/engine/journal.ts': 'the id of a new file and the name of one moved aside; neither is folded' },
  },
  {
    names: /^(setTimeout|setInterval|setImmediate|import (node:)?timers.*)$/,
    where: core,
    instead: 'return the deadline and let the edge set the timer',
    except: { 'src/engine/pipeline.ts': 'lets acknowledgements through between two batches; decides nothing' },
  },
  {
    names: /^process\./,
    where: core,
    instead: 'take it as a parameter from the controller or the CLI',
  },
  {
    names: /^import (node:)?(fs|net|tls|http|https|http2|dgram|dns|child_process)(\/.*)?$/,
    where: core,
    instead: 'move the I/O to an edge and pass its result in',
    except: {
      'src/engine/journal.ts': 'the journal is the one file that the engine keeps',
      'src/api/generate.ts': 'writes what `npm run generate` makes',
    },
  },
  {
    names: /^import rxjs(\/.*)?$/,
    where: /^src\/(?!kube\/|controller)/,
    instead: 'a plain function of values; streams live at the edges (src/kube, src/controller)',
  },
  {
    names: /^console\./,
    where: /^src\/(?!cli\/|sandbox\/demo\/)/,
    instead: 'the log that was passed in',
    except: {
      'src/api/generate.ts': 'the command `npm run generate` says what it wrote',
      'src/sandbox/api/server.ts': 'a defect of the sandbox itself goes to its standard error',
    },
  },
  {
    names: /^sleep$/,
    where: /^test\//,
    instead: 'wait for an event, a revision or a signal',
    except: { 'test/dataplane/harness/mesh.ts': 'a listening port of another process can only be asked for again' },
  },
  {
    names: /^vi\.(mock|doMock|spyOn)$/,
    where: /^test\//,
    instead: 'run the product; pass a double of the world outside through its interface',
  },
];

/** Breaches of the table in one file. */
export function bannedUses(source: Source, table: readonly Ban[] = bans): Finding[] {
  const own = table.filter(({ where, except = {} }) => where.test(source.file) && !Object.hasOwn(except, source.file));
  if (own.length === 0) return [];
  return usesOf(source).flatMap(({ name, offset }) =>
    own
      .filter(({ names }) => names.test(name))
      .map(({ instead }) => at(source, offset, `${name} is banned here: ${instead}`)),
  );
}

/** Exceptions that no file needs any more. */
export function idleExceptions(sources: readonly Source[], table: readonly Ban[] = bans): Finding[] {
  return table.flatMap(ban =>
    Object.keys(ban.except ?? {})
      .filter(file => !sources.some(source => source.file === file && bannedUses(source, [unexcepted(ban)]).length > 0))
      .map(file => `${file}: needs no exception from ${ban.names} any more: take it out of test/tidy/banned.ts`),
  );
}

function unexcepted({ names, where, instead }: Ban): Ban {
  return { names, where, instead };
}

interface Use {
  readonly name: string;
  readonly offset: number;
}

/** `object.member`, called names, `new Date`, `import <module>`, and `sleep` for what only waits for time to pass. */
export function usesOf({ program }: Source): Use[] {
  const timers = new Set(
    [...walk(program)].flatMap(({ node }) => (node.type === 'ImportDeclaration' ? promisedTimers(node) : [])),
  );
  return [...walk(program)].flatMap(({ node }) => {
    const name = isAwaitedTimer(node, timers) ? 'sleep' : nameOf(node);
    return name === undefined ? [] : [{ name, offset: node.start }];
  });
}

/** Local names of `setTimeout` of node:timers/promises. */
function promisedTimers(node: Syntax): string[] {
  if (!/^(node:)?timers\/promises$/.test(textOf(node.source))) return [];
  return (node.specifiers as readonly Syntax[])
    .filter(({ imported }) => identifier(imported) === 'setTimeout')
    .map(({ local }) => identifier(local));
}

/** `await delay(…)` by itself; as one side of a race it bounds a wait, which is welcome. */
function isAwaitedTimer(node: Syntax, timers: ReadonlySet<string>): boolean {
  if (node.type !== 'AwaitExpression') return false;
  const { type, callee } = node.argument as Syntax;
  return type === 'CallExpression' && timers.has(identifier(callee));
}

function nameOf(node: Syntax): string | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return node.importKind === 'type' ? undefined : `import ${textOf(node.source)}`;
    case 'MemberExpression':
      return node.computed ? undefined : `${identifier(node.object)}.${identifier(node.property)}`;
    case 'CallExpression':
      return identifier(node.callee) || undefined;
    case 'NewExpression':
      return constructed(node);
    default:
      return undefined;
  }
}

function constructed(node: Syntax): string | undefined {
  const args = node.arguments as readonly Syntax[];
  if (identifier(node.callee) === 'Date' && args.length === 0) return 'new Date';
  return identifier(node.callee) === 'Promise' && args[0] !== undefined && onlyWaits(args[0]) ? 'sleep' : undefined;
}

/** `resolve => setTimeout(resolve, …)`: the timer settles the promise and nothing else does. */
function onlyWaits(executor: Syntax): boolean {
  const [resolve] = (executor.params ?? []) as readonly Syntax[];
  const timers = [...walk(executor)].filter(
    ({ node }) => node.type === 'CallExpression' && identifier(node.callee) === 'setTimeout',
  );
  const uses = [...walk(executor)].filter(({ node }) => node.type === 'Identifier' && node.name === resolve?.name);
  const names = (node: Syntax | undefined) =>
    node && [...walk(node)].some(inner => identifier(inner.node) === resolve?.name);
  return uses.length === 2 && timers.some(({ node }) => names((node.arguments as Syntax[])[0]));
}

function identifier(node: unknown): string {
  return isSyntax(node) && node.type === 'Identifier' ? String(node.name) : '';
}

function textOf(node: unknown): string {
  return isSyntax(node) ? String(node.value) : '';
}
