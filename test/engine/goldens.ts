/** The inputs of the goldens: objects as the Kubernetes API gives them, and who is enrolled. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import type { Fact } from '../../src/engine/engine.ts';
import { applied, keyOfRaw, type Raw } from './kit.ts';

/** Objects over those of a base, as the Kubernetes API gives them; `without` names objects of the base that are not there. */
export interface Input {
  readonly base: string;
  readonly enrolled: readonly string[];
  readonly without: readonly string[];
  readonly objects: readonly Raw[];
}

export const testdata = join(import.meta.dirname, 'testdata');
export const cases = readdirSync(testdata).flatMap(file => (file.endsWith('.in.yaml') ? [file.slice(0, -8)] : []));
const idOf = (raw: Raw): string => `${raw.kind} ${keyOfRaw(raw)}`;

function read(file: string): unknown {
  return parse(readFileSync(join(testdata, file), 'utf8'), { strict: true, uniqueKeys: true });
}

export function inputOf(name: string): Input {
  const { base, enrolled, objects, without = [], ...unknown } = read(`${name}.in.yaml`) as Input;
  expect(unknown, 'fields that no golden has').toEqual({});
  return { base, enrolled, objects, without };
}

/** The objects of a case; a name that takes away or enrols nothing is a mistake in the case. */
export function objectsOf({ base, without, objects, enrolled }: Input): Raw[] {
  const all = new Map((read(`base/${base}.yaml`) as Raw[]).map(raw => [idOf(raw), raw]));
  for (const id of without) expect(all.delete(id), `without ${id}`).toBe(true);
  for (const raw of objects) all.set(idOf(raw), raw);
  for (const key of enrolled) expect([...all.keys()]).toContain(`Pod ${key}`);
  return [...all.values()];
}

/** A case as two batches: what there is, and who enrols then. */
export function factsOf(input: Input): Fact[][] {
  const root: Fact = { type: 'rootChanged', trustDomain: 'cluster.local', roots: ['the root'] };
  const enrolments = input.enrolled.map(key => ({ type: 'enrolled' as const, key, uid: `uid-${key.split('/')[1]}` }));
  return [[root, ...objectsOf(input).map(applied)], enrolments];
}
