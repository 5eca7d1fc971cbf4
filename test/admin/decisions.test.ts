import { expect, it } from 'vitest';
import { oracle } from '../../src/admin/decisions.ts';
import { rootHashes } from '../../src/engine/deriver.ts';
import type { Ask } from '../../src/engine/history.ts';
import type { State } from '../../src/engine/outcomes.ts';
import { applied, enrolled, type Raw, rig } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';

const shop: readonly Raw[] = [
  make.namespace('shop'),
  make.meshConfig(false),
  ...make.deployed('shop', 'buyer', '10.0.0.1'),
  ...['v1', 'v2'].flatMap((name, at) => [
    ...make.deployed('shop', name, `10.0.0.${at + 2}`).map(raw => addressed(raw, `10.0.0.${at + 2}`)),
    make.target('shop', `to-${name}`, name, ['shop/buyer'], 'routes'),
  ]),
  make.service('shop', 'store'),
  make.group('shop', 'routes', '/books', '/buy/.*', '/[0-9]+'),
  make.split('shop', 'split', 'store', { v1: 1, v2: 2 }),
];

function addressed(raw: Raw, podIP: string): Raw {
  return raw.kind === 'Pod' ? { ...raw, status: { podIP } } : raw;
}

async function stateOf(raws: readonly Raw[], asleep: readonly string[] = []): Promise<State> {
  const { engine, store } = await rig();
  const roots = [{ type: 'rootChanged' as const, trustDomain: 'cluster.local', roots: ['root'] }];
  await engine.step([...roots, ...raws.map(applied)], 1);
  const pods = raws.filter(({ kind, metadata }) => kind === 'Pod' && !asleep.includes(metadata.name));
  await engine.step(pods.map(enrolled), 2);
  return { snapshot: engine.snapshot, roots: rootHashes(engine.roots), node: hash => store.get(hash)?.node };
}

const ask = (path: string, service = 'shop/store'): Ask => ({
  client: 'shop/buyer',
  service,
  port: 80,
  method: 'GET',
  path,
});

it('tells shares, endpoints and what each says, as the policy decides', async () => {
  const answers = oracle.answers(await stateOf(shop), [ask('/books'), ask('/'), ask('/books', 'shop/nobody')]);
  expect(answers).toEqual([
    '33 % to shop/v1:80 (10.0.0.2:8080 admits); 67 % to shop/v2:80 (10.0.0.3:8080 admits)',
    '33 % to shop/v1:80 (10.0.0.2:8080 refuses: no-route-match); 67 % to shop/v2:80 (10.0.0.3:8080 refuses: no-route-match)',
    '100 % out of the mesh',
  ]);
});

it('tells proxies apart that are not there, at either end', async () => {
  const state = await stateOf(shop, ['v2']);
  const [there] = oracle.answers(state, [ask('/books')]);
  expect(there).toBe(
    '33 % to shop/v1:80 (10.0.0.2:8080 admits); 67 % to shop/v2:80 (10.0.0.3:8080 has no configuration)',
  );
  const [nobody] = oracle.answers(await stateOf(shop, ['buyer']), [ask('/books')]);
  expect(nobody).toBe('the caller has no configuration');
});

it('asks for an example of each match that has one, and for a path that no rule names', async () => {
  const questions = oracle.questions(await stateOf(shop));
  const paths = questions
    .filter(each => each.client === 'shop/buyer' && each.service === 'shop/store')
    .map(each => each.path);
  expect(paths).toEqual(['/', '/books', '/buy/']);
  expect(new Set(questions.map(({ client }) => client))).toEqual(new Set(['shop/buyer', 'shop/v1', 'shop/v2']));
});

it('asks about connections where a port speaks no HTTP', async () => {
  const port = { port: 80, targetPort: 8080, appProtocol: 'tcp' };
  const tcp = shop.map(raw => (raw.kind === 'Service' ? { ...raw, spec: { ports: [port] } } : raw));
  const state = await stateOf(tcp);
  const question = oracle.questions(state).find(each => each.client === 'shop/buyer' && each.service === 'shop/v1');
  expect(question).toEqual({ client: 'shop/buyer', service: 'shop/v1', port: 80 });
  expect(oracle.answers(state, [question as Ask])).toEqual([
    '100 % to shop/v1:80 (10.0.0.2:8080 refuses: no-rule-for-principal)',
  ]);
});

it('is bounded, whatever the mesh', async () => {
  const many = Array.from({ length: 900 }, (_, index) => make.service('shop', `s${index}`));
  expect(oracle.questions(await stateOf([...shop, ...many])).length).toBe(2000);
});
