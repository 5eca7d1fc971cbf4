/** `npm run fuzz`: both shells behind the same configuration, and messages that get worse by seed. docs/fuzz.md says how to read it. */
import { parseArgs } from 'node:util';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';
import { fuzz, type Options, type Outcome } from './fuzz.ts';
import { type Plant, plantFault, plants } from './plant.ts';
import { contractLine, type Finding } from './report.ts';
import { closePair, openPair, type Pair, type ShellName } from './world.ts';

const usage = `npm run fuzz -- --minutes N [--seed S] [--shells node|pipy|both] [--case N] [--plant ${plants.join('|')}] [--findings N] [--shrink SECONDS]`;

async function shellsOf(wanted: string): Promise<ShellName[]> {
  const all: ShellName[] = wanted === 'both' ? ['node', 'pipy'] : [wanted as ShellName];
  const pipy = await pipyDriver.describe();
  if (pipy.usable || !all.includes('pipy')) return all;
  console.log(`Pipy is not fuzzed: ${pipy.why}`);
  return all.filter(shell => shell !== 'pipy');
}

function tell(finding: Finding): void {
  console.log(`\n${contractLine(finding)}`);
}

function summary(
  { cases, exchanges, findings, once, tolerated, held }: Outcome,
  pairs: readonly Pair[],
  seconds: number,
): string {
  const lets = [...tolerated].map(([why, count]) => `  tolerated ${count} times: ${why}`);
  const passing = once.map(({ kind, shell, what }) => `  not seen again: ${kind} on ${shell}: ${what}`);
  const weights = held.map(
    ({ before, after }, at) =>
      `  ${pairs[at]?.shell}: ${before.memoryMiB} → ${after.memoryMiB} MiB, ${before.files} → ${after.files} open files`,
  );
  const counts = `${cases} cases, ${exchanges} exchanges in ${Math.round(seconds)} s, ${findings.length} findings`;
  return ['', counts, ...weights, ...lets, ...passing].join('\n');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      shells: { type: 'string', default: 'both' },
      case: { type: 'string' },
      plant: { type: 'string' },
      findings: { type: 'string', default: '50' },
      shrink: { type: 'string', default: '45' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const pairs = await Promise.all((await shellsOf(values.shells)).map(openPair));
  const plant = plants.find(name => name === values.plant);
  if (plant !== undefined) await Promise.all(pairs.map(pair => plantFault(pair, plant satisfies Plant)));
  const begin = performance.now();
  const late = begin + Number(values.minutes) * 60_000;
  const goesOn = (cases: number) => (values.case === undefined ? performance.now() < late : cases === 0);
  const options: Options = {
    seed,
    goesOn,
    first: Number(values.case ?? '0'),
    shrinkMs: Number(values.shrink) * 1000,
    findingsMax: Number(values.findings),
    tell,
  };
  console.log(`seed ${seed}, ${pairs.map(({ shell }) => shell).join(' and ')}`);
  const outcome = await fuzz(pairs, options);
  console.log(summary(outcome, pairs, (performance.now() - begin) / 1000));
  if (outcome.findings.length > 0) process.exitCode = 1;
  await Promise.all(pairs.map(closePair));
  // A plant's front, and connections of clients, would keep the process.
  process.exit();
}

await main();
