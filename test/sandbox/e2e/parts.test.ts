/** The parts of the kubelet that can be looked at alone. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createAddressPool, podsMax } from '../../../src/sandbox/addresses.ts';
import type { KubeObject } from '../../../src/sandbox/api/objects.ts';
import type { Pod } from '../../../src/sandbox/controllers/types.ts';
import { startTicksOf } from '../../../src/sandbox/instance.ts';
import { createAdmission, isMeshed } from '../../../src/sandbox/kubelet/admission.ts';
import { environmentOf, expand, programOf } from '../../../src/sandbox/kubelet/spec.ts';
import { newContainer, podStatus } from '../../../src/sandbox/kubelet/status.ts';
import { Backoff } from '../../../src/sandbox/kubelet/timing.ts';
import { createLogFile } from '../../../src/sandbox/logs.ts';
import { portsFrom } from '../../../src/sandbox/ports.ts';
import { createProcesses } from '../../../src/sandbox/processes.ts';
import { shellQuoted } from '../../../src/sandbox/shell.ts';

const scratch = () => mkdtempSync(join(tmpdir(), 'fsm-parts-'));

const pod = (annotations: Record<string, string> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'shop', annotations },
  spec: { containers: [{ name: 'app' }] },
});

describe('addresses', () => {
  test('come in pairs, are kept, and are given again last', () => {
    const pool = createAddressPool(17_000);
    expect(pool.take('a')).toEqual({ pod: '127.66.104.2', app: '127.66.104.3' });
    expect(pool.take('a')?.pod).toBe('127.66.104.2');
    pool.give('a');
    expect(pool.take('b')?.pod).toBe('127.66.104.4');
  });

  test('end at the end of the block', () => {
    const pool = createAddressPool(1024);
    const taken = Array.from({ length: podsMax }, (_, i) => pool.take(String(i))?.pod);
    expect(new Set(taken).size).toBe(podsMax);
    expect(taken.at(-1)).toBe('127.4.0.252');
    expect(pool.take('one more')).toBeUndefined();
  });
});

test('a port base leaves room for every port', () => {
  expect(portsFrom(17_000)).toEqual({ api: 17_000, dataPlane: 17_001, metrics: 17_091, readModel: 17_092 });
  for (const base of [80, 65_500, 17_000.5]) expect(() => portsFrom(base)).toThrow('FSM6003');
});

describe('admission', () => {
  const namespace = (labels: Record<string, string>, annotations: Record<string, string> = {}) =>
    ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels, annotations } }) as KubeObject;
  const enrolled = { 'flomesh.io/monitored-by': 'fsm' };
  const enabled = { 'flomesh.io/sidecar-injection': 'enabled' };

  test.each([
    ['an enrolled namespace', namespace(enrolled, enabled), pod(), true],
    ['a pod that says no', namespace(enrolled, enabled), pod({ 'flomesh.io/sidecar-injection': 'no' }), false],
    ['a pod that says yes', namespace(enrolled), pod(enabled), true],
    ['a namespace without injection', namespace(enrolled), pod(), false],
    ['an ignored namespace', namespace({ ...enrolled, 'flomesh.io/ignore': 'true' }, enabled), pod(), false],
    ['a namespace of another mesh', namespace({ 'flomesh.io/monitored-by': 'other' }, enabled), pod(enabled), false],
    ['no namespace', undefined, pod(enabled), false],
  ])('of %s', (_, owner, given, meshed) => {
    const lookup = (id: string) => (id === 'namespaces' ? owner : given);
    const admitted = createAdmission(lookup, 'node')('Pod', given) as Pod;
    expect(isMeshed(admitted)).toBe(meshed);
    expect(admitted.spec.containers.map(({ name }) => name)).toEqual(meshed ? ['app', 'sidecar'] : ['app']);
    expect(admitted.spec.nodeName).toBe('sandbox');
  });
});

test.each([
  [undefined, 'default'],
  ['shopper', 'shopper'],
])('a pod of account %s is not admitted before the account is there', (serviceAccountName, account) => {
  const given = { ...pod(), spec: { ...pod().spec, ...(serviceAccountName && { serviceAccountName }) } };
  const asked: string[] = [];
  const admit = createAdmission((id, namespace, name) => {
    asked.push(`${id} ${namespace}/${name}`);
    return undefined;
  }, 'node');
  expect(() => admit('Pod', given)).toThrow(
    `pods "p" is forbidden: error looking up service account shop/${account}: serviceaccount "${account}" not found`,
  );
  expect(asked).toEqual([`serviceaccounts shop/${account}`]);
  expect(admit('ConfigMap', given)).toBe(given);
});

describe('containers', () => {
  test('get variables in their command as a kubelet expands them', () => {
    expect(expand('$(A)-$(B)-$$(A)-$', { A: '1' })).toBe('1-$(B)-$(A)-$');
    const env = [{ name: 'URL', value: 'http://$(HOST)' }, { name: 'EMPTY' }];
    expect(environmentOf({ name: 'c', env }, { HOST: 'h' })).toEqual({ HOST: 'h', URL: 'http://h', EMPTY: '' });
  });

  test('are waited for longer each time, up to a bound, and anew after a long life', () => {
    const backoff = new Backoff(100, 300);
    expect([0, 0, 0, 0, 1000, 0].map(livedMs => backoff.next(livedMs))).toEqual([100, 200, 300, 300, 100, 200]);
  });

  test('make the pod ready together', () => {
    const [app, sidecar] = [newContainer('app'), newContainer('sidecar')];
    const facts = { ip: '127.1.1.2', startedAtMs: 0, containers: [app, sidecar], initialized: true, stopping: false };
    expect(podStatus(pod(), facts, 0)).toMatchObject({ phase: 'Pending' });
    Object.assign(app, { state: 'running', ready: true });
    Object.assign(sidecar, { state: 'running', ready: true });
    const status = podStatus(pod(), facts, 0) as NonNullable<Pod['status']>;
    expect(status).toMatchObject({ phase: 'Running', podIP: '127.1.1.2' });
    const ready = (stopping: boolean) =>
      (podStatus({ ...pod(), status }, { ...facts, stopping }, 5000) as typeof status).conditions?.at(-1);
    expect(ready(false)).toEqual({ type: 'Ready', status: 'True', lastTransitionTime: '1970-01-01T00:00:00Z' });
    expect(ready(true)).toEqual({ type: 'Ready', status: 'False', lastTransitionTime: '1970-01-01T00:00:05Z' });
  });
});

describe('a log', () => {
  test('is read from its end and followed to its end', async () => {
    const log = createLogFile(join(scratch(), 'log'));
    for (const line of ['a', 'b', 'c']) log.write(line);
    const lines: string[] = [];
    const reading = (async () => {
      const options = { follow: true, tailLines: 2, signal: new AbortController().signal };
      for await (const line of log.read(options)) lines.push(line);
    })();
    while (lines.length < 2) await turn();
    log.write('d');
    log.close();
    await reading;
    expect(lines).toEqual(['b\n', 'c\n', 'd\n']);
  });
});

describe('a log on a disk that fails', () => {
  test('loses lines and nothing else, says so once, and goes on when it can', () => {
    const folder = join(scratch(), 'later');
    const troubles: unknown[] = [];
    const log = createLogFile(join(folder, 'log'), error => troubles.push(error));
    for (const line of ['lost 1', 'lost 2']) log.write(line);
    expect(troubles).toHaveLength(1);
    mkdirSync(folder);
    log.write('kept');
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('kept\n');
    log.close();
  });

  test('is of this pod only, not of an earlier one of the same name', async () => {
    const path = join(scratch(), 'log');
    writeFileSync(path, 'earlier\n');
    const log = createLogFile(path);
    log.write('mine');
    const lines: string[] = [];
    for await (const line of log.read({ follow: false, signal: new AbortController().signal })) lines.push(line);
    expect(lines).toEqual(['mine\n']);
    log.close();
  });
});

describe('a path', () => {
  test.each(["it's", 'a "b"', '$HOME', '`id`', '100%', 'a\\b', 'a\nb', ' ', "'", '*?[!]', 'ü', '-n', 'a;b&c|d>e'])(
    'with %j reaches a program through a shell as it is',
    async name => {
      const folder = join(scratch(), `x${name}`);
      mkdirSync(folder);
      writeFileSync(join(folder, 'say.cjs'), 'console.log(JSON.stringify(process.argv.slice(2)))');
      const script = join(folder, 'run');
      const words = [process.execPath, join(folder, 'say.cjs'), name].map(shellQuoted).join(' ');
      writeFileSync(script, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o700 });
      const processes = createProcesses();
      const { promise: line, resolve } = Promise.withResolvers<string>();
      const child = await processes.start({ file: script, args: [name], env: {} }, resolve);
      expect(JSON.parse(await line)).toEqual([name, name]);
      await child.exited;
      await processes.close();
    },
  );

  test('of a command of the sandbox needs no shell at all', () => {
    const own = { 'fsm-demo': { file: "/it's/node", args: ["/it's/main.ts"] } };
    expect(programOf('fsm-demo', ['bookstore'], own)).toEqual({
      file: "/it's/node",
      args: ["/it's/main.ts", 'bookstore'],
    });
    expect(programOf('sleep', ['1'], own)).toEqual({ file: 'sleep', args: ['1'] });
    expect(programOf('toString', [], own)).toEqual({ file: 'toString', args: [] });
  });
});

describe('processes', () => {
  const node = (script: string) => ({ file: process.execPath, args: ['-e', script], env: {} });

  test('are told apart from later ones with the same id', () => {
    expect(startTicksOf(process.pid)).toBeGreaterThan(0);
    expect(startTicksOf(2 ** 22)).toBeUndefined();
  });

  test('are killed when they do not end in time, with what they have started', async () => {
    const processes = createProcesses();
    const stubborn = `
      process.on('SIGTERM', () => console.log('no'));
      const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const { promise: grandchild, resolve } = Promise.withResolvers<number>();
    const child = await processes.start(node(stubborn), line => resolve(Number(line)));
    const pid = await grandchild;
    expect(await child.stop('SIGTERM', 100)).toEqual({ code: null, signal: 'SIGKILL' });
    while (startTicksOf(pid) !== undefined) await turn();
    await processes.close();
  });

  test('go when the reaper is closed, even when the reaper itself was killed before', async () => {
    const processes = createProcesses();
    const child = await processes.start(node('setInterval(() => {}, 1000)'), () => undefined);
    const [reaper = 0] = childrenOf(process.pid).filter(pid => nameOf(pid) === 'sh');
    process.kill(reaper, 'SIGKILL');
    while (!childrenOf(process.pid).some(pid => pid !== reaper && nameOf(pid) === 'sh')) await turn();
    await processes.close();
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('that cannot be run are named', async () => {
    const processes = createProcesses();
    const program = { file: join(scratch(), 'nothing'), args: [], env: {} };
    await expect(processes.start(program, () => undefined)).rejects.toThrow('FSM6002');
    await processes.close();
  });
});

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}
