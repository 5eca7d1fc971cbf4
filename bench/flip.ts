/**
 * `npm run bench:flip`: how long a change takes to be in force. A TrafficSplit is flipped between two versions through
 * the API while requests run on keep-alive connections; measured from the API's answer to the first answer of the new
 * version and to the last of the old one, with the failed requests and closed connections of the whole run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resourceOf } from '../src/api/resources.ts';
import type { Driver } from '../src/dataplane/driver.ts';
import { drivers } from '../src/dataplane/drivers.ts';
import { listening } from './listening.ts';
import { appPort, type BenchMesh, crossing, startMesh } from './mesh.ts';
import { Keeper } from './run/keeper.ts';

const { values } = parseArgs({
  options: {
    flips: { type: 'string', default: '20' },
    rate: { type: 'string', default: '200' },
    connections: { type: 'string', default: '10' },
  },
});

interface Answer {
  readonly atMs: number;
  readonly version: string;
}

interface Traffic {
  readonly answers: Answer[];
  failed: number;
  /** Connections that were opened after the first of each sender. */
  reopened: number;
  stop(): void;
}

const keeper = new Keeper();
const dir = await mkdtemp(join(tmpdir(), 'fsm-flip-'));

async function main(): Promise<void> {
  const mesh = await startMesh(program => keeper.start(program).child, dir);
  for (const version of ['v1', 'v2']) startApp(version, `127.61.0.${version.slice(1)}`);
  let block = 10;
  for (const driver of drivers) {
    const state = await driver.describe();
    if (state.usable) console.log(summary(driver.name, await measure(mesh, driver, block++)));
    else console.log(`skipped: ${driver.name}: ${state.why}`);
  }
  await mesh.close();
}

function startApp(version: string, address: string): void {
  const env = { BENCH_LISTEN: `${address}:${appPort}`, BENCH_BODY: version };
  keeper.start({ file: process.execPath, args: [fileURLToPath(new URL('./app.ts', import.meta.url))], env });
}

interface Flip {
  readonly firstNewMs: number;
  readonly lastOldMs: number;
}

interface Measured {
  readonly flips: readonly Flip[];
  readonly requests: number;
  readonly failed: number;
  readonly reopened: number;
}

async function measure(mesh: BenchMesh, driver: Driver, block: number): Promise<Measured> {
  const name = `shop-${driver.name}`;
  await deploy(mesh, driver, name, block);
  const place = { address: `127.61.${block}.1`, port: 15001, host: `${name}.bench:${appPort}` };
  await crossing(place);
  const traffic = send(place, Number(values.rate), Number(values.connections));
  await settled(traffic, 'v1');
  const flips: Flip[] = [];
  for (let at = 1; at <= Number(values.flips); at++)
    flips.push(await flip(mesh, traffic, name, at % 2 === 1 ? 'v2' : 'v1'));
  traffic.stop();
  return { flips, requests: traffic.answers.length, failed: traffic.failed, reopened: traffic.reopened };
}

async function deploy(mesh: BenchMesh, driver: Driver, name: string, block: number): Promise<void> {
  for (const service of [name, `${name}-v1`, `${name}-v2`])
    mesh.put(`
apiVersion: v1
kind: Service
metadata: { namespace: bench, name: ${service} }
spec: { selector: { app: ${service} }, ports: [{ name: http, port: ${appPort}, targetPort: ${appPort} }] }
`);
  for (const version of ['v1', 'v2'])
    mesh.put(`
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { namespace: bench, name: ${name}-${version} }
spec:
  destination: { kind: ServiceAccount, name: ${name}-${version}, namespace: bench }
  sources: [{ kind: ServiceAccount, name: ${name}-client, namespace: bench }]
  rules: [{ kind: HTTPRouteGroup, name: routes }]
`);
  mesh.put(splitYaml(name, 'v1'));
  await mesh.pod(driver, { name: `${name}-v1`, address: `127.61.${block}.2`, appAddress: '127.61.0.1' });
  await mesh.pod(driver, { name: `${name}-v2`, address: `127.61.${block}.3`, appAddress: '127.61.0.2' });
  await listening(`127.61.${block}.3`, appPort);
  await mesh.pod(driver, { name: `${name}-client`, address: `127.61.${block}.1`, appAddress: '127.61.0.9' });
}

