import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Keeper } from '../../../bench/run/keeper.ts';

const sleeper = { file: '/bin/sh', args: ['-c', 'sleep 1000 & wait'] };

/** State of a process: `Z` when it has ended and nobody has asked how. Empty when it is gone. */
function stateOf(pid: number): string {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}

/** Resolves when a process that is not a child of ours has ended. */
async function gone(pid: number): Promise<void> {
  while (!['', 'Z'].includes(stateOf(pid))) await new Promise(resolve => setImmediate(resolve));
}

/** Processes of a group. */
function groupOf(leader: number): number[] {
  const text = readFileSync(`/proc/${leader}/task/${leader}/children`, 'utf8').trim();
  return [leader, ...text.split(' ').filter(Boolean).map(Number)];
}

it('ends a child with all that it has started', async () => {
  const keeper = new Keeper();
  const { child, ended } = keeper.start({ file: '/bin/sh', args: ['-c', 'sleep 1000 & echo up >&2; wait'] });
  await once(child.stderr as NodeJS.ReadableStream, 'data');
  const group = groupOf(child.pid ?? 0);
  expect(group).toHaveLength(2);
  await keeper.end([child]);
  expect(await ended).toMatch(/^was ended by SIGKILL/);
  for (const pid of group) await gone(pid);
  await keeper.close();
});

it('says how a child ended, and what it said last', async () => {
  const keeper = new Keeper();
  const broken = keeper.start({ file: '/bin/sh', args: ['-c', 'echo "bad option" >&2; exit 3'] });
  expect(await broken.ended).toBe('ended with 3: bad option');
  const missing = keeper.start({ file: '/no/such/program', args: [] });
  expect(await missing.ended).toContain('ENOENT');
  await keeper.close();
});

it('reads what a program prints on both streams, be it that it hangs', async () => {
  const keeper = new Keeper();
  const program = { file: '/bin/sh', args: ['-c', 'echo one; echo two >&2; exit 3'] };
  expect((await keeper.print(program)).split('\n').sort()).toEqual(['', 'one', 'two']);
  expect(await keeper.print({ file: '/bin/sh', args: ['-c', 'echo version 1; exec sleep 1000'] }, 200)).toBe(
    'version 1\n',
  );
  expect(await keeper.print({ file: '/no/such/program', args: [] })).toBe('');
  await keeper.close();
});

/** Keeps its shell from hearing of children, as when it is killed just after it has started one. */
const untold = `
  import { Socket } from 'node:net';
  const { write } = Socket.prototype;
  Socket.prototype.write = function (chunk, ...rest) {
    return String(chunk).startsWith('+ ') || write.call(this, chunk, ...rest);
  };`;

it.each([
  ['', ''],
  [', even what the shell has not heard of', untold],
])('leaves nothing behind when it is killed itself%s', async (_, before) => {
  const script = `${before}
    import { Keeper } from ${JSON.stringify(fileURLToPath(new URL('../../../bench/run/keeper.ts', import.meta.url)))};
    const keeper = new Keeper();
    const ended = keeper.start({ file: '/bin/true', args: [] });
    await ended.ended;
    for (let n = 0; n < 3; n++) console.log(keeper.start(${JSON.stringify(sleeper)}).child.pid);
  `;
  const run = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pids: number[] = [];
  for await (const line of createInterface({ input: run.stdout })) if (pids.push(Number(line)) === 3) break;
  for (const pid of pids) expect(stateOf(pid)).not.toBe('');
  run.kill('SIGKILL');
  for (const pid of pids) await gone(pid);
});

it('ends what a child keeps itself, when both are killed at once', async () => {
  const keeper = fileURLToPath(new URL('../../../bench/run/keeper.ts', import.meta.url));
  const inner = `const { Keeper } = await import(${JSON.stringify(keeper)});
    console.log(new Keeper().start({ file: '/bin/sh', args: ['-c', 'sleep 1000 & wait'] }).child.pid);
    setInterval(() => {}, 1000);`;
  const outer = `const { Keeper } = await import(${JSON.stringify(keeper)});
    const args = ['--input-type=module', '-e', ${JSON.stringify(inner)}];
    const { child } = new Keeper().start({ file: process.execPath, args }, ['ignore', 'pipe', 'ignore']);
    child.stdout.pipe(process.stdout);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', outer], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(holder.stdout), 'line');
  holder.kill('SIGKILL');
  await gone(Number(line));
});
