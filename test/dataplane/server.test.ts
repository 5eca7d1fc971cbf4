import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ProxyLine, PushLine } from '../../src/dataplane/push/protocol.ts';
import { PushServer } from '../../src/dataplane/push/server.ts';
import type { Connection } from '../../src/dataplane/push/stream.ts';
import { type Fragment, fragmentOf } from '../../src/engine/config.ts';
import { Receipts } from '../../src/engine/receipts.ts';
import { FragmentStore } from '../../src/engine/store.ts';

/** What is under way comes to its end. */
const turn = () => new Promise(resolve => setImmediate(resolve));

const pod = 'shop/p';
const problem = { code: 'FSM3001', path: '', what: 'no', why: 'no', fix: 'no' } as const;

/** A connection to a proxy that notes every line, and answers none by itself. */
function connection() {
  const heard: PushLine[] = [];
  const duplex = new Duplex({
    read: () => {},
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().split('\n')) if (line !== '') heard.push(JSON.parse(line));
      done();
    },
  });
  const end: Connection = Object.assign(duplex, { setNoDelay: () => end });
  const say = async (...lines: readonly (ProxyLine | object)[]) => {
    end.push(lines.map(line => `${JSON.stringify(line)}\n`).join(''));
    await turn();
  };
  const hello = (root: string | null = null, thread = 0) =>
    say({ t: 'hello', formats: [2], shell: 'test', thread, root, mark: null });
  /** Ends it as a proxy does that is gone. */
  const break_ = async () => {
    end.destroy();
    await turn();
  };
  const commits = () => heard.flatMap(line => (line.t === 'commit' ? line.root : []));
  return { end, heard, commits, say, hello, break: break_ };
}

/** A push server for one pod, and the receipts of what its proxy should run, put together as in the controller. */
function rig() {
  const store = new FragmentStore();
  const receipts = new Receipts();
  const told = { problems: [] as string[], renewed: Promise.withResolvers<string | undefined>() };
  const now: { root?: Fragment; revision: number; elapsedMs: number } = { revision: 0, elapsedMs: 0 };
  const revisionOf = (rev: string) => Number(rev.split('.')[1]);
  const server = new PushServer({
    store,
    now: () => 0,
    elapsedMs: () => now.elapsedMs,
    rootOf: () => now.root,
    rev: () => `j.${now.revision}`,
    mark: () => ({ cluster: '', versions: {} }),
    onHello: () => {},
    onSent: (_uid, { rev }) => receipts.sent(pod, revisionOf(rev), now.elapsedMs),
    onAck: (_uid, { rev }) => receipts.acknowledged(pod, revisionOf(rev), now.elapsedMs),
    renew: () => told.renewed.promise,
    onProblem: ({ code }) => told.problems.push(code),
  });
  server.open();
  const connect = () => {
    const proxy = connection();
    server.accept(proxy.end, { podUid: 'uid', principal: 'p', certificate: () => undefined });
    return proxy;
  };
  /** The proxy should run another configuration from now on. @returns its hash */
  const change = (name: string): string => {
    const [before, root] = [now.root, fragmentOf({ kind: 'trust', data: { roots: [name] }, refs: {} })];
    store.put(root);
    store.retain(root.hash);
    if (before !== undefined) store.release(before.hash);
    Object.assign(now, { root, revision: now.revision + 1 });
    const moments = { at: 0, seen: now.elapsedMs, began: now.elapsedMs, derived: now.elapsedMs };
    receipts.open({ revision: now.revision, events: [], ...moments, fragments: 1, proxies: [pod] });
    server.changed('uid');
    return root.hash;
  };
  /** Of each receipt, oldest first, whether the proxy has acknowledged it. */
  const settled = () => receipts.list().map(({ acked }) => acked === 1);
  return { store, server, told, now, connect, change, settled };
}

/** A proxy that runs `a`. */
async function running() {
  const parts = rig();
  const proxy = parts.connect();
  const a = parts.change('a');
  await proxy.hello();
  await proxy.say({ t: 'ack', root: a });
  expect(parts.settled()).toEqual([true]);
  return { ...parts, proxy, a };
}

