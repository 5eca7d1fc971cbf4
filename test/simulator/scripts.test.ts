/** What seeds found, as short scripts: each of them failed once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Tables } from '../../src/dataplane/policy/types.ts';
import * as make from '../engine/objects.ts';
import { ApiServer } from './api-server.ts';
import { ControlPlane } from './control-plane.ts';
import { pass } from './drain.ts';
import { Link } from './network.ts';
import { Random } from './random.ts';
import { Sidecar } from './sidecar.ts';
import { VirtualTime } from './time.ts';

const target = make.target('shop', 'buy', 'store', ['shop/buyer'], 'routes');
const owner = { podKey: 'shop/store', uid: 'uid-store', principal: 'store.shop.cluster.local' };

/** One control plane over an API server; nothing is wrong unless a script says so. */
function stage() {
  const folder = mkdtempSync(join(tmpdir(), 'fsm-script-'));
  const time = new VirtualTime();
  const random = new Random(1);
  const api = new ApiServer(time, random.fork('api'));
  const onFatal = (error: string) => expect.fail(error);
  const options = { folder, shards: 0, shardDeaths: 0, onFatal };
  const replicas = ['replica-1', 'replica-2'].map(
    name => new ControlPlane(time, random.fork(name), api, { ...options, name }),
  );
  onTestFinished(() => {
    for (const replica of replicas) replica.crash('kept');
    rmSync(folder, { recursive: true, force: true });
  });
  for (const raw of [make.namespace('shop'), make.meshConfig(false), ...make.deployed('shop', 'store', '10.0.0.1')])
    api.cluster.put(raw);
  const [first, second] = replicas as [ControlPlane, ControlPlane];
  const sidecarOf = (replica: () => ControlPlane) => {
    const connect = (sidecar: Sidecar) => {
      const link = new Link(time, random.fork('link'), sidecar.name);
      replica().accept(link.serverEnd, owner);
      return link;
    };
    const roots: string[] = [];
    const swapped = (_: Sidecar, { root }: Tables) => void roots.push(root);
    const sidecar = new Sidecar(owner, { time, connect, swapped }, random.fork('sidecar'));
    sidecar.start();
    return { sidecar, roots };
  };
  return { time, api, first, second, sidecarOf, pass: (ms: number) => pass(time, ms, replicas) };
}

/** More Services than one step takes, none of which a proxy has to know. */
const crowd = Array.from({ length: 600 }, (_, at) => make.service('elsewhere', `s${at}`));

function conditionsOf(api: ApiServer): unknown[] {
  const status = api.cluster.get('TrafficTarget', 'shop/buy')?.status as { conditions?: unknown[] } | undefined;
  return status?.conditions ?? [];
}

it('says after a restart what was still to be said when it crashed', async () => {
  const { api, first, pass } = stage();
  first.start();
  await pass(5_000);
  api.cluster.put(target);
  while (first.core?.conditions.has('TrafficTarget shop/buy') === false) await pass(1);
  first.crash('kept');
  first.start();
  await pass(5_000);
  expect(conditionsOf(api)).toHaveLength(1);
});

it('says it again of an object that was deleted and made again while nobody watched', async () => {
  const { api, first, pass } = stage();
  api.cluster.put(target);
  first.start();
  await pass(5_000);
  api.faults.down = true;
  for (const stream of [...api.streams]) stream.cut();
  api.cluster.remove('TrafficTarget', 'shop/buy');
  api.cluster.put(target);
  expect(conditionsOf(api)).toEqual([]);
  await pass(1_000);
  api.faults.down = false;
  await pass(60_000);
  expect(conditionsOf(api)).toHaveLength(1);
});

it('names in the mark of a commit what the commit was made from', async () => {
  const { api, first, pass, sidecarOf } = stage();
  first.start();
  await pass(5_000);
  const { sidecar } = sidecarOf(() => first);
  await pass(1_000);
  const { revision } = api.cluster.put(make.meshConfig(true));
  await pass(1_000);
  expect(sidecar.tables?.settings.mode).toBe('permissive');
  expect(sidecar.configuration?.position.mark?.versions.MeshConfig).toBe(String(revision));
});

it('holds back from a proxy that is ahead for as long, whatever the clock is set to', async () => {
  const { time, api, first, second, pass, sidecarOf } = stage();
  first.start();
  second.start();
  api.cluster.put(make.meshConfig(true));
  await pass(5_000);
  for (const stream of api.streams)
    if (stream.client === 'replica-1' && stream.kind === 'Service') stream.stalled = true;
  api.cluster.put(make.service('shop', 'store', 81));
  await pass(1_000);
  let replica = second;
  const { sidecar } = sidecarOf(() => replica);
  await pass(1_000);
  const ahead = sidecar.tables?.root;
  replica = first;
  sidecar.link?.cut();
  await pass(1_000);
  time.jump(3600_000);
  await pass(30_000);
  expect([ahead === undefined, sidecar.tables?.root]).toEqual([false, ahead]);
  await pass(125_000);
  expect(sidecar.tables?.root).not.toBe(ahead);
});

it('is not behind a control plane that has just listed, when it has seen the same by watching', async () => {
  const { api, first, second, pass } = stage();
  first.start();
  await pass(5_000);
  api.cluster.put(make.namespace('elsewhere', {}));
  await pass(1_000);
  second.start();
  await pass(75_000);
  const mark = second.core?.seen.all() ?? {};
  expect(Object.keys(mark)).toContain('TrafficSplit');
  expect(first.core?.seen.behind(mark)).toBe(false);
});

it('does not take a proxy back while the newest of an object waits behind more than one step takes', async () => {
  const { api, first, second, pass, sidecarOf } = stage();
  api.cluster.put(make.meshConfig(true));
  first.start();
  second.start();
  await pass(5_000);
  const behind = [...api.streams].find(({ client, kind }) => client === 'replica-1' && kind === 'Service');
  if (behind !== undefined) behind.stalled = true;
  let replica = second;
  const { sidecar, roots } = sidecarOf(() => replica);
  await pass(1_000);
  api.cluster.put(make.service('shop', 'store', 81));
  await pass(1_000);
  replica = first;
  sidecar.link?.cut();
  await pass(1_000);
  for (const raw of [...crowd, make.service('shop', 'store', 82)]) api.cluster.put(raw);
  const before = first.core?.engine.snapshot.revision ?? 0;
  behind?.resume();
  await pass(5_000);
  // Port 81 was never seen here: the newer event took its place, and went to the end.
  expect(first.core?.engine.snapshot.revision).toBe(before + crowd.length + 1);
  expect([roots.length, new Set(roots).size]).toEqual([3, 3]);
});

it('does not take a proxy back while a list tells more deletions than one step takes', async () => {
  const { api, first, second, pass, sidecarOf } = stage();
  for (const raw of [...crowd, make.meshConfig(true)]) api.cluster.put(raw);
  first.start();
  second.start();
  await pass(30_000);
  let replica = second;
  const { sidecar, roots } = sidecarOf(() => replica);
  await pass(1_000);
  api.faults.down = true;
  for (const stream of api.streams) if (stream.client === 'replica-1' && stream.kind === 'Service') stream.cut();
  for (const { metadata } of crowd) api.cluster.remove('Service', `elsewhere/${metadata.name}`);
  api.cluster.remove('Service', 'shop/store');
  await pass(1_000);
  api.compact();
  replica = first;
  sidecar.link?.cut();
  await pass(1_000);
  api.faults.down = false;
  await pass(30_000);
  expect(first.core?.watches.get('Service')?.relists).toBe(1);
  expect([roots.length, new Set(roots).size]).toEqual([2, 2]);
});
