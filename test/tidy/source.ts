/** The files that are or will be committed, and their syntax. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseAst } from 'vitest/node';

/** A breach of a rule: `file:line: rule: what to do`. */
export type Finding = string;

/** A node of the ESTree that vitest's own parser makes; `start` and `end` are offsets in the text. */
export interface Syntax {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** A TypeScript or JavaScript file with its tree. */
export interface Source {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly text: string;
  readonly program: Syntax;
}

/** Every file that git has or would add, generated and recorded ones included. */
export function committedFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split('\0'))].filter(file => file !== '' && existsSync(file)).sort();
}

/** The code among them. */
export function codeFiles(files: readonly string[]): Source[] {
  return files
    .filter(file => /^(src|test|bench|perf)\/.*\.(ts|js)$/.test(file) && !file.includes('/testdata/'))
    .map(file => sourceOf(file, readFileSync(file, 'utf8')));
}

/** Parses one file. @throws SyntaxError when it is neither TypeScript nor JavaScript */
export function sourceOf(file: string, text: string): Source {
  const program = parseAst(text, { lang: file.endsWith('.ts') ? 'ts' : 'js' }) as unknown as Syntax;
  return { file, text, program };
}

/** Every node below one, parents first, each with its parent. */
export function* walk(node: Syntax, parent?: Syntax): Generator<{ node: Syntax; parent: Syntax | undefined }> {
  yield { node, parent };
  for (const child of childrenOf(node)) yield* walk(child, node);
}

function* childrenOf(node: Syntax): Generator<Syntax> {
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value]) if (isSyntax(child)) yield child;
}

/** Tells nodes from the other values of a tree. */
export function isSyntax(value: unknown): value is Syntax {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

/** Line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** `file:line: rule`, as every finding begins and editors read it. */
export function at(source: Pick<Source, 'file' | 'text'>, offset: number, message: string): Finding {
  return `${source.file}:${lineAt(source.text, offset)}: ${message}`;
}
