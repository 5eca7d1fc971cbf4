import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { PushServer } from '../../src/dataplane/push/server.ts';
import type { Connection } from '../../src/dataplane/push/stream.ts';
import { Turns } from '../../src/dataplane/push/turns.ts';
import { type AnyNode, fragmentOf } from '../../src/engine/config.ts';
import { FragmentStore } from '../../src/engine/store.ts';

const turn = () => new Promise(resolve => setImmediate(resolve));

it('lets so many at it together, the others in the order in which they came', async () => {
  const turns = new Turns(2);
  const began: number[] = [];
  const take = async (index: number) => {
    const end = await turns.take();
    began.push(index);
    return end;
  };
  const ends = [0, 1, 2, 3].map(take);
  await turn();
  expect(began).toEqual([0, 1]);
  (await ends[1])?.();
  await turn();
  expect(began).toEqual([0, 1, 2]);
  for (const index of [0, 2]) (await ends[index])?.();
  await turn();
  expect(began).toEqual([0, 1, 2, 3]);
});

/** A connection that takes a write only when it is told to. */
function slow() {
  const taken: (() => void)[] = [];
  let bytes = 0;
  const duplex = new Duplex({
    read: () => {},
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      taken.push(done);
    },
  });
  const connection: Connection = Object.assign(duplex, { setNoDelay: () => connection });
  return { connection, take: () => taken.shift()?.(), bytes: () => bytes };
}

/** A configuration of about 100 KiB. */
function large() {
  const store = new FragmentStore();
  const leaves = Array.from({ length: 50 }, (_, index) =>
    fragmentOf({ kind: 'trust', data: { roots: [`${index}${'x'.repeat(2000)}`] }, refs: {} }),
  );
  const refs = Object.fromEntries(leaves.map(({ hash }, index) => [String(index), hash]));
  const root = fragmentOf({ kind: 'root', data: { format: 1 }, refs } as AnyNode);
  for (const fragment of [...leaves, root]) store.put(fragment);
  store.retain(root.hash);
  return { store, root };
}

it('has 64 large configurations on their way, not one for each of a hundred proxies', async () => {
  const { store, root } = large();
  const server = new PushServer({
    store,
    now: () => 0,
    elapsedMs: () => 0,
    rootOf: () => root,
    rev: () => 'j.1',
    mark: () => ({ cluster: '', versions: {} }),
    onHello: () => {},
    onProblem: problem => expect.fail(problem.what),
  });
  server.open();
  const hello = { t: 'hello', formats: [1], shell: 'test', thread: 0, root: null, mark: null };
  const all = Array.from({ length: 100 }, (_, index) => {
    const end = slow();
    server.accept(end.connection, { podUid: `uid-${index}`, principal: 'p', certificate: () => undefined });
    end.connection.push(`${JSON.stringify(hello)}\n`);
    return end;
  });
  await turn();
  const first = all.map(({ bytes }) => bytes());
  expect(first.every(bytes => bytes > 8000 && bytes < 20_000)).toBe(true);
  for (const { take } of all) take();
  await turn();
  const beyond = () => all.filter(({ bytes }, index) => bytes() > (first[index] ?? 0) + 1000).length;
  expect(beyond()).toBe(64);
  for (let write = 0; write < 20; write++) {
    all[0]?.take();
    await turn();
  }
  expect(all[0]?.bytes()).toBeGreaterThan(100_000);
  expect(beyond()).toBe(65);
  await server.beat();
  expect(beyond()).toBe(65);
  await server.beat();
  // Those who had no turn have heartbeats under way.
  for (const { take } of [...all.slice(65), ...all.slice(65)]) take();
  await turn();
  expect(beyond()).toBe(100);
  server.close();
});