describe('a change and its undoing leave no receipt open', () => {
  it('when both are acknowledged', async () => {
    const { proxy, a, change, settled } = await running();
    const b = change('b');
    change('a');
    await proxy.say({ t: 'ack', root: b });
    expect(settled()).toEqual([true, true, false]);
    await proxy.say({ t: 'ack', root: a });
    expect(settled()).toEqual([true, true, true]);
    expect(proxy.commits()).toEqual([a, b, a]);
  });

  it('when what lay between is refused', async () => {
    const { proxy, a, change, settled } = await running();
    const b = change('b');
    change('a');
    await proxy.say({ t: 'nack', root: b, problem });
    expect(settled()).toEqual([true, true, true]);
    expect(proxy.commits()).toEqual([a, b]);
  });

  it('when the proxy was busy with it, and is to run just that in the end', async () => {
    const { proxy, a, change, settled } = await running();
    const b = change('b');
    for (const name of ['c', 'b']) change(name);
    await proxy.say({ t: 'ack', root: b });
    expect(settled()).toEqual([true, true, true, true]);
    expect(proxy.commits()).toEqual([a, b]);
  });

  it('when no proxy was there, and one comes that runs the last', async () => {
    const { proxy, a, connect, change, settled } = await running();
    await proxy.break();
    for (const name of ['b', 'a']) change(name);
    const again = connect();
    expect(settled()).toEqual([true, false, false]);
    await again.hello(a);
    expect(settled()).toEqual([true, true, true]);
    expect(again.commits()).toEqual([]);
  });
});

it('an acknowledgement that was lost with its stream is made good by the next hello', async () => {
  const { connect, change, settled } = rig();
  const root = change('a');
  const first = connect();
  await first.hello();
  expect(first.commits()).toEqual([root]);
  await first.break();
  expect(settled()).toEqual([false]);
  const second = connect();
  await second.hello(root);
  expect(settled()).toEqual([true]);
  expect(second.commits()).toEqual([]);
});

describe('a proxy of several threads has acknowledged', () => {
  /** Two threads that run `a`. */
  async function threads() {
    const parts = rig();
    const a = parts.change('a');
    const [first, second] = [parts.connect(), parts.connect()];
    await first.hello(null, 0);
    await second.hello(null, 1);
    await first.say({ t: 'ack', root: a });
    expect(parts.settled()).toEqual([false]);
    await second.say({ t: 'ack', root: a });
    expect(parts.settled()).toEqual([true]);
    return { ...parts, first, second, a };
  }

  it('what all of them run', async () => {
    const { first, second, change, settled } = await threads();
    const b = change('b');
    await second.say({ t: 'ack', root: b });
    expect(settled()).toEqual([true, false]);
    await first.say({ t: 'ack', root: b });
    expect(settled()).toEqual([true, true]);
  });

  it('nothing while one of them still has to answer, though it ran the same before', async () => {
    const { first, second, a, change, settled } = await threads();
    const b = change('b');
    await first.say({ t: 'ack', root: b });
    change('a');
    await first.say({ t: 'ack', root: a });
    expect(settled()).toEqual([true, false, false]);
    await second.say({ t: 'ack', root: b });
    expect(settled()).toEqual([true, false, false]);
    await second.say({ t: 'ack', root: a });
    expect(settled()).toEqual([true, true, true]);
  });

  it('what the others run when one of them is gone', async () => {
    const { first, second, change, settled } = await threads();
    await first.say({ t: 'ack', root: change('b') });
    expect(settled()).toEqual([true, false]);
    await second.break();
    expect(settled()).toEqual([true, true]);
  });

  it('nothing when the one that runs it is gone', async () => {
    const { first, second, change, settled } = await threads();
    const b = change('b');
    await first.say({ t: 'ack', root: b });
    await first.break();
    expect(settled()).toEqual([true, false]);
    await second.say({ t: 'ack', root: b });
    expect(settled()).toEqual([true, true]);
  });
});

