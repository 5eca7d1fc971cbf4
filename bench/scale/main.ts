/**
 * `npm run bench:scale`: what a change costs as the mesh grows. A generated mesh, simulated proxies on real streams, the
 * production control plane in a process of its own. Everything is on one machine, so figures include what the others
 * take; ratios of one run are what to compare.
 *
 *   --proxies 2000        size of the mesh: half as many services
 *   --growth 250,500,…    one endpoint change at each of these sizes, and a picture of it
 *   --threads 0           worker threads of the control plane
 *   --only a,b            scenarios by name
 *   --sources             run the sources, not a build
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { processOptions } from '../../src/controller/options.ts';
import { type Panel, picture } from './picture.ts';
import { closeAll, Rig, type RigOptions } from './rig.ts';
import * as scenarios from './scenarios.ts';

const { values } = parseArgs({
  options: {
    proxies: { type: 'string', default: '2000' },
    growth: { type: 'string' },
    threads: { type: 'string', default: '0' },
    only: { type: 'string' },
    sources: { type: 'boolean', default: false },
    'node-options': { type: 'string' },
    changes: { type: 'string', default: '1000' },
    output: { type: 'string', default: 'bench/results/scale.json' },
  },
});

const changes = Number(values.changes);

/** In this order: the mesh is closed first, then permissive, then closed again. */
const rows: readonly (readonly [name: string, run: (rig: Rig) => Promise<scenarios.Figures>])[] = [
  ['cold start', rig => scenarios.coldStart(rig)],
  ['memory', rig => scenarios.memory(rig)],
  ['held by a proxy', rig => scenarios.held(rig)],
  ['endpoint', rig => scenarios.endpointChange(rig, changes)],
  ['split', rig => scenarios.splitChange(rig, Math.ceil(changes / 5))],
  ['policy', rig => scenarios.policyChange(rig, Math.ceil(changes / 5))],
  ['setting', rig => scenarios.settingChange(rig, 20, false)],
  ['meaningless', rig => scenarios.meaningless(rig, 1000)],
  ['churn', rig => scenarios.churn(rig, 50, 20)],
  ['rolling restart', rig => scenarios.rollingRestart(rig, 20)],
  ['storm', rig => scenarios.storm(rig)],
  ['restart', rig => scenarios.restart(rig)],
  ['idle', rig => scenarios.idle(rig, 60)],
  ['permissive', rig => scenarios.modeChange(rig, true)],
  ['permissive setting', rig => scenarios.settingChange(rig, 20, true)],
  ['permissive endpoint', rig => scenarios.endpointForAll(rig, 20)],
  ['permissive held', rig => scenarios.held(rig)],
  ['permissive memory', rig => scenarios.memory(rig)],
  ['closed', rig => scenarios.modeChange(rig, false)],
];

const optionsFor = (proxies: number): RigOptions => ({
  size: { services: proxies / 2, podsPerService: 2 },
  threads: Number(values.threads),
  built: !values.sources,
  nodeOptions: values['node-options']?.split(' ') ?? processOptions.node,
});

async function measure(proxies: number, wanted: (name: string) => boolean): Promise<Record<string, scenarios.Figures>> {
  const rig = await Rig.make(optionsFor(proxies));
  const found: Record<string, scenarios.Figures> = {};
  for (const [name, run] of rows) {
    if (!wanted(name)) continue;
    found[name] = await run(rig);
    console.log(`${String(proxies).padStart(5)}  ${name.padEnd(20)} ${textOf(found[name])}`);
  }
  await rig.close();
  return found;
}

function textOf(figures: scenarios.Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toPrecision(4)}`)
    .join('  ');
}

/** Sizes of the growth curve. */
type All = Readonly<Record<number, Readonly<Record<string, scenarios.Figures>>>>;

const panels: readonly Panel[] = [
  {
    title: 'One endpoint change, 20 proxies hear of it',
    unit: 'CPU ms',
    lines: [{ name: 'endpoint cpuMsEach', label: 'control plane' }],
  },
  {
    title: 'Write to last proxy',
    unit: 'ms',
    lines: [
      { name: 'endpoint p50Ms', label: 'p50' },
      { name: 'endpoint p99Ms', label: 'p99' },
    ],
  },
  { title: 'Memory of the control plane', unit: 'MiB', lines: [{ name: 'memory rssMiB', label: 'RSS' }] },
];

async function draw(all: All): Promise<void> {
  const points = Object.entries(all).map(([proxies, rows]) => {
    const named = Object.entries(rows).flatMap(([row, figures]) =>
      Object.entries(figures).map(([name, value]) => [`${row} ${name}`, value] as const),
    );
    return { proxies: Number(proxies), values: Object.fromEntries(named) };
  });
  await writeFile(values.output.replace(/\.json$/, '.svg'), picture(points, panels));
}

const chosen = values.only?.split(',');
const isWanted = (name: string): boolean => name === 'cold start' || chosen === undefined || chosen.includes(name);
const sizes = values.growth?.split(',').map(Number) ?? [Number(values.proxies)];

try {
  const all: Record<number, Record<string, scenarios.Figures>> = {};
  for (const size of sizes)
    all[size] = await measure(
      size,
      values.growth === undefined ? isWanted : name => ['cold start', 'memory', 'endpoint'].includes(name),
    );
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, arch: process.arch, node: process.version };
  await mkdir('bench/results', { recursive: true });
  await writeFile(
    values.output,
    `${JSON.stringify({ machine, threads: Number(values.threads), sizes: all }, null, 2)}\n`,
  );
  if (sizes.length > 1) await draw(all);
} finally {
  await closeAll();
}
process.exit(0);
