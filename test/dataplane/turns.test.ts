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
  let text = '';
  const duplex = new Duplex({
    read: () => {},
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      text += chunk.toString();
      taken.push(done);
    },
  });
  const connection: Connection = Object.assign(duplex, { setNoDelay: () => connection });
  return { connection, take: () => taken.shift()?.(), bytes: () => bytes, text: () => text };
}

/** A configuration of about 100 KiB; another `salt` makes another one. */
function large(store: FragmentStore, salt = '') {
  const leaves = Array.from({ length: 50 }, (_, index) =>
    fragmentOf({ kind: 'trust', data: { roots: [`${salt}${index}${'x'.repeat(2000)}`] }, refs: {} }),
  );
  const refs = Object.fromEntries(leaves.map(({ hash }, index) => [String(index), hash]));
  const root = fragmentOf({ kind: 'root', data: { format: 1 }, refs } as AnyNode);
  for (const fragment of [...leaves, root]) store.put(fragment);
  store.retain(root.hash);
  return root;
}

/** A push server whose proxies should all run the same, and a clock that is moved by hand. */
function rig() {
  const store = new FragmentStore();
  const now = { root: large(store), elapsedMs: 0 };
  const server = new PushServer({
    store,
    now: () => 0,
    elapsedMs: () => now.elapsedMs,
    rootOf: () => now.root,
    rev: () => 'j.1',
    mark: () => ({ cluster: '', versions: {} }),
    onHello: () => {},
    onProblem: () => {},
  });
  server.open();
  const connect = (uid: string) => {
    const end = slow();
    server.accept(end.connection, { podUid: uid, principal: 'p', certificate: () => undefined });
    const say = (line: object) => end.connection.push(`${JSON.stringify(line)}\n`);
    say({ t: 'hello', formats: [2], shell: 'test', thread: 0, root: null, mark: null });
    return { ...end, say };
  };
  /** Another configuration for everybody; the one before goes unless a stream holds it. */
  const change = (salt: string) => {
    const before = now.root;
    now.root = large(store, salt);
    store.release(before.hash);
  };
  const takeAll = async (end: { take(): unknown }) => {
    for (let write = 0; write < 40; write++) {
      end.take();
      await turn();
    }
  };
  return { store, server, now, connect, change, takeAll };
}

it('has 64 large configurations on their way, not one for each of a hundred proxies', async () => {
  const { server, now, connect, takeAll } = rig();
  const all = Array.from({ length: 100 }, (_, index) => connect(`uid-${index}`));
  await turn();
  for (let line = 1; line < 4; line++) {
    for (const { take } of all) take();
    await turn();
  }
  const first = all.map(({ bytes }) => bytes());
  expect(first.every(bytes => bytes > 8000 && bytes < 20_000)).toBe(true);
  for (const { take } of all) take();
  await turn();
  const beyond = () => all.filter(({ bytes }, index) => bytes() > (first[index] ?? 0) + 1000).length;
  expect(beyond()).toBe(64);
  await takeAll(all[0] as (typeof all)[number]);
  expect(all[0]?.bytes()).toBeGreaterThan(100_000);
  expect(beyond()).toBe(65);
  now.elapsedMs = 6000;
  await server.beat();
  // Those who had no turn have heartbeats under way.
  for (const { take } of [...all.slice(65), ...all.slice(65)]) take();
  await turn();
  expect(beyond()).toBe(100);
  server.close();
});

it('goes on when proxies leave in the middle of a configuration that is another one meanwhile', async () => {
  const { store, server, connect, change, takeAll, now } = rig();
  const leaving = Array.from({ length: 64 }, (_, index) => connect(`uid-${index}`));
  await turn();
  for (const { take } of leaving) take();
  await turn();
  change('second');
  for (const { connection } of leaving) connection.destroy();
  await turn();
  const next = connect('next');
  await takeAll(next);
  expect(next.text()).toContain(`"t":"commit","root":"${now.root.hash}"`);
  server.close();
  expect(store.size).toBe(51);
});

it('goes on when a proxy refuses what is still being written, and asks for nodes again and again', async () => {
  const { store, server, connect, change, takeAll, now } = rig();
  const proxy = connect('uid');
  await turn();
  const old = now.root.hash;
  change('second');
  const problem = { code: 'FSM3001', path: '', what: 'no', why: 'no', fix: 'no' };
  proxy.say({ t: 'nack', root: old, problem });
  await turn();
  proxy.say({ t: 'need', h: [now.root.hash], root: now.root.hash });
  proxy.say({ t: 'need', h: [now.root.hash], root: now.root.hash });
  await takeAll(proxy);
  expect(proxy.text()).toContain(`"t":"commit","root":"${now.root.hash}"`);
  expect(proxy.text()).not.toContain(`"t":"commit","root":"${old}"`);
  proxy.say({ t: 'ack', root: now.root.hash });
  await turn();
  server.close();
  expect(store.size).toBe(51);
});
