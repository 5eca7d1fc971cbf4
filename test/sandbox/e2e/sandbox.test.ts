/** The sandbox as somebody meets it who has just cloned the repository, on the Node shell. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Receipt } from '../../../src/engine/receipts.ts';
import type { ReplayResult } from '../../../src/engine/replay.ts';
import type { Instance } from '../../../src/sandbox/instance.ts';
import {
  demo,
  folder,
  freePortBase,
  fsm,
  fsmJson,
  processesAt,
  type Running,
  start,
  untilNothingRuns,
} from './user.ts';

const timeout = 30_000;
const home = folder();
const cwd = home.path;
let base = 0;
let up: Running;

const instance = () => JSON.parse(readFileSync(join(cwd, '.fsm/sandbox.json'), 'utf8')) as Instance;
const begin = () => start(cwd, 'sandbox', 'up', '--port-base', String(base));
const buys = (version: string) => new RegExp(`^bookbuyer → bookstore GET /buy → 200 bookstore-${version} `);

beforeAll(async () => {
  base = await freePortBase();
  up = begin();
  await up.until(buys('v1'));
}, timeout);

afterAll(async () => {
  up.kill('SIGKILL');
  await untilNothingRuns(cwd, 5000);
  home.remove();
});

describe('the demo', () => {
  test('shows who calls whom, with which answer, through what', async () => {
    expect(await up.until(/^bookthief → bookstore GET \/buy /)).toBe(
      'bookthief → bookstore GET /buy → 403 no-route-match (mutual TLS, node sidecars)',
    );
    await up.until(/^bookstore-v1 → bookwarehouse POST \/restock-books → 200/);
    expect(up.lines.join('\n')).toContain('Ctrl-C ends everything');
  });

  test('logs the refusal with its reason at the server', async () => {
    const logs = readdirSync(join(cwd, '.fsm/logs')).filter(name => /^bookstore\..*\.sidecar\.log$/.test(name));
    const text = logs.map(name => readFileSync(join(cwd, '.fsm/logs', name), 'utf8')).join('');
    expect(text).toMatch(/a request was refused.*"status":403.*no-route-match.*bookthief\.bookthief\.cluster\.local/);
  });

  test('lists objects of any kind', async () => {
    const { stdout } = await fsm(cwd, 'get', 'ts', '-A');
    expect(stdout).toMatch(/bookstore +bookstore-split +bookstore +bookstore-v1 100, bookstore-v2 0 +True/);
    const pods = await fsmJson<{ items: { status: { podIP: string } }[] }>(cwd, 'get', 'pods', '-A');
    const block = `127.${base >> 8}.${base & 255}.`;
    expect(pods.items.map(({ status }) => status.podIP.startsWith(block))).toEqual([true, true, true, true, true]);
  });

  test('lists what every proxy was sent and has acknowledged', async () => {
    const proxies = await fsmJson<{ pod: string; connected: boolean; current: string; acked: { root: string } }[]>(
      cwd,
      'proxy',
      'list',
    );
    expect(proxies).toHaveLength(5);
    for (const proxy of proxies) expect(proxy).toMatchObject({ connected: true, acked: { root: proxy.current } });
  });

  test('tells why, with the object and the version of each line', async () => {
    const { stdout } = await fsm(cwd, 'why', 'bookbuyer', 'bookstore', '/buy');
    expect(stdout).toMatch(/GET \/buy from bookbuyer\/\S+ .* to bookstore\/bookstore:14001 is allowed/);
    expect(stdout).toMatch(/TrafficSplit bookstore\/bookstore-split \(resourceVersion \d+\)/);
    expect(stdout).toMatch(/TrafficTarget bookstore\/bookbuyer-to-bookstore-v1 \(resourceVersion \d+\)/);
    expect(stdout).toMatch(/HTTPRouteGroup bookstore\/bookstore-routes \(resourceVersion \d+\): match buy-a-book/);
  });

  test('tells why the thief may not buy', async () => {
    const answer = await fsmJson<{ outcome: string; steps: { reason?: string }[] }>(
      cwd,
      ...['why', 'bookthief', 'bookstore', '/buy'],
    );
    expect(answer.outcome).toBe('denied');
    expect(answer.steps.at(-1)?.reason).toBe('no-route-match');
  });
});

describe('a change', () => {
  test('of the split moves every buyer', async () => {
    const from = up.lines.length;
    const { stdout } = await fsm(cwd, 'apply', '-f', demo('split-to-v2.yaml'));
    expect(stdout).toBe('trafficsplit.split.smi-spec.io/bookstore-split configured');
    await up.until(buys('v2'), from);
    const again = await fsm(cwd, 'apply', '-f', demo('split-to-v2.yaml'));
    expect(again.stdout).toBe('trafficsplit.split.smi-spec.io/bookstore-split unchanged');
  });

  test('has a receipt that says who acknowledged it', async () => {
    const receipts = await fsmJson<Receipt[]>(cwd, 'receipts', '--limit', '50');
    const split = receipts.findLast(({ events }) => events.some(({ kind }) => kind === 'TrafficSplit'));
    expect(split).toMatchObject({ proxies: 2, acked: 2 });
    const { stdout } = await fsm(cwd, 'receipts', String(split?.revision));
    expect(stdout).toContain('applied TrafficSplit bookstore/bookstore-split');
    expect(stdout).toMatch(/2 of 2 proxies have acknowledged it/);
    expect(stdout).toMatch(/bookbuyer\/bookbuyer-\S+ +\d+\.\d ms +\d+\.\d ms/);
  });

  test('of the access lets the thief in, and out again', async () => {
    const from = up.lines.length;
    await fsm(cwd, 'apply', '-f', demo('allow-bookthief.yaml'));
    await up.until(/^bookthief → bookstore GET \/buy → 200/, from);
    const later = up.lines.length;
    await fsm(cwd, 'delete', '-f', demo('allow-bookthief.yaml'));
    await up.until(/^bookthief → bookstore GET \/buy → 403/, later);
  });

  test('arrives after the controller was killed, and nobody failed meanwhile', async () => {
    const from = up.lines.length;
    const { controllerPid } = instance();
    process.kill(controllerPid, 'SIGKILL');
    await up.until(/^- Controller: process \d+ ended \(SIGKILL\)/, from);
    await fsm(cwd, 'apply', '-f', demo('manifests/50-split.yaml'));
    await up.until(buys('v1'), from);
    expect(instance().controllerPid).not.toBe(controllerPid);
    const failed = up.lines.slice(from).filter(line => /^book(buyer|store)/.test(line) && !line.includes('→ 200'));
    expect(failed).toEqual([]);
  }, 20_000);
});

describe('what is recorded', () => {
  test('replays to the hashes that the live process says, with and without threads', async () => {
    const state = (await (await fetch(`${instance().readModel}/state`)).json()) as ReplayResult;
    for (const threads of ['0', '2']) {
      const replayed = await fsmJson<ReplayResult>(cwd, 'replay', instance().journal, '--threads', threads);
      expect(replayed).toMatchObject({ revision: state.revision, snapshot: state.snapshot, roots: state.roots });
    }
  }, 20_000);

  test('can be sent as a text that leads to the same', async () => {
    const state = (await (await fetch(`${instance().readModel}/state`)).json()) as ReplayResult;
    await fsm(cwd, 'replay', instance().journal, '--export', 'history.jsonl');
    const { snapshot, roots } = await fsmJson<ReplayResult>(cwd, 'replay', 'history.jsonl');
    expect([snapshot, roots]).toEqual([state.snapshot, state.roots]);
  }, 20_000);

  test('holds no token and no private key, nor do logs and configurations', async () => {
    const secrets = secretsOf(join(cwd, '.fsm'));
    expect(secrets.length).toBeGreaterThan(10);
    const pods = await fsmJson<{ pod: string }[]>(cwd, 'proxy', 'list');
    const configs = await Promise.all(pods.map(({ pod }) => fsm(cwd, 'proxy', 'config', pod, '-o', 'json')));
    const texts = [
      ...filesBelow(join(cwd, '.fsm/logs')).map(path => readFileSync(path, 'latin1')),
      ...filesBelow(join(cwd, '.fsm/state'))
        .filter(path => path.includes('journal.db'))
        .map(path => readFileSync(path, 'latin1')),
      ...configs.map(({ stdout }) => stdout),
      readFileSync(join(cwd, 'history.jsonl'), 'utf8'),
      up.lines.join('\n'),
    ];
    const leaks = (all: readonly string[]) => all.filter(text => secrets.some(secret => text.includes(secret)));
    expect(leaks([`planted: ${secrets[0]}`])).toHaveLength(1);
    expect(leaks(texts)).toEqual([]);
  });
});

describe('a second one', () => {
  test('in the same directory is told who runs there', async () => {
    const { code, stderr } = await fsm(cwd, 'sandbox', 'up', '--port-base', String(base));
    expect(code).toBe(1);
    expect(stderr).toContain(`process ${up.pid}`);
    expect(stderr).toContain(`${base}`);
  });

  test('is told which port is in use, before anything is started', async () => {
    const other = folder();
    const taken = await freePortBase();
    const holder = await hold(taken + 92);
    const { code, stdout, stderr } = await fsm(other.path, 'sandbox', 'up', '--port-base', String(taken));
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(new RegExp(`^FSM6001: port ${taken + 92} on 127.0.0.1 is in use`));
    expect(readdirSync(join(other.path, '.fsm'))).toEqual([]);
    holder.close();
    other.remove();
  });
});

describe('the end', () => {
  test('by Ctrl-C leaves no process and no credentials', async () => {
    expect(processesAt(cwd).length).toBeGreaterThan(12);
    up.kill('SIGINT');
    expect((await up.exited).code).toBe(0);
    expect(processesAt(cwd)).toEqual([]);
    expect(readdirSync(join(cwd, '.fsm')).sort()).toEqual(['bin', 'logs', 'state']);
  });

  test(
    'by SIGKILL leaves no process either, and the next start works',
    async () => {
      up = begin();
      await up.until(buys('v1'));
      up.kill('SIGKILL');
      await up.exited;
      await untilNothingRuns(cwd, 5000);
      up = begin();
      await up.until(/^- Controller: serving/);
      const { code } = await fsm(cwd, 'sandbox', 'down');
      expect(code).toBe(0);
      await up.exited;
      expect(processesAt(cwd)).toEqual([]);
    },
    timeout,
  );
});

function hold(port: number): Promise<Server> {
  return new Promise(resolve => {
    const server = createServer();
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** Tokens and the bodies of private keys, a line each. */
function secretsOf(dir: string): readonly string[] {
  const texts = filesBelow(dir).map(path => ({ path, text: readFileSync(path, 'latin1') }));
  const tokens = texts.filter(({ path }) => path.endsWith('/token')).map(({ text }) => text.trim());
  const [, admin = ''] = /token: (\S+)/.exec(readFileSync(join(dir, 'kubeconfig'), 'utf8')) ?? [];
  const keys = texts.flatMap(({ text }) => {
    const [, body = ''] = /-----BEGIN PRIVATE KEY-----\n([^-]+)/.exec(text) ?? [];
    // The third line of a P-256 key in PKCS#8 is only its public half, which certificates show.
    return body.split('\n').slice(0, 2);
  });
  return [admin, ...tokens, ...keys].filter(secret => secret !== '');
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true })
    .map(name => join(dir, String(name)))
    .filter(path => statSync(path).isFile());
}
