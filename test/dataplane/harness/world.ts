/** The small world that the contract speaks of: a buyer, two versions of a store, and services between them. */
import { test } from 'vitest';
import type { Driver } from '../../../src/dataplane/driver.ts';
import type { AccessNode, Backend, InboundNode, Route, SettingsNode } from '../../../src/engine/config.ts';
import { type App, startApp } from './apps.ts';
import * as harness from './mesh.ts';
import type { ServiceSpec, Tree } from './tree.ts';

/** Which shell stands on which side, and which lines of the contract it does not hold yet. */
export interface Shells {
  readonly name: string;
  readonly client: Driver;
  readonly server: Driver;
  /** Title of a test → why it is skipped. */
  readonly skips: Readonly<Record<string, string>>;
}

export interface World {
  readonly mesh: harness.Mesh;
  readonly buyer: harness.Pod;
  readonly store: harness.Pod;
  readonly storeV2: harness.Pod;
  readonly app: App;
  readonly appV2: App;
}

export async function createWorld(shells: Shells): Promise<World> {
  const mesh = await harness.createMesh();
  const buyer = await harness.addPod(mesh, shells.client, 'buyer');
  const store = await harness.addPod(mesh, shells.server, 'store');
  const storeV2 = await harness.addPod(mesh, shells.server, 'store-v2');
  const app = await startApp('v1', store.spec.appAddress);
  const appV2 = await startApp('v2', storeV2.spec.appAddress);
  const world = { mesh, buyer, store, storeV2, app, appV2 };
  const started = Promise.all([
    harness.startSidecar(mesh, store, storeTree(world, store)),
    harness.startSidecar(mesh, storeV2, storeTree(world, storeV2)),
    harness.startSidecar(mesh, buyer, buyerTree(world)),
  ]);
  // Nobody else would end those that have started.
  await started.catch(async error => {
    await closeWorld(world);
    throw error;
  });
  return world;
}

export async function closeWorld(world: World): Promise<void> {
  await harness.closeMesh(world.mesh);
  await Promise.all([world.app.close(), world.appV2.close()]);
}

/** Puts apps and configurations back to what they are at the start. */
export async function resetWorld(world: World): Promise<void> {
  world.app.reset();
  world.appV2.reset();
  await Promise.all([
    world.mesh.push.give(world.store.spec.podUid, storeTree(world, world.store)),
    world.mesh.push.give(world.storeV2.spec.podUid, storeTree(world, world.storeV2)),
    world.mesh.push.give(world.buyer.spec.podUid, buyerTree(world)),
  ]);
}

export type Access = Partial<AccessNode['data']>;

/** Configuration of a server: every port, for everybody unless access rules are given. `changes` may name ports of their own. */
export function storeTree(
  world: World,
  pod: harness.Pod,
  access: Access = {},
  without: readonly number[] = [],
  changes: Readonly<Record<number, Partial<InboundNode['data']['ports'][number]>>> = {},
  settings: Partial<SettingsNode['data']> = {},
): Tree {
  const usual = harness.inboundPorts('shop/store').filter(({ port }) => !without.includes(port));
  const more = Object.keys(changes)
    .map(Number)
    .filter(port => !usual.some(each => each.port === port));
  const added = more.map(port => ({ port, protocol: 'http' as const, services: ['shop/store'] }));
  return harness.treeFor(world.mesh, pod, {
    inbound: [...usual, ...added].map(port => ({ ...port, ...changes[port.port] })),
    access,
    settings: { mode: access.anyone === false ? 'smi' : 'permissive', ...settings },
  });
}

export interface BuyerOptions {
  /** Routes of `shop/split`, port 80. */
  readonly split?: readonly Route[];
  readonly more?: readonly ServiceSpec[];
  readonly settings?: Partial<SettingsNode['data']>;
  /** Principals that may be called; all unless given. */
  readonly callable?: readonly string[];
  /** Principal → the ports there; every port unless given. */
  readonly callablePorts?: Readonly<Record<string, readonly number[]>>;
  /** Whether the buyer's pod takes part in the mesh. */
  readonly member?: boolean;
}

/** Weights of the two versions, as a route's backends. */
export function weighted(v1: number, v2: number): readonly Backend[] {
  return [
    { ref: 'shop/v1:80', weight: v1 },
    { ref: 'shop/v2:80', weight: v2 },
  ];
}

export const storeAddress = '10.96.0.10';

/** Configuration of the buyer: `store` on a port for each protocol, `split` over both versions, and what a test adds. */
export function buyerTree(world: World, { split, more = [], settings = {}, ...whom }: BuyerOptions = {}): Tree {
  const { http, grpc, tcp } = harness.appPorts;
  const at = (port: number) => [harness.endpointOf(world.store, port)];
  const services: ServiceSpec[] = [
    {
      key: 'shop/store',
      addresses: [storeAddress],
      ports: [
        { port: 80, protocol: 'http' },
        { port: 81, protocol: 'grpc' },
        { port: 82, protocol: 'tcp' },
        { port: 83, protocol: 'tcp-server-first' },
      ],
      backends: {
        'shop/store:80': at(http),
        'shop/store:81': at(grpc),
        'shop/store:82': at(tcp),
        'shop/store:83': at(harness.appPorts['tcp-server-first']),
      },
    },
    {
      key: 'shop/split',
      ports: [{ port: 80, protocol: 'http', routes: split ?? [{ backends: weighted(1, 1) }] }],
      backends: { 'shop/v1:80': at(http), 'shop/v2:80': [harness.endpointOf(world.storeV2, http)] },
    },
  ];
  return harness.treeFor(world.mesh, world.buyer, { services: [...services, ...more], settings, ...whom });
}

/** A service with one endpoint. */
export function serviceAt(name: string, endpoint: { address: string; port: number; principal: string }): ServiceSpec {
  return {
    key: `shop/${name}`,
    ports: [{ port: 80, protocol: 'http' }],
    backends: { [`shop/${name}:80`]: [endpoint] },
  };
}

/** Lines of the contract: title → what must hold. */
export type Chapter = Readonly<Record<string, (world: World) => Promise<void>>>;

const timeoutMs = 20_000;

/** Makes tests of a chapter; lines that a shell cannot hold are skipped, with the reason in their title. */
export function testChapter(chapter: Chapter, shells: Shells, world: () => World): void {
  for (const [title, run] of Object.entries(chapter)) {
    const reason = shells.skips[title];
    if (reason !== undefined) test.skip(`${title} (skipped: ${reason})`, () => undefined);
    else test(title, { timeout: timeoutMs }, () => run(world()));
  }
}