const weights = (version: string) => ({ v1: version === 'v1' ? 100 : 0, v2: version === 'v2' ? 100 : 0 });

function splitYaml(name: string, version: string): string {
  const { v1, v2 } = weights(version);
  return `
apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { namespace: bench, name: ${name} }
spec: { service: ${name}, backends: [{ service: ${name}-v1, weight: ${v1} }, { service: ${name}-v2, weight: ${v2} }] }
`;
}

/** Patches the split through the API; its answer is the moment that everything is measured from. */
async function flip(mesh: BenchMesh, traffic: Traffic, name: string, version: string): Promise<Flip> {
  const { v1, v2 } = weights(version);
  const backends = [
    { service: `${name}-v1`, weight: v1 },
    { service: `${name}-v2`, weight: v2 },
  ];
  await mesh.client.patch(resourceOf('TrafficSplit'), { namespace: 'bench', name }, 'merge', { spec: { backends } });
  const answered = performance.now();
  await settled(traffic, version);
  const after = traffic.answers.filter(answer => answer.atMs > answered);
  const old = after.filter(answer => answer.version !== version).map(answer => answer.atMs);
  const fresh = after.find(answer => answer.version === version);
  return {
    firstNewMs: (fresh?.atMs ?? Number.NaN) - answered,
    lastOldMs: old.length === 0 ? 0 : Math.max(...old) - answered,
  };
}

/** Resolves when the newest hundred answers are all of a version. */
async function settled(traffic: Traffic, version: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const newest = traffic.answers.slice(-100);
    if (newest.length === 100 && newest.every(answer => answer.version === version)) return;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  throw new Error(`the split did not settle on ${version}`);
}

/** Open loop: a request is due at every 1/rate seconds, on each connection in turn, whether others are answered or not. */
function send(place: { address: string; port: number; host: string }, rate: number, connections: number): Traffic {
  const senders = Array.from({ length: connections }, () => ({
    agent: new Agent({ keepAlive: true, maxSockets: 1 }),
    opened: 0,
  }));
  const startedMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startedMs) * rate) / 1000; sent < due; sent++) {
      const sender = senders[sent % connections];
      if (sender) once(place, sender.agent, traffic, () => void (sender.opened++ > 0 && traffic.reopened++));
    }
  }, 1);
  const traffic: Traffic = { answers: [], failed: 0, reopened: 0, stop: () => clearInterval(timer) };
  return traffic;
}

function once(
  place: { address: string; port: number; host: string },
  agent: Agent,
  traffic: Traffic,
  onOpen: () => void,
): void {
  const sent = request({
    host: place.address,
    port: place.port,
    path: '/books/1',
    headers: { host: place.host },
    agent,
  });
  sent.on('socket', socket => socket.connecting && onOpen());
  sent.on('error', () => traffic.failed++);
  sent.on('response', response => {
    response.setEncoding('utf8');
    let version = '';
    response.on('data', text => (version += text));
    response.on('end', () => {
      if (response.statusCode !== 200) traffic.failed++;
      else traffic.answers.push({ atMs: performance.now(), version });
    });
  });
  sent.end();
}

function summary(engine: string, { flips, requests, failed, reopened }: Measured): string {
  const of = (pick: (flip: Flip) => number) => {
    const sorted = flips.map(pick).sort((a, b) => a - b);
    const at = (share: number) =>
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
    return `median ${at(0.5)} ms, max ${at(1)} ms`;
  };
  return [
    `${engine}: ${flips.length} flips under ${values.rate} requests/s on ${values.connections} keep-alive connections`,
    `  first answer of the new version: ${of(each => each.firstNewMs)}`,
    `  last answer of the old version: ${of(each => each.lastOldMs)}`,
    `  ${requests} requests, ${failed} failed, ${reopened} connections closed`,
  ].join('\n');
}

try {
  await main();
} finally {
  await keeper.close();
  await rm(dir, { recursive: true, force: true });
}
process.exit(0);
