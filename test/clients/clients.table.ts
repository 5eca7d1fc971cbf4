/**
 * Real clients and servers, each with each, directly and through a pair of sidecars: what the client saw has to be the same.
 * The table is printed at the end. What this machine lacks is skipped, and the title says what it is.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Driver } from '../../src/dataplane/driver.ts';
import { nodeDriver } from '../../src/dataplane/node/driver.ts';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';
import * as harness from '../dataplane/harness/mesh.ts';
import type { Program } from '../dataplane/harness/program.ts';
import type { Cell, Seen } from './cells.ts';
import { type Client, casesFor, clients } from './clients.ts';
import { differences, failuresIn } from './compare.ts';
import { type Limit, limits } from './limits.ts';
import { type Server, servers, startServers } from './servers.ts';
import { Table } from './table.ts';

const pipy = await pipyDriver.describe();
const withPipy = [
  ['pipy to pipy', pipyDriver, pipyDriver],
  ['node to pipy', nodeDriver, pipyDriver],
  ['pipy to node', pipyDriver, nodeDriver],
] as const;
const pairs: readonly (readonly [string, Driver, Driver])[] = [
  ['node to node', nodeDriver, nodeDriver],
  ...(pipy.usable ? withPipy : []),
];

/** Servers of this machine that a client can speak to. */
function serversFor(client: Client): readonly Server[] {
  return servers.filter(server => !('why' in server.tool) && casesFor(client, server).length > 0);
}

/** All that a client asks, when a server's port is to be found at this address. */
function cellsOf(client: Client, at: (server: Server) => Cell['at']): readonly Cell[] {
  return serversFor(client).flatMap(server =>
    casesFor(client, server).map(one => ({ server: server.name, case: one, at: at(server) })),
  );
}

const table = new Table();
const appAddress = `127.${16 + Math.floor(Math.random() * 200)}.${Math.floor(Math.random() * 250)}.9`;
const direct = new Map<Client, Promise<Seen>>();
const used = new Set<Limit>();
let programs: readonly Program[] = [];

beforeAll(async () => {
  programs = startServers(appAddress);
  await Promise.all(programs.map(program => program.logged({ ready: true })));
});

afterAll(async () => {
  await Promise.all(programs.map(program => program.stop()));
  console.log(table.text());
});

/** What a client sees without any sidecar, asked once. */
function directOf(client: Client): Promise<Seen> {
  const known = direct.get(client) ?? askDirectly(client);
  direct.set(client, known);
  return known;
}

/** What fails is asked once more: clients send over connections that servers of HTTP/1.0 are about to close. */
async function askDirectly(client: Client): Promise<Seen> {
  const cells = cellsOf(client, ({ port }) => ({ host: appAddress, port }));
  const seen = await client.ask(cells);
  const failed = failuresIn(cells, seen);
  return failed.length === 0 ? seen : new Map([...seen, ...(await client.ask(failed))]);
}

describe.each(pairs)('through a pair, %s', (pair, clientDriver, serverDriver) => {
  let mesh: harness.Mesh;
  let buyer: harness.Pod;

  beforeAll(async () => {
    mesh = await harness.createMesh();
    buyer = await harness.addPod(mesh, clientDriver, 'buyer');
    const store = await harness.addPod(mesh, serverDriver, 'store', appAddress);
    await Promise.all([
      harness.startSidecar(mesh, buyer, buyerTree(mesh, buyer, store)),
      harness.startSidecar(mesh, store, storeTree(mesh, store)),
    ]);
    // Calls that wait for deadlines do so beside the others.
    for (const client of clients.filter(one => one.speaks === 'gRPC' && !('why' in one.tool))) throughOf(client);
  });

  afterAll(() => harness.closeMesh(mesh));

  /** What a client sees through the pair, asked once. */
  const through = new Map<Client, Promise<Seen>>();
  const throughOf = (client: Client): Promise<Seen> => {
    const known = through.get(client) ?? client.ask(cellsOf(client, () => harness.outboundOf(buyer)));
    through.set(client, known);
    return known;
  };

  for (const client of clients) {
    for (const server of servers.filter(one => casesFor(client, one).length > 0)) {
      const title = `${client.name} sees what it sees of ${server.name} directly`;
      const lacks = [client.tool, server.tool].find(tool => 'why' in tool);
      if (lacks !== undefined && 'why' in lacks) {
        test.skip(`${title} (skipped: ${lacks.why})`, () => undefined);
        continue;
      }
      test(title, async () => {
        const cells = cellsOf(client, () => harness.outboundOf(buyer)).filter(cell => cell.server === server.name);
        const lines = differences(client.name, cells, await directOf(client), await throughOf(client));
        const left = lines.filter(line => !limitOf(pair, line));
        table.add(pair, client.name, server.name, cells.length, lines, left);
        expect(
          failuresIn(cells, await directOf(client)).map(cell => cell.case.name),
          'failing directly',
        ).toEqual([]);
        expect(left.join('\n')).toBe('');
      });
    }
  }
});

/** Whether a limit says why a line is there. */
function limitOf(pair: string, line: string): boolean {
  const found = limits.filter(limit => limit.pairs.test(pair) && limit.lines.test(line));
  for (const limit of found) used.add(limit);
  return found.length > 0;
}

const missing = [...clients, ...servers].some(({ tool }) => 'why' in tool) || !pipy.usable;
test.skipIf(missing)('every limit is still needed (skipped where a program is missing)', () => {
  expect(limits.filter(limit => !used.has(limit)).map(({ why }) => why)).toEqual([]);
});

if (!pipy.usable) test.skip(`through pairs with Pipy (skipped: ${pipy.why})`, () => undefined);

function buyerTree(mesh: harness.Mesh, buyer: harness.Pod, store: harness.Pod) {
  const services = servers.map(({ name, port, protocol }) => ({
    key: `shop/${name}`,
    ports: [{ port: 80, protocol }],
    backends: { [`shop/${name}:80`]: [harness.endpointOf(store, port)] },
  }));
  return harness.treeFor(mesh, buyer, { services });
}

function storeTree(mesh: harness.Mesh, store: harness.Pod) {
  const inbound = servers.map(({ name, port, protocol }) => ({ port, protocol, services: [`shop/${name}`] }));
  return harness.treeFor(mesh, store, { inbound });
}
