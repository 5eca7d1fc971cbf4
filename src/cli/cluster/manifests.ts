/** Manifests that people name on the command line. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Document, parseAllDocuments } from 'yaml';
import type { Problem } from '../../api/problem.ts';
import { isRecord } from '../../kube/object.ts';
import { usage } from '../failure.ts';
import { problemOf } from '../problem-of.ts';

/** An object that says what it is. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** A document of a file: an object, or why it is none. */
export type Reading = { readonly manifest: Manifest } | { readonly problem: Problem };

/**
 * Every document of some files, in their order; `-` is standard input, a folder stands for its YAML and JSON files, a
 * `List` is taken apart. What cannot be read is told in its place and hides nothing else.
 *
 * @throws ProblemError FSM6003 when there is no document at all
 */
export async function readManifests(files: readonly string[]): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  for (const file of files) readings.push(...(await readingsOf(file)));
  if (readings.length === 0) throw usage('there is no object in what was given', 'check the file');
  return readings;
}

async function readingsOf(file: string): Promise<readonly Reading[]> {
  try {
    if (file === '-') return parse('standard input', await text(process.stdin));
    const paths = (await stat(file)).isDirectory() ? await manifestsIn(file) : [file];
    const contents = await Promise.all(paths.map(async path => ({ path, content: await readFile(path, 'utf8') })));
    return contents.flatMap(({ path, content }) => parse(path, content));
  } catch (error) {
    return [{ problem: problemOf(error) }];
  }
}

async function manifestsIn(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter(name => /\.(ya?ml|json)$/.test(name)).sort();
  return names.map(name => join(folder, name));
}

function parse(file: string, content: string): readonly Reading[] {
  const documents: readonly Document.Parsed[] = parseAllDocuments(content);
  return documents.flatMap((document, index): readonly Reading[] => {
    try {
      return objectsOf(document).map(object => ({ manifest: manifestOf(object) }));
    } catch (error) {
      const what = `document ${index + 1} of ${file} cannot be used: ${error instanceof Error ? error.message : error}`;
      return [{ problem: { code: 'FSM1001', path: '', what, why: 'so it was left out', fix: 'correct it there' } }];
    }
  });
}

/** @throws Error where it is no YAML, or asks for more than can be held */
function objectsOf(document: Document.Parsed): readonly unknown[] {
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`it is no YAML: ${error.message.split('\n')[0]?.replace(/:$/, '')}`);
  const value: unknown = document.toJS();
  if (value === null || value === undefined) return [];
  return isRecord(value) && Array.isArray(value.items) ? value.items : [value];
}

function manifestOf(object: unknown): Manifest {
  const named = isRecord(object) && isRecord(object.metadata) && isText(object.metadata.name);
  if (named && isText(object.apiVersion) && isText(object.kind)) return object as Manifest;
  throw new Error('it lacks apiVersion, kind or metadata.name');
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
