/** `fsm replay <journal>`: folds what was recorded again and prints the hashes that it leads to. */
import { Command } from 'commander';
import { usage } from '../failure.ts';
import { type OutputOptions, outputOption } from '../options.ts';
import { print, table } from '../output.ts';

interface ReplayOptions extends OutputOptions {
  readonly threads: string;
}

export function replayCommand(): Command {
  return new Command('replay')
    .description('fold a recorded journal again: equal hashes mean equal snapshots and configurations')
    .argument('<journal>', 'file, such as .fsm/state/journal.db')
    .option('--threads <count>', 'worker threads that derive', '0')
    .addOption(outputOption('json', 'yaml'))
    .action(run);
}

async function run(journal: string, { threads, output }: ReplayOptions): Promise<void> {
  if (!/^\d{1,3}$/.test(threads)) throw usage(`${threads} is no number of threads`, 'give --threads a whole number');
  const { replay } = await import('../../engine/replay.ts');
  const { withProgress } = await import('../progress.ts');
  const result = await withProgress('Replaying', replay(journal, { threads: Number(threads) }));
  print(output, result, () => {
    const roots = table(['PROXY', 'CONFIG'], Object.entries(result.roots));
    return `journal   ${result.journal}\nrevision  ${result.revision}\nsnapshot  ${result.snapshot}\n\n${roots}`;
  });
}
