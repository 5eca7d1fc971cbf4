/** Checkouts whose data plane has been made worse on purpose, to see whether the gate finds it. */
import { cp, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { here } from './measure.ts';

/** What is done to the Pipy scripts. `nothing` is a copy without a change. */
export type Sabotage = 'nothing' | 'latency' | 'throughput' | 'memory' | 'allocation';

/** Turns of an empty loop on each request, and numbers kept for ever. */
export interface Doses {
  readonly latencyTurns: number;
  readonly throughputTurns: number;
  readonly ballast: number;
}

const script = join('src', 'dataplane', 'pipy', 'inbound.js');
const entrance = '  function admit(start) {\n';

/** @returns the directory of the copy; it shares the installed packages with this one */
export async function copyWith(sabotage: Sabotage, doses: Doses): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), `fsm-perf-${sabotage}-`));
  for (const part of ['src', 'bench', 'perf', 'charts', 'package.json', 'tsconfig.json'])
    await cp(join(here, part), join(dir, part), {
      recursive: true,
      filter: source => !source.includes('/results/'),
    });
  await symlink(join(here, 'node_modules'), join(dir, 'node_modules'));
  const path = join(dir, script);
  const text = await readFile(path, 'utf8');
  if (!text.includes(entrance)) throw new Error(`${script} has no line "${entrance.trim()}" any more: name another`);
  const [atStart, onRequest] = linesFor(sabotage, doses);
  await writeFile(path, `${text.replace(entrance, `${entrance}${onRequest}\n`)}\n${atStart}\n`);
  return dir;
}

function linesFor(sabotage: Sabotage, doses: Doses): [atStart: string, onRequest: string] {
  const loop = (turns: number): string => `    for (var turn = 0; turn < ${turns}; turn++) {}`;
  switch (sabotage) {
    case 'nothing':
      return ['', ''];
    case 'latency':
      return ['', loop(doses.latencyTurns)];
    case 'throughput':
      return ['', loop(doses.throughputTurns)];
    case 'memory':
      return [`var ballast = [];\nfor (var at = 0; at < ${doses.ballast}; at++) ballast.push(at);`, ''];
    case 'allocation':
      return ['', '    JSON.parse(JSON.stringify(start.head));'];
  }
}
