/**
 * `npm run bench`: what a pair of sidecars costs. Closed loop, direct against through the pair, for each shell that
 * this machine can run, in interleaved rounds: a figure is only good beside the others of the same run. First cut; the
 * open-loop sender, latency and the gate are the harness's.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { drivers } from '../src/dataplane/drivers.ts';
import { findPipy } from '../src/dataplane/pipy/driver.ts';
import { barePair } from './bare.ts';
import { appPort, type Pair, startMesh } from './mesh.ts';
import { cpuMs, endAll, listening, peakMemoryMiB, start } from './processes.ts';

interface Row {
  readonly name: string;
  readonly pair: Pair;
  readonly rounds: Round[];
}

interface Round {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  /** CPU time of both sidecars together for one request, microseconds. */
  readonly cpuUsPerRequest: number;
}

const appAddress = '127.61.0.1';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    output: { type: 'string', default: 'bench/results/latest.json' },
    /** Rows to measure, by name; all of them unless given. */
    rows: { type: 'string' },
  },
});

const isWanted = (name: string) => values.rows === undefined || values.rows.split(',').includes(name);

async function main(): Promise<void> {
  startApp();
  await listening(appAddress, appPort);
  const direct: Pair = { address: appAddress, port: appPort, host: 'app', pids: [0, 0] };
  const rows: Row[] = [{ name: 'direct', pair: direct, rounds: [] }];
  const mesh = await startMesh();
  let block = 1;
  for (const driver of drivers) {
    if (!isWanted(driver.name)) continue;
    const state = await driver.describe();
    if (!state.usable) console.log(`skipped: ${driver.name}: ${state.why}`);
    else
      rows.push({
        name: driver.name,
        pair: await mesh.pair(driver, `bench-${driver.name}`, block++, appAddress),
        rounds: [],
      });
  }
  if (findPipy() !== undefined && isWanted('bare pipy'))
    rows.push({ name: 'bare pipy', pair: await barePair(block, `${appAddress}:${appPort}`), rounds: [] });
  await measure(rows);
  report(rows);
  await save(rows);
  await mesh.close();
}

/** One app for every row: Pipy where there is one, for it takes the least of the two cores. */
function startApp(): void {
  const pipy = findPipy();
  const listen = `${appAddress}:${appPort}`;
  if (pipy === undefined) {
    start({
      file: process.execPath,
      args: [fileURLToPath(new URL('./app.ts', import.meta.url))],
      env: { BENCH_LISTEN: listen },
    });
    return;
  }
  start({ file: pipy, args: ['-e', `pipy.listen('${listen}', $=>$.serveHTTP(new Message('hello')))`] });
}

async function measure(rows: readonly Row[]): Promise<void> {
  for (const row of rows) await round(row, 1);
  for (const row of rows) row.rounds.length = 0;
  for (let at = 1; at <= Number(values.rounds); at++) {
    for (const row of rows) {
      const done = await round(row, Number(values.seconds));
      console.log(
        `round ${at}  ${row.name.padEnd(10)} ${Math.round(done.perSecond).toString().padStart(7)} requests/s`,
      );
    }
  }
}

async function round(row: Row, seconds: number): Promise<Round> {
  const { address, port, host, pids } = row.pair;
  const used = () => pids.reduce((sum, pid) => sum + (pid === 0 ? 0 : cpuMs(pid)), 0);
  const before = used();
  const script = fileURLToPath(new URL('./load.ts', import.meta.url));
  const args = [script, `http://${address}:${port}/books/1`, host, values.connections, String(seconds)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: (seconds + 20) * 1000 });
  const { total, perSecond, p50Ms, p99Ms, errors, timeouts, non2xx } = JSON.parse(stdout);
  const cpuUsPerRequest = ((used() - before) * 1000) / Math.max(1, total);
  const done = { perSecond, p50Ms, p99Ms, failed: errors + timeouts + non2xx, cpuUsPerRequest };
  row.rounds.push(done);
  return done;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function summaryOf({ name, pair, rounds }: Row) {
  return {
    name,
    perSecond: median(rounds.map(each => each.perSecond)),
    p50Ms: median(rounds.map(each => each.p50Ms)),
    p99Ms: median(rounds.map(each => each.p99Ms)),
    cpuUsPerRequest: median(rounds.map(each => each.cpuUsPerRequest)),
    peakMemoryMiB: pair.pids.filter(pid => pid !== 0).map(peakMemoryMiB),
    failed: rounds.reduce((sum, each) => sum + each.failed, 0),
    rounds,
  };
}

/** Ratio of two rows: the median over the rounds, for rows of one round ran beside each other. */
function ratio(rows: readonly Row[], of: string, to: string): number | undefined {
  const [a, b] = [of, to].map(name => rows.find(row => row.name === name)?.rounds);
  if (a === undefined || b === undefined) return undefined;
  return median(a.map((each, at) => each.perSecond / (b[at]?.perSecond ?? Number.NaN)));
}

const ratios = [
  ['pipy', 'bare pipy'],
  ['pipy', 'direct'],
  ['bare pipy', 'direct'],
  ['node', 'direct'],
] as const;

function report(rows: readonly Row[]): void {
  console.log(
    '\nmedians                requests/s   p50 ms   p99 ms   CPU µs/request   peak MiB (client, server)   failed',
  );
  for (const row of rows) {
    const { name, perSecond, p50Ms, p99Ms, cpuUsPerRequest, peakMemoryMiB: memory, failed } = summaryOf(row);
    const cells = [Math.round(perSecond), p50Ms, p99Ms, cpuUsPerRequest.toFixed(0)].map(cell =>
      String(cell).padStart(9),
    );
    console.log(
      `${name.padEnd(20)} ${cells.join('')}   ${memory
        .map(each => each.toFixed(1))
        .join(', ')
        .padStart(20)}   ${failed}`,
    );
  }
  for (const [of, to] of ratios) {
    const value = ratio(rows, of, to);
    if (value !== undefined) console.log(`${of} / ${to}: ${value.toFixed(3)}`);
  }
}

async function save(rows: readonly Row[]): Promise<void> {
  const result = {
    at: new Date().toISOString(),
    machine: fingerprint(),
    options: values,
    rows: rows.map(summaryOf),
    ratios: Object.fromEntries(
      ratios.flatMap(([of, to]) => (ratio(rows, of, to) === undefined ? [] : [[`${of} / ${to}`, ratio(rows, of, to)]])),
    ),
  };
  await mkdir(new URL('.', `file://${process.cwd()}/${values.output}`), { recursive: true });
  await writeFile(values.output, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`written: ${values.output}`);
}

/** What a result may only be compared within. */
function fingerprint() {
  const [cpu] = cpus();
  return {
    arch: process.arch,
    platform: process.platform,
    cpu: cpu?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

try {
  await main();
} finally {
  endAll();
}
process.exit(0);
