/** The priority of the threads that send. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { isGranted } from '../../../bench/load/urgent.ts';

const isPossible = isGranted();
if (!isPossible) process.stderr.write('skipped: no real-time priority here: chrt and CAP_SYS_NICE are needed\n');

/** Of sched_setscheduler(2). */
const policyOf = (sched: string): string => /^policy\s*:\s*(\d)/m.exec(sched)?.[1] ?? '';

it.skipIf(!isPossible)('is real-time for the thread that asks for it, and for no other', async () => {
  const module = new URL('../../../bench/load/urgent.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(module)}).then(({ beUrgent }) => {
    beUrgent();
    const { readFileSync } = process.getBuiltinModule('node:fs');
    process.getBuiltinModule('node:worker_threads').parentPort.postMessage(readFileSync('/proc/thread-self/sched', 'utf8'));
  });`;
  const worker = new Worker(code, { eval: true });
  const [sched] = await once(worker, 'message');
  await worker.terminate();
  expect(policyOf(sched)).toBe('1');
  expect(policyOf(readFileSync('/proc/self/sched', 'utf8'))).toBe('0');
});
