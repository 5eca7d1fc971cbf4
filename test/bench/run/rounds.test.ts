import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Experiment, LoadResult, Round } from '../../../bench/model.ts';
import { Journal } from '../../../bench/run/journal.ts';
import { Keeper } from '../../../bench/run/keeper.ts';
import { machineHere } from '../../../bench/run/machine.ts';
import { type RunPlan, rules, runSuite } from '../../../bench/run/rounds.ts';
import { direct } from '../../../bench/targets/direct.ts';
import { endpointOn, ports } from '../../../bench/targets/places.ts';
import { whenUp } from '../../../bench/targets/programs.ts';
import type { Site, Target } from '../../../bench/targets/target.ts';

/** Closed loop: no sender is late here unless it is meant to be. */
const experiment: Experiment = {
  name: 'http1',
  protocol: 'http1',
  measure: 'throughput',
  targets: ['direct', 'other', 'third'],
  connections: 1,
  payloadBytes: 64,
};

const distribution = { count: 100, meanUs: 1, p50Us: 1, p90Us: 1, p99Us: 5000, p999Us: 1, maxUs: 1, histogram: '' };
const late: LoadResult = {
  answers: 100,
  wrong: 0,
  broken: 0,
  unanswered: 0,
  seconds: 1,
  busy: 0,
  complaints: [],
  urgent: false,
  latency: distribution,
  lateness: distribution,
};

/** A target of HTTP/1.1. Unless it is told otherwise it does not start: that it was tried is seen by its void rounds. */
const target = (
  name: string,
  start: Target['start'] = async () => Promise.reject(new Error('not here')),
): readonly [string, Target] => [
  name,
  { name, protocols: ['http1'], heeds: [], find: async () => ({ version: '1' }), start },
];

const sleeper = { file: '/bin/sh', args: ['-c', 'echo up >&2; exec sleep 1000'] };
const network = `127.${randomInt(2, 60)}`;

let dir = '';
let keeper: Keeper;
let journal: Journal;
/** Turns that were run. */
let ran: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-bench-test-'));
  keeper = new Keeper();
  const suite = { name: 'test', rounds: 3, seconds: 0.2, experiments: [experiment] };
  const head = { suite, startedAt: '', machine: machineHere(), versions: {}, rules, skips: [] };
  journal = Journal.begin(join(dir, 'rounds.jsonl'), head);
  ran = [];
});

afterEach(async () => {
  journal.close();
  await keeper.close();
  await rm(dir, { recursive: true });
});

interface Options extends Partial<RunPlan> {
  readonly rounds?: number;
  readonly point?: Partial<Experiment>;
}

/** Runs an experiment of these targets. */
async function run(targets: readonly (readonly [string, Target])[], options: Options = {}): Promise<void> {
  const { rounds = 1, point, ...more } = options;
  await runSuite({
    suite: { name: 'test', rounds, seconds: 0.2, experiments: [{ ...experiment, ...point }] },
    targets: new Map(targets),
    journal,
    keeper,
    cores: null,
    dir,
    network,
    retriesLeftOut: false,
    signal: new AbortController().signal,
    onRound: ({ target, round }) => ran.push(`${target} ${round}`),
    ...more,
  });
}

/** What the journal has, in words. */
function lines(): string[] {
  return journal.rounds.map(({ target, round, void: why }) => `${target} ${round}: ${why ?? 'counts'}`);
}

/** Tries of a round in which the sender was late. */
function lateIn(target: string, round: number, tries = 3): void {
  const base = { experiment: experiment.name, at: '', void: 'late', clientBound: false, processes: [] };
  for (let at = 0; at < tries; at++) journal.append({ ...base, target, round, load: late } satisfies Round);
}

/** Processes that run and have this in their environment. */
function withEnvironment(text: string): number[] {
  const has = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(text);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter(has).map(Number);
}

const isThere = (pid: number | undefined): boolean => readdirSync('/proc').includes(String(pid));

/** Kills the app, as if it had crashed. */
async function killApp(): Promise<void> {
  const [pid] = withEnvironment(`APP_ADDRESSES=${network}.0.1`);
  // A signal to nobody would be one to all.
  if (pid === undefined) throw new Error('there is no app');
  process.kill(pid, 'SIGKILL');
  while (isThere(pid)) await new Promise(resolve => setImmediate(resolve));
}

