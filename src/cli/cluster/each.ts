/** Several objects, one after the other: each is tried and told, and the command fails when one of them has. */
import type { Problem } from '../../api/problem.ts';
import { KubeError } from '../../kube/errors.ts';
import { tell } from '../failure.ts';
import type { Format } from '../output.ts';
import { print } from '../output.ts';
import { say } from '../stdout.ts';

/** What became of one object: a line for people, an element of the document for programs. */
export interface Outcome {
  /** `kind.group/name`; absent where not even that could be read. */
  readonly object?: string;
  readonly namespace?: string;
  readonly result: string;
  readonly resourceVersion?: string;
  readonly problem?: Problem;
}

/** Something to do. */
export interface Step {
  /** `kind.group/name`, as far as it is known before. */
  readonly object?: string;
  run(): Promise<Outcome>;
}

/** Once the server cannot be reached nothing more is tried: each further try would wait as long. */
const unreachable = (error: unknown) => error instanceof KubeError && error.status === 0;

/** Does every step, whatever became of the one before, and prints what became of each. */
export async function each(format: Format, steps: readonly Step[]): Promise<void> {
  const outcomes: Outcome[] = [];
  let isGone = false;
  for (const step of steps) {
    const name = step.object !== undefined && { object: step.object };
    if (isGone) outcomes.push({ ...name, result: 'not tried' });
    else
      outcomes.push(
        await step.run().catch(error => {
          isGone = unreachable(error);
          return { ...name, result: 'failed', problem: tell(error) };
        }),
      );
    const { object, result, problem } = outcomes.at(-1) ?? { result: '' };
    if (format === 'table' && problem === undefined) say(`${object ?? 'a document'} ${result}`);
  }
  if (format !== 'table') print(format, outcomes, () => '');
}
