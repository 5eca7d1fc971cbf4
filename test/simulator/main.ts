/** `npm run simulate`: runs seeds, and says how to run the one again that broke an invariant. */
import { parseArgs } from 'node:util';
import { run } from './run.ts';
import { tellOutcome } from './tell.ts';

const usage = `npm run simulate -- [--seed N | --seeds A-B | --hours N] [--actions N] [--lines N] [--keep-going]`;

/** Seeds to run, lazily: for hours they have no end. */
function* seedsOf({ seed, seeds, hours }: { seed?: string; seeds?: string; hours?: string }): Generator<number> {
  if (seed !== undefined) return yield Number(seed);
  const [first = 1, last = 100] = (seeds ?? '').split('-').filter(Boolean).map(Number);
  const end = hours === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(hours) * 3_600_000;
  const start = hours === undefined ? first : Math.floor(Math.random() * 2 ** 31);
  for (let next = start; hours === undefined ? next <= last : performance.now() < end; next++) yield next;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      hours: { type: 'string' },
      actions: { type: 'string', default: '60' },
      lines: { type: 'string' },
      'keep-going': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const [actions, begin] = [Number(values.actions), performance.now()];
  let [count, steps, broken] = [0, 0, 0];
  for (const seed of seedsOf(values)) {
    const outcome = await run(seed, { actions, ...(values.lines !== undefined && { lines: Number(values.lines) }) });
    count++;
    steps += outcome.steps;
    if (values.seed !== undefined && outcome.violation === undefined) console.log(`seed ${seed}: hash ${outcome.hash}`);
    if (outcome.violation === undefined) continue;
    broken++;
    console.log(tellOutcome(outcome, actions));
    process.exitCode = 1;
    if (!values['keep-going']) break;
  }
  const seconds = (performance.now() - begin) / 1000;
  console.log(`${count} seeds, ${steps} steps, ${broken} broken, ${(count / seconds).toFixed(1)} seeds a second`);
}

await main();
