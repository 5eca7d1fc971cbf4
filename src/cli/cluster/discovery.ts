/** Which kinds a cluster serves: asked of its API, so that any kind of any cluster can be named. */
import { ProblemError } from '../../api/problem.ts';
import type { KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { isRecord } from '../../kube/object.ts';
import type { ResourceInfo } from '../../kube/resource.ts';
import { usage } from '../failure.ts';
import { nearest } from './nearest.ts';

export interface Discovered extends ResourceInfo {
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** Groups of kinds that are named together, such as `all`. */
  readonly categories: readonly string[];
}

/** The kinds of one cluster. Every group is read once, when it is needed. */
export interface Discovery {
  /**
   * The kinds that a person means: plural, singular, short name or kind, in any case, with the group (and the version
   * before it) behind a dot where the name alone is not enough; or a category. Core kinds go before others, as with kubectl.
   *
   * @throws ProblemError FSM6003 when the cluster has no such kind
   */
  named(name: string): Promise<readonly Discovered[]>;
  /** The kind of a manifest. @throws ProblemError FSM4001 when the cluster has no such kind */
  ofManifest(apiVersion: string, kind: string): Promise<Discovered>;
}

/** Asks nothing before it has to. */
export function createDiscovery(client: KubeClient): Discovery {
  const read = new Map<string, Promise<readonly Discovered[]>>();
  const kindsIn = (apiVersion: string) => {
    const kinds = read.get(apiVersion) ?? kindsOf(client, apiVersion);
    read.set(apiVersion, kinds);
    return kinds;
  };
  let everything: Promise<readonly Discovered[]> | undefined;
  const all = () => {
    everything ??= allKinds(client, kindsIn);
    return everything;
  };
  return {
    async named(name) {
      const core = (await kindsIn('v1')).find(kind => isCalled(kind, name));
      if (core !== undefined) return [core];
      const kinds = await all();
      const kind = kinds.find(one => isCalled(one, name));
      if (kind !== undefined) return [kind];
      const category = kinds.filter(one => one.categories.includes(name.toLowerCase()));
      if (category.length > 0) return category;
      throw unknownKind(name, kinds);
    },
    async ofManifest(apiVersion, kind) {
      const find = (kinds: readonly Discovered[]) => kinds.find(one => one.kind === kind);
      const found = find(await kindsIn(apiVersion).catch(orNone));
      if (found !== undefined) return found;
      // An object before it in the same file may have defined the kind.
      read.delete(apiVersion);
      const later = find(await kindsIn(apiVersion).catch(orNone));
      if (later !== undefined) return later;
      throw unknownManifest(apiVersion, kind);
    },
  };
}

/** A group that the cluster does not have is one without kinds. */
function orNone(error: unknown): readonly Discovered[] {
  if (error instanceof KubeError && error.status === 404) return [];
  throw error;
}

/** Kinds of one group and version (meta/v1 APIResourceList). Subresources are left out, and so are kinds that are only questions. */
async function kindsOf(client: KubeClient, apiVersion: string): Promise<readonly Discovered[]> {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const list = await client.request({
    method: 'GET',
    path,
    subject: { verb: 'discover', of: `kinds of ${apiVersion}` },
  });
  const resources = isRecord(list) && Array.isArray(list.resources) ? list.resources.filter(isRecord) : [];
  return resources
    .filter(({ name, verbs }) => !String(name).includes('/') && textsOf(verbs).includes('get'))
    .map(({ name, singularName, kind, namespaced, shortNames, categories }) => ({
      kind: String(kind),
      group,
      version,
      plural: String(name),
      singular: String(singularName || String(kind).toLowerCase()),
      shortNames: textsOf(shortNames),
      categories: textsOf(categories),
      namespaced: namespaced === true,
    }));
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** Core kinds, then those of the preferred version of every other group (meta/v1 APIGroupList). */
async function allKinds(
  client: KubeClient,
  kindsIn: (apiVersion: string) => Promise<readonly Discovered[]>,
): Promise<readonly Discovered[]> {
  const list = await client.request({ method: 'GET', path: '/apis', subject: { verb: 'discover', of: 'API groups' } });
  const groups = isRecord(list) && Array.isArray(list.groups) ? list.groups.filter(isRecord) : [];
  const versions = groups.map(({ preferredVersion }) =>
    String(isRecord(preferredVersion) ? preferredVersion.groupVersion : ''),
  );
  // One group that cannot be read (an aggregated API that is down) does not hide the others.
  const results = await Promise.allSettled(['v1', ...versions].map(kindsIn));
  return results.flatMap(result => (result.status === 'fulfilled' ? result.value : []));
}

function isCalled({ kind, plural, singular, shortNames, group, version }: Discovered, name: string): boolean {
  const [first = '', ...rest] = name.toLowerCase().split('.');
  const given = rest.join('.');
  const isOfGroup = given === '' || group === given || given === `${version}.${group}`;
  return isOfGroup && [kind.toLowerCase(), plural, singular, ...shortNames].includes(first);
}

function unknownKind(name: string, kinds: readonly Discovered[]): ProblemError {
  const names = kinds.flatMap(({ plural, singular, shortNames }) =>
    [plural, singular, ...shortNames].map(known => ({ known, plural })),
  );
  const plurals = [...new Set(nearest(name, names))];
  const fix =
    plurals.length > 0
      ? `perhaps you mean ${plurals.join(' or ')}`
      : `use one of ${kinds.map(one => one.plural).join(', ')}`;
  return usage(`the cluster has no kind called ${name}`, fix);
}

function unknownManifest(apiVersion: string, kind: string): ProblemError {
  const what = `the cluster has no kind ${kind} in ${apiVersion}`;
  const fix = 'check apiVersion and kind, and that the CustomResourceDefinition is there';
  return new ProblemError({ code: 'FSM4001', path: '', what, why: 'so nobody would know what the object means', fix });
}

/** `trafficsplit.split.smi-spec.io`, `pod`: how kubectl writes a kind in front of a name. */
export function qualified({ singular, group }: Pick<Discovered, 'singular' | 'group'>): string {
  return group === '' ? singular : `${singular}.${group}`;
}
