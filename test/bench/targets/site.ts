/** A place for targets in tests: addresses that no other test has, programs that end with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Setting } from '../../../bench/model.ts';
import { Keeper } from '../../../bench/run/keeper.ts';
import { type Apps, type AppsOptions, startApps } from '../../../bench/targets/apps.ts';
import type { Program, Site } from '../../../bench/targets/target.ts';

/** A block of loopback addresses with an app in it, and what was started there. */
export interface TestSite extends Site {
  /** Ends every program. */
  close(): Promise<void>;
}

/** What a site is for, where that is not the plain case. */
type SiteOptions = Pick<AppsOptions, 'engine'> & Partial<Setting>;

/** Starts an app on addresses of its own. */
export async function createSite({ engine, ...setting }: SiteOptions = {}): Promise<TestSite> {
  const dir = await mkdtemp(join(tmpdir(), 'fsm-targets-'));
  const keeper = new Keeper();
  const block = `127.${random(64, 123)}.${random(1, 254)}`;
  const start = (program: Program) => keeper.start(program).child;
  const close = async () => {
    await keeper.close();
    await rm(dir, { recursive: true, force: true });
  };
  const addresses = Array.from({ length: setting.upstreams ?? 1 }, (_, at) => `${block}.${250 - at}`);
  const apps = await startedOr(close, startApps(start, { addresses, ...(engine !== undefined && { engine }) }));
  return { app: apps.app, dir, address: n => `${block}.${n}`, start, ...setting, close };
}

function random(from: number, to: number): number {
  return from + Math.floor(Math.random() * (to - from + 1));
}

async function startedOr(close: () => Promise<void>, starting: Promise<Apps>): Promise<Apps> {
  try {
    return await starting;
  } catch (error) {
    await close();
    throw error;
  }
}
