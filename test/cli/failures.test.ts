/**
 * Whatever is wrong with the machine, the files or the command line: a problem with a code, an exit code, and never a
 * stack trace. Every row runs the program itself.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { problemOf } from '../../src/cli/problem-of.ts';
import { freePortBase } from '../sandbox/e2e/user.ts';
import { fsm, type Result, writeKubeconfig } from './run.ts';

const dir = mkdtempSync(join(tmpdir(), 'fsm-failures-'));
const at = (name: string) => join(dir, name);
let server: Server;

/** What the server answers to everything. */
let answer = { status: 200, body: '' };

beforeAll(async () => {
  server = createServer((_, response) => void response.writeHead(answer.status).end(answer.body));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  writeKubeconfig(at('kc-server'), url);
  writeKubeconfig(at('kc-refused'), 'http://127.0.0.1:1');
  writeKubeconfig(at('kc-badurl'), '::::');
  writeKubeconfig(at('kc-ftp'), 'ftp://127.0.0.1');
  writeKubeconfig(at('kc-badca'), `https://127.0.0.1:${port}`, 'no PEM');
  writeFileSync(at('file'), 'hello\n');
  writeFileSync(at('binary'), Buffer.from([0x53, 0x00, 0xff, 0x0a, 0x3a, 0x0a, 0x7b, 0xfe]));
  writeFileSync(at('brace.json'), '{');
  writeFileSync(at('one.json'), '{"a":1}');
  mkdirSync(at('folder'));
  for (const [name, content] of Object.entries({
    list: '[]',
    empty: '{}',
    null: 'null',
    text: 'nope',
    cut: '{"pid":',
  })) {
    mkdirSync(at(name));
    writeFileSync(at(`${name}/sandbox.json`), content);
  }
  mkdirSync(at('nested/sandbox.json'), { recursive: true });
  mkdirSync(at('up'));
  const running = { readModel: url, kubeconfig: at('kc-server'), journal: at('j'), ports: {} };
  writeFileSync(at('up/sandbox.json'), JSON.stringify({ pid: process.pid, startTicks: ticks(), ...running }));
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true });
});

/** When this process began, as a sandbox writes it (proc_pid_stat(5), field 22). */
function ticks(): number {
  const stat = execFileSync('cat', [`/proc/${process.pid}/stat`], { encoding: 'utf8' });
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

function expectProblem({ code, stderr, stdout }: Result, what?: RegExp): void {
  expect(`${stdout}\n${stderr}`).not.toMatch(/^\s+at /m);
  expect(stderr).toMatch(/^(FSM\d{4}|error:)/);
  expect(stderr).not.toContain('FSM6006');
  expect(code).toBeGreaterThan(0);
  if (what !== undefined) expect(stderr).toMatch(what);
}

const inDir = (dirs: readonly string[], ...commands: readonly string[]) =>
  commands.flatMap(command => dirs.map(name => `${command} --dir ${name}`));

describe('a command', () => {
  test.each([
    ...inDir(['file', 'nested'], 'get pods', 'why a b', 'version', 'sandbox down'),
    ...inDir(['nosuch'], 'get pods', 'receipts', 'sandbox down'),
    ...['list', 'empty', 'null', 'text', 'cut'].map(name => `check --dir ${name}`),
    ...['binary', 'folder', 'nosuch', 'kc-refused', 'kc-badurl', 'kc-ftp', 'kc-badca'].map(
      name => `get pods --kubeconfig ${name}`,
    ),
    'get pods --kubeconfig kc-server --context nosuch',
    'apply -f file --kubeconfig kc-refused',
    'apply -f nosuch --kubeconfig kc-refused',
    'apply -f folder --kubeconfig kc-refused',
    'delete pod a --kubeconfig kc-badurl',
    ...['binary', 'folder', 'nosuch', 'brace.json'].map(name => `replay ${name}`),
    'replay file --threads x',
    'receipts abc --dir up',
    'receipts --limit -1 --dir up',
    ...[
      '',
      'sandbox',
      'proxy',
      'proxy config',
      'apply',
      'get',
      'why a',
      'delete',
      'nosuch',
      '--nosuch',
      'get pods -o x',
    ],
    'sandbox up --port-base x',
    'sandbox up --port-base 1',
    'sandbox up --threads -1',
    'sandbox up --engine x',
    'sandbox up --dir /proc/x',
    'sandbox up --dir /dev/null',
    'sandbox up --dir file',
    'sandbox up --dir file/below',
    'sandbox up --dir nested',
  ])('%s', async line => {
    answer = { status: 404, body: 'no' };
    expectProblem(await fsm(line.split(' ').filter(Boolean), { cwd: dir }));
  });
});

describe('a server that answers', () => {
  const commands = ['get pods --dir up', 'check --dir up'];

  test.each([
    ['nothing', { status: 200, body: '' }],
    ['a web page', { status: 200, body: '<html>\n  at home' }],
    ['an error that is no JSON', { status: 500, body: 'oops' }],
    ['half of a JSON', { status: 200, body: '{"kind":' }],
    ['what it does not have', { status: 404, body: '{}' }],
  ])('%s', async (_, given) => {
    answer = given;
    writeFileSync(at('one.yaml'), '{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }');
    for (const line of commands) expectProblem(await fsm(line.split(' '), { cwd: dir }));
  });
});

test('what a control plane advises names the sandbox that was asked', async () => {
  const problem = {
    code: 'FSM1002',
    path: '',
    what: 'no pod',
    why: 'so',
    fix: 'look at fsm get pods -A or "fsm proxy list"',
  };
  answer = { status: 404, body: JSON.stringify({ problem }) };
  const { stderr } = await fsm(['why', 'a', 'b', '--dir', 'up'], { cwd: dir });
  expect(stderr).toContain('Fix: look at fsm get --dir up pods -A or "fsm proxy list --dir up"');
});

const root = process.getuid?.() === 0;
const main = join(import.meta.dirname, '../../src/cli/main.ts');

/** Rights mean nothing to root, so root becomes somebody else. */
const somebody = root ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] : [];

