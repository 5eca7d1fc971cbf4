import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sidecarEnvironment } from '../../src/dataplane/driver.ts';
import { type EnrolLogEntry, type EnrolOptions, enrol } from '../../src/dataplane/enrol/enrol.ts';
import { optionsFrom } from '../../src/dataplane/enrol/main.ts';
import { loadOrCreateKey } from '../../src/dataplane/enrol/state.ts';
import { type ControlPlane, dayMs, listen, pod, startControlPlane, workload } from './harness.ts';

let dir: string;
let plane: ControlPlane;
let token: string;
let log: EnrolLogEntry[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fsm-enrol-'));
  plane = await startControlPlane();
  token = plane.tokens.make();
  log = [];
  await writeFile(join(dir, 'token'), `${token}\n`);
  await writeFile(join(dir, 'control.pem'), plane.controlRoot.certificatePem);
});
afterEach(async () => {
  await plane.stop();
  await rm(dir, { recursive: true });
});

function options(changes: Partial<EnrolOptions> = {}): EnrolOptions {
  return {
    podUid: pod.podUid,
    controlPlane: plane.address,
    controlRootFile: join(dir, 'control.pem'),
    tokenFile: join(dir, 'token'),
    stateDir: join(dir, 'state'),
    timeoutMs: 10_000,
    log: entry => void log.push(entry),
    firstPauseMs: 1,
    ...changes,
  };
}

function state(name: string): Promise<string> {
  return readFile(join(dir, 'state', name), 'utf8');
}