/** Kills the load as soon as there is one. */
async function killLoad(): Promise<void> {
  const isLoad = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('bench/load/main');
    } catch {
      return false;
    }
  };
  const childrenOf = (pid: number): string[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  for (;;) {
    const load = childrenOf(process.pid).find(isLoad);
    if (load !== undefined) return void process.kill(Number(load), 'SIGKILL');
    await new Promise(resolve => setImmediate(resolve));
  }
}

it('starts a variant in its setting, before as many addresses of the app, in a directory that every program can name', async () => {
  let seen: Site | undefined;
  const variant = { name: 'other, 2 upstreams', target: 'other', upstreams: 2 };
  const noted = target('other', async site => {
    seen = site;
    return direct.start(site);
  });
  await run([target('direct', direct.start), noted], {
    point: { targets: ['direct', variant.name], variants: [variant] },
  });
  expect(lines()).toEqual(['direct 1: counts', 'other, 2 upstreams 1: counts']);
  expect(seen).toMatchObject({ upstreams: 2 });
  expect(seen?.app('http1', 1).host).toBe(`${network}.0.2`);
  expect(() => seen?.app('http1', 2)).toThrow('the app has 2 addresses: there is no upstream 3');
  expect(seen?.dir).not.toMatch(/[ ,]/);
});

describe('a round whose baseline could not be sent to in time', () => {
  const both = [target('direct'), target('other')];

  it('is left out', async () => {
    lateIn('direct', 1);
    await run(both, { rounds: 3 });
    expect(ran).toEqual(['direct 2', 'other 2', 'direct 3', 'other 3']);
  });

  it('leaves out the experiment with another one', async () => {
    lateIn('direct', 1);
    lateIn('direct', 2);
    await run(both, { rounds: 3 });
    expect(ran).toEqual([]);
  });

  it('gets another chance, and the experiment with it, when the run is taken up by hand', async () => {
    for (const round of [1, 3]) lateIn('direct', round);
    await run(both, { rounds: 3, retriesLeftOut: true });
    const all = ['direct 1', 'other 1', 'direct 2', 'other 2', 'direct 3', 'other 3'];
    expect(ran).toEqual(all);
    // Whoever takes it up now, by hand or not, finds it done.
    for (const retriesLeftOut of [false, true]) await run(both, { rounds: 3, retriesLeftOut });
    expect(ran).toEqual(all);
  });

  it('goes on by itself where a second chance was broken off', async () => {
    for (const round of [1, 2]) lateIn('direct', round);
    const stop = new AbortController();
    const onRound = () => stop.abort();
    await expect(run(both, { rounds: 2, retriesLeftOut: true, signal: stop.signal, onRound })).rejects.toThrow();
    expect(lines().at(-1)).toMatch(/^direct 1: (?!late)/);
    await run(both, { rounds: 3 });
    expect(ran).toEqual(['other 1', 'direct 3', 'other 3']);
  });

  it('is no reason to ask others again that were late beside a baseline that counts', async () => {
    lateIn('direct', 1);
    lateIn('other', 2);
    await run(both, { rounds: 2, retriesLeftOut: true });
    expect(ran).toEqual(['direct 1', 'other 1', 'direct 2']);
  });

  it('is left out as soon as that is known', { timeout: 60_000 }, async () => {
    const tooFast = { measure: 'latency', rate: 200_000 } as const;
    for (const round of [1, 2]) lateIn('direct', round, 2);
    await run([target('direct', direct.start), target('other')], { rounds: 2, point: tooFast });
    expect(ran).toEqual(['direct 1', 'direct 2']);
    expect(journal.rounds).toHaveLength(6);
    for (const { load } of journal.rounds) expect(load?.lateness?.p99Us).toBeGreaterThan(1000);
  });

  it('is none where the baseline is not here', async () => {
    lateIn('other', 1);
    lateIn('other', 2);
    await run([target('other'), target('third')], { rounds: 2 });
    expect(ran).toEqual(['third 1', 'third 2']);
  });
});

/** An HTTP/1.1 server that answers a few times rightly and then does as it is told. */
const server = `
  let left = 5;
  const faults = {
    dies() {
      console.error('out of luck');
      process.exit(3);
    },
    hangs() {},
    lies: (_, response) => response.end('short'),
  };
  const serve = (request, response) =>
    left-- > 0 ? response.end('x'.repeat(64)) : faults[process.env.FAULT](request, response);
  require('node:http').createServer(serve).listen(process.env.PORT, process.env.HOST);`;