function asSomebody(args: readonly string[]): Result {
  const [file = '', ...rest] = [...somebody, process.execPath, ...args];
  const { status, stdout, stderr } = spawnSync(file, rest, { encoding: 'utf8', cwd: '/', env: { HOME: '/nowhere' } });
  return { code: status, stdout: stdout ?? '', stderr: stderr ?? '' };
}

const canBeSomebody = asSomebody([main, '--version']).code === 0;

describe.skipIf(!canBeSomebody)(
  `a folder without rights${canBeSomebody ? '' : ' (skipped: no setpriv, or the checkout is closed to others)'}`,
  () => {
    beforeAll(() => {
      chmodSync(dir, 0o755);
      mkdirSync(at('closed'), { mode: 0o000 });
    });

    test.each([
      'sandbox up --dir',
      'sandbox down --dir',
      'version --dir',
      'check --dir',
      'get pods --dir',
      'get pods --kubeconfig',
      'apply --kubeconfig nowhere -f',
      'replay',
    ])('%s', line => {
      expectProblem(asSomebody([main, ...line.split(' '), at('closed/x')]), /^FSM\d{4}: /);
    });
  },
);

describe('output', () => {
  test.each([
    '--help',
    '--version',
    'version',
    'get pods --help',
    'replay one.json',
    'get pods --kubeconfig kc-server -o json',
  ])('of %s that has no room is a failure that is told', async line => {
    const { code, stderr } = await fsm(line.split(' '), { cwd: dir, into: '/dev/full' });
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/^FSM\d{4}: /);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test.each(['--help', 'version', 'get pods --kubeconfig kc-server -o json'])(
    'of %s that nobody reads ends it quietly',
    async line => {
      answer = { status: 404, body: '{}' };
      const { code, stderr } = await fsm(line.split(' '), { cwd: dir, nobodyReads: true });
      expect(code).toBe(141);
      expect(stderr.replace(/^FSM4001.*\n/, '')).toBe('');
    },
  );
});

const canMount = root && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]).status === 0;
if (canMount) execFileSync('umount', [dir]);

describe.skipIf(!canMount)(
  `a disk that is full${canMount ? '' : ' (skipped: only root can mount a small one)'}`,
  () => {
    beforeAll(() => mkdirSync(at('disk')));

    /** Runs something on a disk of so many KiB. */
    const onDisk = async <T>(size: number, work: () => Promise<T>): Promise<T> => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}k`, 'tmpfs', at('disk')]);
      try {
        return await work();
      } finally {
        execFileSync('umount', [at('disk')]);
      }
    };

    test('takes a part of the output: that is a failure, too', async () => {
      answer = { status: 200, body: JSON.stringify([{ pod: 'a/b', filler: 'x'.repeat(20_000) }]) };
      await onDisk(8, async () => {
        const { code, stderr } = await fsm(['proxy', 'list', '--dir', 'up', '-o', 'json'], {
          cwd: dir,
          into: at('disk/out'),
        });
        expect(statSync(at('disk/out')).size).toBeGreaterThan(0);
        expect(code).toBe(1);
        expect(stderr).toMatch(/^FSM6005: .*ENOSPC/);
      });
    });

    test.each([4, 12, 24, 48])(
      'of %i KiB: the sandbox does not start, and nothing that it made is left',
      async size => {
        const base = await freePortBase();
        await onDisk(size, async () => {
          const result = await fsm(['sandbox', 'up', '--no-demo', '--dir', 'disk/s', '--port-base', String(base)], {
            cwd: dir,
          });
          expectProblem(result, /^FSM6/);
          const left = readdirSync(at('disk/s'), { recursive: true }).filter(
            name => !/^logs(\/.*\.log)?$/.test(String(name)),
          );
          expect(left).toEqual([]);
        });
      },
    );
  },
);

test.each([
  [new Error('x\n    at y'), 'FSM6006', 'x'],
  ['text', 'FSM6006', 'text'],
  [undefined, 'FSM6006', 'undefined'],
  [
    Object.assign(new Error('m'), { code: 'ENOSPC', syscall: 'write', path: '/d/f' }),
    'FSM6005',
    '/d/f cannot be written',
  ],
  [Object.assign(new Error('m'), { code: 'EACCES', syscall: 'mkdir', path: '/d' }), 'FSM6005', '/d cannot be made'],
  [Object.assign(new Error('m'), { code: 'EWHAT', syscall: 'what' }), 'FSM6005', 'cannot be used (EWHAT)'],
  [Object.assign(new Error('corrupt'), { code: 'ERR_SQLITE_ERROR' }), 'FSM5001', 'the journal'],
])('%o becomes a problem', (error, code, what) => {
  const problem = problemOf(error);
  expect(problem.code).toBe(code);
  expect(problem.what).toContain(what);
  expect(problem.what).not.toContain('\n');
});
