/**
 * `node bench/targets/sane.ts [target …]`: what `wrk` gets through each target, one after the other, on 16
 * connections. A look at whether the configurations are sane, by hand; figures that count come from the harness.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Keeper } from '../run/keeper.ts';
import { startApps, targets } from './index.ts';
import { pathOf } from './places.ts';
import type { Running, Site, Target } from './target.ts';

const wanted = process.argv.slice(2);
const bodyBytes = 64;
const keeper = new Keeper();
const start: Site['start'] = program => keeper.start(program).child;

async function main(): Promise<void> {
  const apps = await startApps(start);
  for (const [at, target] of targets.entries()) {
    if (wanted.length > 0 && !wanted.includes(target.name)) continue;
    const found = await target.find(keeper.print);
    if ('why' in found) console.log(`${target.name.padEnd(16)} skipped: ${found.why}`);
    else console.log(`${target.name.padEnd(16)} ${await measured(target, at + 1, apps.app)}`);
  }
}

async function measured(target: Target, block: number, app: Awaited<ReturnType<typeof startApps>>['app']) {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-bench-'));
  const site = { app, dir, address: (n: number) => `127.61.${block}.${n}`, start, services: 0 };
  const running = await target.start(site);
  const line = await load(running);
  await running.close();
  await keeper.end(keeper.withPids(running.processes.map(({ pid }) => pid)));
  await rm(dir, { recursive: true });
  return line;
}

async function load(running: Running): Promise<string> {
  const endpoint = running.endpoint('http1');
  const url = `http://${endpoint.host}:${endpoint.port}${pathOf(endpoint, bodyBytes)}`;
  const args = ['-t1', '-c16', '-d3', '-H', `Host: ${endpoint.authority}`, url];
  const { stdout } = await promisify(execFile)('wrk', args);
  const part = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? '';
  const wrong = part(/((?:Non-2xx|Socket errors).*)/);
  return `${part(/Requests\/sec:\s*(\S+)/).padStart(10)} requests/s, mean ${part(/Latency\s+(\S+)/)} ${wrong}`;
}

try {
  await main();
} finally {
  await keeper.close();
}
process.exit(0);
