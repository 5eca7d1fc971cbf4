/** `fsm check`: everything that is wrong here. */
import type { Command } from 'commander';
import { formatProblem, type Problem } from '../../api/problem.ts';
import { exitCodes } from '../failure.ts';
import { controlPlaneCommand, type OutputOptions } from '../options.ts';
import { print } from '../output.ts';
import type { ProxyRow } from './proxy.ts';

export function checkCommand(): Command {
  return controlPlaneCommand('check')
    .description('everything that is wrong; the exit code is 1 when something is')
    .action(check);
}

async function check({ dir, output }: OutputOptions & { dir: string }): Promise<void> {
  const { ask } = await import('../read-model.ts');
  const { withProgress } = await import('../progress.ts');
  const work = Promise.all([ask<readonly Problem[]>(dir, '/problems'), ask<readonly ProxyRow[]>(dir, '/proxies')]);
  const [known, proxies] = await withProgress('Asking the control plane', work);
  const problems = [...known, ...proxies.flatMap(problemOf)];
  if (problems.some(({ severity }) => severity === undefined)) process.exitCode = exitCodes.problem;
  print(output, problems, () =>
    problems.length === 0
      ? `nothing is wrong: ${proxies.length} sidecars run what they should`
      : problems.map(formatProblem).join('\n'),
  );
}

function problemOf({ pod, connected, problem, current, acked }: ProxyRow): readonly Problem[] {
  if (problem !== undefined) return [problem];
  const [namespace = '', name = ''] = pod.split('/');
  const about = { code: 'FSM3002' as const, object: { kind: 'Pod', namespace, name }, path: '' };
  if (!connected) {
    const why = 'it keeps the configuration that it has and hears of no change';
    return [
      { ...about, what: 'its sidecar is not connected', why, fix: `look at the log of container sidecar of ${pod}` },
    ];
  }
  if (current === undefined || current === null || acked?.root === current) return [];
  const why = 'until then it runs the one before';
  const fix = 'repeat the command in a second; then look at the log of its sidecar';
  return [{ ...about, what: 'its sidecar has not acknowledged its newest configuration', why, fix }];
}
