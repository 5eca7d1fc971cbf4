import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { oracle } from '../../src/admin/decisions.ts';
import { exportHistory } from '../../src/engine/export.ts';
import { historyText } from '../../src/engine/history.ts';
import type { KubeObject } from '../../src/sandbox/api/objects.ts';
import { adminToken } from '../sandbox/api/cluster.ts';
import { bookstore } from './bookstore.ts';
import { type Mesh, startMesh } from './mesh.ts';

let mesh: Mesh;
const planted = Buffer.from('the password of the bookstore').toString('base64');

beforeAll(async () => {
  mesh = await startMesh();
  bookstore(mesh);
  mesh.put({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'bookstore', name: 'till' },
    data: { password: planted },
  } as unknown as KubeObject);
  mesh.put({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'bookstore',
      name: 'till',
      annotations: { note: planted },
      labels: { 'fsm-proxy-uuid': 'till' },
    },
    spec: {
      containers: [{ name: 'till', image: 'none', env: [{ name: 'PASSWORD', value: planted }], args: [planted] }],
    },
  } as unknown as KubeObject);
  await mesh.controller.synced;
  for (const name of ['bookbuyer', 'bookthief']) {
    const proxy = await mesh.proxy(name, `${name}-1`);
    await proxy.until(nodes => nodes.length > 0);
  }
});
afterAll(() => mesh.close());

/** Every file below a directory whose name satisfies a condition. */
async function filesBelow(dir: string, wanted: (name: string) => boolean): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile() && wanted(entry.name)).map(entry => join(entry.parentPath, entry.name));
}

/** What would give a key or token away. The third line of a P-256 key in PKCS#8 is only its public half, as in a certificate. */
async function secrets(): Promise<string[]> {
  const files = await filesBelow(mesh.stateDir, name => name === 'key.pem' || name === 'root.pem' || name === 'token');
  const found = await Promise.all(files.map(file => readFile(file, 'utf8')));
  return [...found.flatMap(secretLines), adminToken, planted];
}

function secretLines(text: string): string[] {
  if (!text.includes('-----BEGIN')) return [text.trim()];
  const keys = text.match(/-----BEGIN[A-Z ]*PRIVATE KEY-----[^-]+/g) ?? [];
  return keys.flatMap(key => key.split('\n').slice(1, 3));
}

/** Everything that the control plane writes down or shows. */
async function shown(): Promise<Record<string, string>> {
  const journal = await filesBelow(mesh.stateDir, name => name.startsWith('journal.db'));
  const texts: Record<string, string> = { logs: mesh.logs.join('\n') };
  for (const file of journal) texts[file] = await readFile(file, 'latin1');
  const way = { file: join(mesh.stateDir, 'journal.db'), threads: 0, oracle };
  texts.export = historyText(await exportHistory(way));
  for (const path of [
    '/state',
    '/proxies',
    '/problems',
    '/receipts',
    '/proxies/bookbuyer/bookbuyer-1/config',
    '/why?client=bookbuyer&service=bookstore',
  ])
    texts[path] = JSON.stringify(await mesh.ask(path));
  return texts;
}

function leaks(texts: Record<string, string>, wanted: readonly string[]): string[] {
  return Object.entries(texts).flatMap(([where, text]) =>
    wanted.filter(secret => text.includes(secret)).map(() => where),
  );
}

it('shows no key, token or secret anywhere', async () => {
  const wanted = await secrets();
  const texts = await shown();
  expect(wanted.length).toBeGreaterThanOrEqual(8);
  expect(Object.keys(texts).some(name => name.endsWith('journal.db'))).toBe(true);
  expect(texts.export).toContain('"bookstore/till"');
  expect(leaks(texts, wanted)).toEqual([]);
});

it('would find one that was logged', async () => {
  const wanted = await secrets();
  for (const secret of wanted) expect(leaks({ logs: `level info token ${secret}` }, wanted)).toContain('logs');
});
