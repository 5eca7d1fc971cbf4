import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SidecarSpec } from '../../src/dataplane/driver.ts';
import { pipyDriver } from '../../src/dataplane/pipy/driver.ts';

const spec: SidecarSpec = {
  podUid: 'u',
  podNamespace: 'default',
  podName: 'p',
  podAddress: '127.0.0.2',
  appAddress: '127.0.0.3',
  controlPlane: '127.0.0.1:1',
  controlRootFile: '/root.pem',
  tokenFile: '/token',
  stateDir: '/state',
};

describe('the Pipy driver', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fsm-driver-'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** A program that behaves as `pipy -v` does. */
  function program(script: string): string {
    const file = join(folder, 'pipy');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  it('says why it cannot be used where there is no Pipy', async () => {
    vi.stubEnv('PIPY_BIN', '');
    vi.stubEnv('PATH', folder);
    expect(await pipyDriver.describe()).toEqual({ usable: false, why: expect.stringContaining('PIPY_BIN') });
  });

  it('finds pipy on the PATH', async () => {
    vi.stubEnv('PIPY_BIN', '');
    vi.stubEnv('PATH', `${folder}:/bin:/usr/bin`);
    program('echo "Version          : 2.0.2"');
    expect(await pipyDriver.describe()).toEqual({ usable: true, text: expect.stringContaining('Pipy 2.0.2') });
  });

  it('takes the version of a process that hangs at its exit', async () => {
    vi.stubEnv('PIPY_BIN', program('echo "Version          : 1.5.18"; exec sleep 60'));
    expect(await pipyDriver.describe()).toMatchObject({ usable: true });
  });

  it('refuses a version whose API is another', async () => {
    vi.stubEnv('PIPY_BIN', program('echo "Version          : 1.4.9"'));
    expect(await pipyDriver.describe()).toEqual({ usable: false, why: expect.stringContaining('1.4.9') });
  });

  it('starts the scripts of this repository with the environment of a sidecar, and stops them with SIGINT', () => {
    const command = pipyDriver.sidecar(spec);
    expect(command.args).toEqual([expect.stringMatching(/src\/dataplane\/pipy-sidecar\.js$/)]);
    expect(command).toMatchObject({ stopSignal: 'SIGINT', env: { FSM_POD_UID: 'u', FSM_STATE_DIR: '/state' } });
    expect(pipyDriver.init(spec).args).toEqual([expect.stringMatching(/src\/dataplane\/enrol\/main\.ts$/)]);
  });
});
