import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as yaml from 'yaml';
import { type Document, isCollection, parse, stringify, visit } from 'yaml';
import { access } from '../../src/engine/derive/rules/access.ts';
import { service } from '../../src/engine/derive/rules/service.ts';
import type { Deriver } from '../../src/engine/deriver.ts';
import type { FragmentStore } from '../../src/engine/store.ts';
import { applied, keyOfRaw, type Raw, rig } from './kit.ts';
import { Watcher } from './view.ts';

/** Objects over those of a base, as the Kubernetes API gives them; `without` names objects of the base that are not there. */
interface Input {
  readonly base: string;
  readonly enrolled: readonly string[];
  readonly without: readonly string[];
  readonly objects: readonly Raw[];
}

const testdata = join(import.meta.dirname, 'testdata');
const update = process.env.UPDATE_GOLDEN === '1';
const cases = readdirSync(testdata).flatMap(file => (file.endsWith('.in.yaml') ? [file.slice(0, -8)] : []));
const idOf = (raw: Raw): string => `${raw.kind} ${keyOfRaw(raw)}`;

function read(file: string): unknown {
  return parse(readFileSync(join(testdata, file), 'utf8'), { strict: true, uniqueKeys: true });
}

function inputOf(name: string): Input {
  const { base, enrolled, objects, without = [], ...unknown } = read(`${name}.in.yaml`) as Input;
  expect(unknown, 'fields that no golden has').toEqual({});
  return { base, enrolled, objects, without };
}

/** The objects of a case; a name that takes away or enrols nothing is a mistake in the case. */
function objectsOf({ base, without, objects, enrolled }: Input): Raw[] {
  const all = new Map((read(`base/${base}.yaml`) as Raw[]).map(raw => [idOf(raw), raw]));
  for (const id of without) expect(all.delete(id), `without ${id}`).toBe(true);
  for (const raw of objects) all.set(idOf(raw), raw);
  for (const key of enrolled) expect([...all.keys()]).toContain(`Pod ${key}`);
  return [...all.values()];
}

/** A node with its children in the place of their hashes; the storeys of an index are left out. */
function tree(store: FragmentStore, hash: string | undefined): unknown {
  const node = store.get(hash ?? '')?.node;
  if (node === undefined) return null;
  const children = Object.entries(node.refs).map(([name, child]) => [name, tree(store, child)] as const);
  return { ...node.data, ...Object.fromEntries(children) };
}

/** `<pointer> <object>: <rule>` for every part of a node that came from an object. */
function originsOf({ graph }: Deriver, objects: readonly Raw[]): Record<string, string[]> {
  const keys = (kind: string) => objects.filter(raw => raw.kind === kind).map(keyOfRaw);
  const told = [
    ...keys('Service').map(key => [`service ${key}`, graph.origins(service, key)] as const),
    ...keys('ServiceAccount').map(key => [`access ${key}`, graph.origins(access, key)] as const),
  ];
  const lines = told.map(([name, explained]) => {
    const origins = explained ?? [];
    return [name, origins.map(({ pointer, object, rule }) => `${pointer} ${object.kind} ${keyOf(object)}: ${rule}`)];
  });
  return Object.fromEntries(lines.filter(([, list]) => list?.length));
}

const keyOf = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`;

async function outputOf(input: Input): Promise<unknown> {
  const { engine, store, deriver } = await rig();
  const [watcher, objects] = [new Watcher(engine), objectsOf(input)];
  await watcher.step([
    { type: 'rootChanged', trustDomain: 'cluster.local', roots: ['the root'] },
    ...objects.map(applied),
  ]);
  await watcher.step(input.enrolled.map(key => ({ type: 'enrolled', key, uid: `uid-${key.split('/')[1]}` })));
  const proxies = input.enrolled.map(key => [key, tree(store, engine.roots.get(key)?.hash)]);
  const wrong = Object.entries(watcher.view().conditions).filter(([, problems]) => problems.length > 0);
  return {
    proxies: Object.fromEntries(proxies),
    conditions: Object.fromEntries(wrong),
    origins: originsOf(deriver, objects),
  };
}

/** YAML in which what fits on a line stands on one. */
function readable(value: unknown): string {
  const document: Document = new yaml.Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Collection(_, node) {
      if (isCollection(node) && JSON.stringify(node).length < 100) node.flow = true;
    },
  });
  return stringify(document, { lineWidth: 0 });
}

it.each(cases)('%s', async name => {
  const file = join(testdata, `${name}.out.yaml`);
  const text = readable(await outputOf(inputOf(name)));
  if (update) writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
});

it('has an input for every output', () => {
  const outputs = readdirSync(testdata).flatMap(file => (file.endsWith('.out.yaml') ? [file.slice(0, -9)] : []));
  expect(outputs.sort()).toEqual([...cases].sort());
});
