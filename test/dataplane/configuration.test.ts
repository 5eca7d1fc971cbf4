/** The configuration in force of the Node shell, without a stream. */
import { expect, test } from 'vitest';
import { Configuration, type Shelf } from '../../src/dataplane/node/config.ts';
import { treeOf } from './harness/tree.ts';

const self = { uid: 'uid', namespace: 'shop', name: 'buyer', principal: 'buyer.shop.cluster.local' };
const mark = { cluster: 'test', versions: {} };
const memory: Shelf = { read: () => undefined, write: async () => undefined };

test('a commit that is not ready when the next stream begins does not come into force', async () => {
  const tree = treeOf({ self, roots: ['old'] });
  const ready = Promise.withResolvers<void>();
  const configuration = new Configuration(memory, () => ready.promise.then(() => () => undefined));
  for (const { hash, node } of tree.fragments) configuration.stage(hash, node);
  const committed = configuration.commit(tree.root, mark);
  configuration.abandon();
  ready.resolve();
  expect([(await committed).t, configuration.position.root]).toEqual(['refused', null]);
});

test('what was asked for on a stream that broke is asked for again on the next one', async () => {
  const { root } = treeOf({ self, roots: ['any'] });
  const configuration = new Configuration(memory, async () => () => undefined);
  expect(await configuration.commit(root, mark)).toEqual({ t: 'need', hashes: [root] });
  configuration.abandon();
  expect(await configuration.commit(root, mark)).toEqual({ t: 'need', hashes: [root] });
  expect((await configuration.commit(root, mark)).t).toBe('refused');
});

test('a commit that is not ready when its stream breaks does not come into force over the next one', async () => {
  const [older, newer] = [treeOf({ self, roots: ['old'] }), treeOf({ self, roots: ['new'] })];
  const ready = Promise.withResolvers<void>();
  const enforced: string[] = [];
  const configuration = new Configuration(memory, async ({ root }) => {
    if (root === older.root) await ready.promise;
    return () => enforced.push(root);
  });
  for (const { hash, node } of [...older.fragments, ...newer.fragments]) configuration.stage(hash, node);
  const [first, second] = [configuration.commit(older.root, mark), configuration.commit(newer.root, mark)];
  ready.resolve();
  expect((await first).t).toBe('refused');
  expect((await second).t).toBe('swapped');
  expect([enforced, configuration.position.root]).toEqual([[newer.root], newer.root]);
});