describe('a stream that is closed', () => {
  it('takes what is written before anybody has heard of its end, and does no harm', async () => {
    const { store, server, proxy, connect, change, told, settled } = await running();
    told.renewed.resolve('a certificate');
    proxy.end.destroy(new Error('the connection was reset'));
    change('b');
    await Promise.all([server.beat(), turn()]);
    expect([settled(), server.status(), server.connected('uid')]).toEqual([[true, false], [], false]);
    const again = connect();
    const c = change('c');
    await again.hello();
    await again.say({ t: 'ack', root: c });
    expect(settled()).toEqual([true, true, true]);
    // Nobody holds what was on its way.
    expect(store.size).toBe(1);
    server.close();
  });

  it('gets no more lines, not even a certificate that was being made for it', async () => {
    const { server, proxy, change, told } = await running();
    const beat = server.beat();
    await turn();
    const before = proxy.heard.length;
    // A connection that would still take them.
    proxy.end.destroy = () => proxy.end;
    proxy.end.emit('close');
    change('b');
    told.renewed.resolve('a certificate');
    await Promise.all([beat, server.beat()]);
    await turn();
    expect(proxy.heard.slice(before)).toEqual([]);
  });

  it('is not heard, whatever came with the line that closed it', async () => {
    const { server, proxy, change, told, settled } = await running();
    const root = change('b');
    await proxy.say({ t: 'nonsense' }, { t: 'ack', root }, { t: 'nack', root, problem });
    expect([settled(), told.problems, server.connected('uid')]).toEqual([[true, false], ['FSM3003'], false]);
  });

  it('is one whose lines cannot be read', async () => {
    const { server, proxy, change, settled } = await running();
    const root = change('b');
    proxy.end.push(`{"t":"ack"\n${JSON.stringify({ t: 'ack', root })}\n`);
    await turn();
    expect([settled(), server.connected('uid'), proxy.end.destroyed]).toEqual([[true, false], false, true]);
  });
});

describe('what a proxy runs', () => {
  it('is what it acknowledged, not what it was sent', async () => {
    const { server, proxy, a, change } = await running();
    const b = change('b');
    expect(server.running('uid')).toMatchObject({ connected: true, root: a, acked: { rev: 'j.1' } });
    await proxy.say({ t: 'nack', root: b, problem });
    expect(server.running('uid')).toMatchObject({ root: a, problem });
    change('c');
    await proxy.say({ t: 'ack', root: proxy.commits().at(-1) });
    expect(server.running('uid')).toMatchObject({ root: proxy.commits().at(-1), problem: null });
    expect(server.running('another')).toBeUndefined();
  });

  it('is what its oldest thread runs', async () => {
    const { server, proxy, a, connect, change } = await running();
    const other = connect();
    await other.hello(a, 1);
    const b = change('b');
    await proxy.say({ t: 'ack', root: b });
    expect(server.running('uid')?.root).toBe(a);
    await other.say({ t: 'ack', root: b });
    expect(server.running('uid')?.root).toBe(b);
  });

  it('stays known, and in the store, when it leaves, until it is back or has no configuration any more', async () => {
    const { server, store, now, proxy, a, connect, change } = await running();
    await proxy.break();
    const b = change('b');
    const mute = connect();
    await mute.break();
    expect(server.running('uid')).toMatchObject({ connected: false, root: a, acked: { root: a } });
    expect(store.get(a)).toBeDefined();
    const again = connect();
    await again.hello(a);
    expect(server.running('uid')).toMatchObject({ connected: true, root: a });
    await again.say({ t: 'ack', root: b });
    expect([store.get(a), server.departedRoots]).toEqual([undefined, []]);
    await again.break();
    delete now.root;
    await server.beat();
    expect([server.running('uid'), server.departedRoots]).toEqual([undefined, []]);
  });
});

describe('a proxy of another format', () => {
  it('is sent nothing, keeps what it has, and is told of once', async () => {
    const { connect, change, told } = rig();
    change('one');
    for (let again = 0; again < 3; again++) {
      const proxy = connect();
      await proxy.say({ t: 'hello', formats: [1], shell: 'old', thread: 0, root: 'what it has', mark: null });
      expect([proxy.heard, proxy.end.destroyed]).toEqual([[], true]);
    }
    expect(told.problems).toEqual(['FSM3006']);
  });
});

describe('a pod that is gone', () => {
  it('has its streams ended', async () => {
    const { connect, server } = rig();
    const proxies = [connect(), connect()];
    for (const proxy of proxies) await proxy.hello();
    server.end('uid', 'the pod is gone');
    expect([proxies.map(({ end }) => end.destroyed), server.connected('uid')]).toEqual([[true, true], false]);
  });
});
