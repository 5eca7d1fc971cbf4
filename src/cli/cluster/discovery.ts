/** Which kinds a cluster serves: asked of its API, so that any kind of any cluster can be named. */
import type { KubeClient } from '../../kube/client.ts';
import { isRecord } from '../../kube/object.ts';
import type { ResourceInfo } from '../../kube/resource.ts';
import { usage } from '../failure.ts';

export interface Discovered extends ResourceInfo {
  readonly singular: string;
  readonly shortNames: readonly string[];
}

/** Kinds of one group and version (meta/v1 APIResourceList). Subresources are left out. */
async function kindsOf(client: KubeClient, apiVersion: string): Promise<readonly Discovered[]> {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const list = await client.request({
    method: 'GET',
    path,
    subject: { verb: 'discover', of: `kinds of ${apiVersion}` },
  });
  const resources = isRecord(list) && Array.isArray(list.resources) ? list.resources.filter(isRecord) : [];
  return resources
    .filter(({ name }) => !String(name).includes('/'))
    .map(({ name, singularName, kind, namespaced, shortNames }) => ({
      kind: String(kind),
      group: group ?? '',
      version: version ?? '',
      plural: String(name),
      singular: String(singularName || String(kind).toLowerCase()),
      shortNames: Array.isArray(shortNames) ? shortNames.map(String) : [],
      namespaced: namespaced === true,
    }));
}

/** Preferred version of every group but the core (meta/v1 APIGroupList). */
async function groupVersions(client: KubeClient): Promise<readonly string[]> {
  const list = await client.request({ method: 'GET', path: '/apis', subject: { verb: 'discover', of: 'API groups' } });
  const groups = isRecord(list) && Array.isArray(list.groups) ? list.groups.filter(isRecord) : [];
  return groups.map(({ preferredVersion }) => String(isRecord(preferredVersion) ? preferredVersion.groupVersion : ''));
}

/**
 * The kind that a person means: plural, singular, short name or kind, in any case, with the group behind a dot where
 * the name alone is not enough. Core kinds go before others, as with kubectl.
 *
 * @throws ProblemError FSM6003 when the cluster has no such kind
 */
export async function findKind(client: KubeClient, name: string): Promise<Discovered> {
  const core = (await kindsOf(client, 'v1')).find(kind => isCalled(kind, name));
  if (core !== undefined) return core;
  const versions = await groupVersions(client);
  // One group that cannot be read (an aggregated API that is down) does not hide the others.
  const results = await Promise.allSettled(versions.map(version => kindsOf(client, version)));
  const found = results.flatMap(result => (result.status === 'fulfilled' ? result.value : []));
  const kind = found.find(one => isCalled(one, name));
  if (kind === undefined)
    throw usage(`the cluster has no kind called ${name}`, 'use a kind such as pods or trafficsplits');
  return kind;
}

function isCalled({ kind, plural, singular, shortNames, group }: Discovered, name: string): boolean {
  const [first = '', ...rest] = name.toLowerCase().split('.');
  const given = rest.join('.');
  return [kind.toLowerCase(), plural, singular, ...shortNames].includes(first) && (given === '' || group === given);
}

/** The kind of a manifest. @throws ProblemError FSM4001, FSM6003 */
export async function kindOfManifest(client: KubeClient, apiVersion: string, kind: string): Promise<Discovered> {
  const found = (await kindsOf(client, apiVersion)).find(one => one.kind === kind);
  if (found === undefined) throw usage(`the cluster has no kind ${kind} in ${apiVersion}`, 'check apiVersion and kind');
  return found;
}

/** `trafficsplit.split.smi-spec.io`, `pod`: how kubectl writes a kind in front of a name. */
export function qualified({ singular, group }: Discovered): string {
  return group === '' ? singular : `${singular}.${group}`;
}
