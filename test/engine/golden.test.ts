import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as yaml from 'yaml';
import { type Document, isCollection, stringify, visit } from 'yaml';
import { access } from '../../src/engine/derive/rules/access.ts';
import { service } from '../../src/engine/derive/rules/service.ts';
import type { Deriver } from '../../src/engine/deriver.ts';
import type { FragmentStore } from '../../src/engine/store.ts';
import { cases, factsOf, type Input, inputOf, objectsOf, testdata } from './goldens.ts';
import { keyOfRaw, type Raw, rig } from './kit.ts';
import { Watcher } from './view.ts';

const update = process.env.UPDATE_GOLDEN === '1';

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
  for (const facts of factsOf(input)) await watcher.step(facts);
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