describe('the init step', () => {
  it('leaves key, certificate and roots, the key for nobody else', async () => {
    expect(await enrol(options())).toMatchObject({ ok: true, enrolled: true });
    expect((await readdir(join(dir, 'state'))).sort()).toEqual(['cert.pem', 'key.pem', 'trust.pem']);
    expect((await stat(join(dir, 'state', 'key.pem'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, 'state'))).mode & 0o777).toBe(0o700);
    const certificate = new X509Certificate(await state('cert.pem'));
    expect(certificate.checkPrivateKey(await loadOrCreateKey(join(dir, 'state')))).toBe(true);
    expect(await state('trust.pem')).toBe(plane.meshRoot.certificatePem);
    expect(plane.enrolled).toEqual([pod]);
  });

  it('needs nobody when it is run again', async () => {
    await enrol(options());
    const before = await state('cert.pem');
    await plane.stop();
    expect(await enrol(options())).toMatchObject({ ok: true, enrolled: false });
    expect(await state('cert.pem')).toBe(before);
  });

  it('enrols again, with the same key, when a third of the life or less is left', async () => {
    await enrol(options());
    const [key, before] = [await state('key.pem'), await state('cert.pem')];
    expect(await enrol(options({ now: () => Date.now() + 0.6 * dayMs }))).toMatchObject({ enrolled: false });
    expect(await enrol(options({ now: () => Date.now() + 0.7 * dayMs }))).toMatchObject({ enrolled: true });
    expect(await state('cert.pem')).not.toBe(before);
    expect(await state('key.pem')).toBe(key);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['its key was readable by others', () => chmod(join(dir, 'state', 'key.pem'), 0o644)],
    ['its key is broken', () => writeFile(join(dir, 'state', 'key.pem'), 'x', { mode: 0o600 })],
    ['its key is gone', () => rm(join(dir, 'state', 'key.pem'))],
    [
      'its certificate is cut',
      async () => writeFile(join(dir, 'state', 'cert.pem'), (await state('cert.pem')).slice(9)),
    ],
    ['its roots are gone', () => rm(join(dir, 'state', 'trust.pem'))],
    ['its roots are others', () => writeFile(join(dir, 'state', 'trust.pem'), plane.controlRoot.certificatePem)],
  ])('enrols again when %s', async (_, spoil) => {
    await enrol(options());
    await spoil();
    expect(await enrol(options())).toMatchObject({ ok: true, enrolled: true });
    const certificate = new X509Certificate(await state('cert.pem'));
    expect(certificate.checkPrivateKey(await loadOrCreateKey(join(dir, 'state')))).toBe(true);
  });

  it('does not take the certificate of another pod', async () => {
    const result = await enrol(options({ podUid: 'another' }));
    expect(result).toMatchObject({ ok: false, problem: { why: expect.stringContaining('not for pod another') } });
    expect(await readdir(join(dir, 'state'))).toEqual(['key.pem']);
  });

  it('gives up soon when it is refused, with the words of the control plane', async () => {
    await writeFile(join(dir, 'token'), 'nobody.made.this');
    const result = await enrol(options());
    expect(result).toMatchObject({ ok: false, problem: { code: 'FSM2001', why: expect.stringContaining('FSM2001') } });
    expect(log).toHaveLength(3);
  });

  it('tries again until the control plane is there, and reads the token anew', async () => {
    await plane.stop();
    await rm(join(dir, 'token'));
    const port = Number(plane.address.split(':')[1]);
    const result = await enrol(
      options({
        log: entry => {
          log.push(entry);
          if (entry.attempt === 1) writeFileSync(join(dir, 'token'), token);
          if (entry.attempt === 3) plane.server.listen(port, '127.0.0.1');
        },
      }),
    );
    expect(result).toMatchObject({ ok: true });
    expect(log[0]?.reason).toContain('ENOENT');
    expect(log[1]?.reason).toContain('ECONNREFUSED');
    expect(log.at(-1)).toMatchObject({ message: 'enrolled', attempt: log.length });
  });

  it('ends within its time, and says what it could not reach', async () => {
    await plane.stop();
    const result = await enrol(options({ timeoutMs: 400 }));
    expect(result).toMatchObject({ ok: false, problem: { why: expect.stringContaining('ECONNREFUSED') } });
  });

  it('gives its token to nobody but the control plane, not even to a workload of the mesh', async () => {
    const heard: unknown[] = [];
    const impostor = createServer({ ...(await workload(plane.meshRoot)), ALPNProtocols: ['http/1.1'] }, req => {
      heard.push(req.url);
    });
    try {
      const result = await enrol(options({ controlPlane: await listen(impostor), timeoutMs: 400 }));
      expect(result).toMatchObject({ ok: false });
      expect(log[0]?.reason).toContain('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
      expect(heard).toEqual([]);
    } finally {
      impostor.close();
    }
  });

  it('makes one key when two of them run at once', async () => {
    await Promise.all([enrol(options()), enrol(options())]);
    const certificate = new X509Certificate(await state('cert.pem'));
    expect(certificate.checkPrivateKey(await loadOrCreateKey(join(dir, 'state')))).toBe(true);
  });
});

describe('the init step as a program', () => {
  it('runs with the environment of a sidecar, and its log holds no secret', async () => {
    const { code, output } = await run(environment());
    expect(code).toBe(0);
    const lines = output.trim().split('\n');
    expect(lines.map(line => JSON.parse(line))).toMatchObject([
      { level: 'info', component: 'enrol', message: 'enrolled' },
    ]);
    const secret = (await state('key.pem')).split('\n')[1] ?? 'missing';
    expect(output + JSON.stringify(plane.log)).not.toContain(token);
    expect(output + JSON.stringify(plane.log)).not.toContain(secret);
  });

  it('fails with a line that says why', async () => {
    await writeFile(join(dir, 'token'), 'nobody.made.this');
    const { code, output } = await run(environment());
    expect(code).toBe(1);
    expect(output).toMatch(/"level":"error","message":"FSM2001: the pod could not enrol/);
    expect(output).not.toContain('nobody.made.this');
  });

  it('names the variable that is missing or wrong', () => {
    const { FSM_POD_UID, ...without } = environment();
    expect(FSM_POD_UID).toBe(pod.podUid);
    expect(() => optionsFrom(without, () => undefined)).toThrow('FSM_POD_UID');
    const wrong = { ...environment(), FSM_ENROL_TIMEOUT_MS: 'soon' };
    expect(() => optionsFrom(wrong, () => undefined)).toThrow('FSM_ENROL_TIMEOUT_MS');
  });
});

function environment(): Record<string, string> {
  const { podUid, podName, namespace: podNamespace } = pod;
  return sidecarEnvironment({
    podUid,
    podNamespace,
    podName,
    podAddress: '127.0.0.1',
    appAddress: '127.0.0.1',
    controlPlane: plane.address,
    controlRootFile: join(dir, 'control.pem'),
    tokenFile: join(dir, 'token'),
    stateDir: join(dir, 'state'),
  });
}

async function run(env: Record<string, string>): Promise<{ code: number; output: string }> {
  const script = fileURLToPath(new URL('../../src/dataplane/enrol/main.ts', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', chunk => chunks.push(chunk));
  const [code] = await once(child, 'close');
  return { code, output: chunks.join('') };
}
