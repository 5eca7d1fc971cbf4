/** The fuzzer for continuous integration: each set of shells for its share of a minute, always the same cases. */
import { expect, test } from 'vitest';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';
import { fuzz } from './fuzz.ts';
import { contractLine } from './report.ts';
import { closePair, openPair, type ShellName } from './world.ts';

/** Milliseconds for each set; `FSM_FUZZ_MINUTES` is both together. */
const shareMs = Number(process.env.FSM_FUZZ_MINUTES ?? '1') * 30_000;
const seed = 1;

const pipy = await pipyDriver.describe();

/** Findings are made small, and the sidecars come to rest. */
const roomMs = 60_000;

async function run(shells: readonly ShellName[]): Promise<void> {
  const pairs = await Promise.all(shells.map(openPair));
  const late = performance.now() + shareMs;
  const goesOn = () => performance.now() < late;
  const { cases, exchanges, findings } = await fuzz(pairs, {
    seed,
    goesOn,
    first: 0,
    shrinkMs: 5000,
    findingsMax: 3,
    tell: () => undefined,
  });
  console.log(`${shells.join(' and ')}: ${cases} cases, ${exchanges} exchanges`);
  await Promise.all(pairs.map(closePair));
  expect(findings.map(contractLine).join('\n\n')).toBe('');
}

test('messages that get worse break nothing on the Node shell', { timeout: shareMs + roomMs }, () => run(['node']));

if (pipy.usable)
  test('nor on both shells, which come to the same verdicts', { timeout: shareMs + roomMs }, () =>
    run(['node', 'pipy']),
  );
else test.skip(`both shells are not fuzzed: ${pipy.why}`, () => undefined);
