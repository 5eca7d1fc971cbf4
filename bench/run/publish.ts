/** Leaves a run's report in the cluster that it ran in: a ConfigMap, where there is no disk that outlives the pod. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { loadAccess } from '../../src/kube/access.ts';
import { createClient } from '../../src/kube/client.ts';
import type { ResourceInfo } from '../../src/kube/resource.ts';
import type { Result } from '../model.ts';

const configMaps: ResourceInfo = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

/** A ConfigMap holds 1 MiB at the most; its names and labels need some of it. */
const mostBytes = 1_000_000;

/** Who owns the fields, for server-side apply. */
const fieldManager = 'fsm-bench';

/**
 * Writes `report.md` as text, `result.json.gz` and, if there is room, `report.html.gz`; what an earlier run left under the
 * name is replaced.
 *
 * @param place `<namespace>/<name>`
 * @param labels further ones of the ConfigMap
 * @throws Error when the place is none, the result is too large, or the cluster refuses
 */
export async function publish(
  dir: string,
  place: string,
  result: Result,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { namespace, name } = placeOf(place);
  const client = createClient(await loadAccess());
  try {
    const metadata = { namespace, name, labels: { ...labels, ...labelsOf(result) } };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...contentsOf(dir) };
    await client.patch(configMaps, { namespace, name }, 'apply', object, { fieldManager, force: true });
  } finally {
    client.close();
  }
}

/** @throws Error when a place cannot be written to for what it is, or there is no cluster: before a run, not after it */
export async function checkPlace(place: string): Promise<void> {
  placeOf(place);
  await loadAccess();
}

function placeOf(place: string): { readonly namespace: string; readonly name: string } {
  const [namespace, name, ...rest] = place.split('/');
  if (!namespace || !name || rest.length > 0)
    throw new Error(`--configmap is ${place}: give <namespace>/<name> of a ConfigMap`);
  return { namespace, name };
}

function labelsOf({ suite, machine }: Result): Readonly<Record<string, string>> {
  return {
    'app.kubernetes.io/name': 'fsm-bench',
    'bench.flomesh.io/arch': machine.arch,
    'bench.flomesh.io/suite': labelValue(suite.name),
  };
}

/** At most 63 letters, digits, `-`, `_` and `.`, and a letter or digit at either end. */
function labelValue(text: string): string {
  const allowed = text.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 63);
  return allowed.replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
}

/** Files of a run as a ConfigMap holds them. @throws Error when even the result alone is too large */
function contentsOf(dir: string) {
  const text = readFileSync(join(dir, 'report.md'), 'utf8');
  const zipped = (file: string) => gzipSync(readFileSync(join(dir, file)));
  const [result, page] = [zipped('result.json'), zipped('report.html')];
  const needed = Buffer.byteLength(text) + result.length;
  if (needed > mostBytes)
    throw new Error(`the result has ${needed} bytes, more than a ConfigMap holds: give the run a volume instead`);
  const more = needed + page.length > mostBytes ? {} : { 'report.html.gz': page.toString('base64') };
  return { data: { 'report.md': text }, binaryData: { 'result.json.gz': result.toString('base64'), ...more } };
}
