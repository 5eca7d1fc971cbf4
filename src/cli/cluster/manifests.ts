/** Manifests that people name on the command line. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../kube/object.ts';
import { usage } from '../failure.ts';

/** An object that says what it is. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** Every object of some files; `-` is standard input, a `List` is taken apart. @throws ProblemError FSM6003 */
export async function readManifests(files: readonly string[]): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for (const file of files) manifests.push(...parse(file, await contentOf(file)));
  if (manifests.length === 0) throw usage('there is no object in what was given', 'check the file');
  return manifests;
}

async function contentOf(file: string): Promise<string> {
  if (file === '-') return text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw usage(`${file} cannot be read: ${error instanceof Error ? error.message : error}`, 'check the path');
  }
}

function parse(file: string, content: string): readonly Manifest[] {
  return parseAllDocuments(content).flatMap(document => {
    const [error] = document.errors;
    if (error !== undefined) throw usage(`${file} is no YAML: ${error.message}`, 'correct the line that is named');
    const value: unknown = document.toJS();
    if (value === null) return [];
    const objects = isRecord(value) && Array.isArray(value.items) ? value.items : [value];
    return objects.map(object => manifestOf(file, object));
  });
}

function manifestOf(file: string, object: unknown): Manifest {
  const named = isRecord(object) && isRecord(object.metadata) && typeof object.metadata.name === 'string';
  if (named && typeof object.apiVersion === 'string' && typeof object.kind === 'string') return object as Manifest;
  throw usage(`an object in ${file} lacks apiVersion, kind or metadata.name`, 'add what is missing');
}
