/** `node bench/load/main.ts`: a `LoadPlan` as JSON on stdin, a `LoadResult` as JSON on stdout; errors on stderr, with a code. */
import { text } from 'node:stream/consumers';
import type { LoadPlan } from '../model.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { runLoad } from './run.ts';

try {
  const plan = JSON.parse(await text(process.stdin)) as LoadPlan;
  const result = await runLoad(plan, moment => process.send?.(moment));
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(exitCodes.done));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`, () =>
    process.exit(exitCodeOf(error)),
  );
}
