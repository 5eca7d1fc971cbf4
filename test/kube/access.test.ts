import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { loadAccess } from '../../src/kube/access.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fsm-access-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** Writes a kubeconfig of one cluster and returns its path. */
async function kubeconfig(name: string, user: object, cluster: object = {}): Promise<string> {
  const path = join(folder, name);
  const text = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [
      { name: 'here', context: { cluster: 'c', user: 'u' } },
      { name: 'nobody', context: { cluster: 'c' } },
    ],
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
  });
  await writeFile(path, text);
  return path;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

it('reads certificates from data and from files beside the kubeconfig', async () => {
  await writeFile(join(folder, 'key.pem'), 'THE KEY');
  const user = { 'client-certificate-data': base64('THE CERTIFICATE'), 'client-key': 'key.pem' };
  const path = await kubeconfig('certificates', user, { 'certificate-authority-data': base64('THE CA') });
  expect(await loadAccess({ kubeconfig: path })).toEqual({
    server: 'https://10.0.0.1:6443',
    ca: 'THE CA',
    certificate: 'THE CERTIFICATE',
    key: 'THE KEY',
  });
});

it('prefers a token file to a token, as kubectl does', async () => {
  const path = await kubeconfig('tokens', { token: 'old', tokenFile: 'token' });
  expect(await loadAccess({ kubeconfig: path })).toEqual({
    server: 'https://10.0.0.1:6443',
    tokenFile: join(folder, 'token'),
  });
});

it('takes the context that is asked for, and the kubeconfig of the environment', async () => {
  const KUBECONFIG = await kubeconfig('contexts', { token: 'secret' }, { 'insecure-skip-tls-verify': true });
  const server = 'https://10.0.0.1:6443';
  expect(await loadAccess({ env: { KUBECONFIG } })).toEqual({ server, token: 'secret', skipVerify: true });
  expect(await loadAccess({ env: { KUBECONFIG }, context: 'nobody' })).toEqual({ server, skipVerify: true });
});

it('asks a credential plugin', async () => {
  const credential = {
    kind: 'ExecCredential',
    apiVersion: 'client.authentication.k8s.io/v1',
    status: { token: 'fresh' },
  };
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: ['-p', JSON.stringify(JSON.stringify(credential))],
    interactiveMode: 'Never',
  };
  const path = await kubeconfig('plugin', { exec }, { 'certificate-authority-data': base64('THE CA') });
  const access = await loadAccess({ kubeconfig: path });
  expect(access).toMatchObject({ server: 'https://10.0.0.1:6443', ca: 'THE CA' });
  expect(await access.credentials?.()).toEqual({ token: 'fresh' });
});

it.each([
  ['a file that is not there', () => join(folder, 'none'), /ENOENT/],
  ['a context that is not in it', () => kubeconfig('missing', {}), /no "other" among its contexts/],
])('names %s', async (_, path, words) => {
  const failure = loadAccess({ kubeconfig: await path(), context: 'other' });
  await expect(failure).rejects.toMatchObject({ problem: { code: 'FSM6004', what: expect.stringMatching(words) } });
});

it('says what to do where there is no cluster at all', async () => {
  const failure = loadAccess({ env: { HOME: join(folder, 'nowhere') } });
  await expect(failure).rejects.toThrow(
    /FSM6004: neither KUBECONFIG nor .* Fix: start a sandbox with "fsm sandbox up"/,
  );
});