const startServer =
  (fault: string): Target['start'] =>
  site => {
    const endpoint = endpointOn(site.address(1), 'http1');
    const env = { FAULT: fault, HOST: endpoint.host, PORT: String(endpoint.port), MARK: dir };
    const child = site.start({ file: process.execPath, args: ['-e', server], env }, 'proxy', 'server');
    return whenUp(['http1'], () => endpoint, [{ name: 'server', child }]);
  };

describe('a target', () => {
  it.each([
    ['dies', 'while it was measured, server ended with 3: out of luck'],
    ['hangs', 'no answer at all'],
    ['lies', /\d+ wrong answers: /],
  ])('that %s in a round leaves no process, and takes nothing from others', async (fault, why) => {
    const left: number[] = [];
    const fine = ['direct', 'third'].map(name => target(name, direct.start));
    const onRound: RunPlan['onRound'] = round => {
      if (round.target === 'other') left.push(...withEnvironment(`MARK=${dir}`));
    };
    await run([...fine, target('other', startServer(fault))], { onRound });
    expect(left).toEqual([]);
    expect(journal.rounds.map(round => [round.target, round.void])).toEqual([
      ['direct', null],
      ['other', expect.stringMatching(why)],
      ['third', null],
    ]);
  });

  it('that does not start leaves no process', async () => {
    let pid: number | undefined;
    const broken = target('other', async site => {
      pid = site.start(sleeper, 'proxy', 'half').pid;
      throw new Error('no other half');
    });
    const seen: boolean[] = [];
    await run([broken], { onRound: () => seen.push(isThere(pid)) });
    expect(seen).toEqual([false]);
    expect(lines()).toEqual(['other 1: other did not start: no other half']);
  });

  it('that is just starting ends with the run', async () => {
    const stop = new AbortController();
    let child: ReturnType<Site['start']> | undefined;
    const slow = target('other', async site => {
      child = site.start(sleeper, 'proxy', 'slow');
      await once(child.stderr as NodeJS.ReadableStream, 'data');
      stop.abort(new Error('stopped by a test'));
      return new Promise(() => undefined);
    });
    await expect(run([slow], { signal: stop.signal })).rejects.toThrow('stopped by a test');
    expect(isThere(child?.pid)).toBe(false);
    expect(lines()).toEqual([]);
  });
});

describe('what is no target’s fault ends the run and is no round', () => {
  it('a directory that cannot be made', async () => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    await expect(run([target('direct')], { dir: file })).rejects.toThrow('ENOTDIR');
    expect(lines()).toEqual([]);
  });

  it('a disk that is full when a target starts', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const unlucky = target('direct', () => Promise.reject(full));
    await expect(run([unlucky])).rejects.toThrow('direct did not start: ENOSPC: no space left on device');
    expect(lines()).toEqual([]);
  });

  it('an app that does not start', async () => {
    const other = createServer().listen(ports.http1, `${network}.0.1`);
    await once(other, 'listening');
    await expect(run([target('direct')])).rejects.toThrow('the app did not start: something listens on');
    expect(lines()).toEqual([]);
    other.close();
  });

  it('an app that ends time and again', { timeout: 60_000 }, async () => {
    let starts = 0;
    const deadly = target('other', async site => {
      starts++;
      await killApp();
      return direct.start(site);
    });
    await expect(run([target('direct', direct.start), deadly])).rejects.toThrow(
      'in 3 tries of other, round 1, the app was ended by SIGKILL',
    );
    expect(starts).toBe(3);
    expect(lines()).toEqual(['direct 1: counts']);
  });

  it('a load that ends time and again; where it does so once, it is started again', { timeout: 60_000 }, async () => {
    let kills = 0;
    const unlucky = (name: string, most: number) =>
      target(name, async site => {
        if (++kills <= most) void killLoad();
        return direct.start(site);
      });
    await run([unlucky('other', 1)]);
    expect(lines()).toEqual(['other 1: counts']);
    kills = 0;
    await expect(run([unlucky('third', 3)])).rejects.toThrow(
      'in 3 tries of third, round 1, the load was ended by SIGKILL',
    );
  });

  it('but an app that ends once is started again, and the round with it', { timeout: 60_000 }, async () => {
    let starts = 0;
    const deadly = target('other', async site => {
      if (++starts === 1) await killApp();
      return direct.start(site);
    });
    await run([deadly], { rounds: 2 });
    expect(starts).toBe(2);
    expect(lines()).toEqual(['other 1: counts', 'other 2: counts']);
  });
});
