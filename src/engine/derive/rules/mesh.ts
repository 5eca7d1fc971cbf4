/** Mesh-wide facts: settings, trust, which namespaces take part, who a pod is. */
import { type Fragment, fragmentOf } from '../../config.ts';
import { isMember, meshName } from '../../membership.ts';
import type { MeshConfigObject } from '../../model.ts';
import { principalOf } from '../names.ts';
import type { Rule } from '../rule.ts';

/** Where the one MeshConfig of this mesh is kept. */
export const meshConfigKey = 'fsm-system/fsm-mesh-config';

export { meshName };

/** Key of rules about an account for a pod that takes no part: what nobody may do, and whom nobody may call. */
export const nobody = '-';

/** Without a MeshConfig the mesh is closed: nothing is allowed that a policy does not allow. */
const closed: Omit<MeshConfigObject, 'namespace' | 'name'> = {
  permissive: false,
  egress: false,
  sidecarTimeoutSeconds: 60,
  sidecarLogLevel: 'error',
  certValidityMs: 24 * 3600 * 1000,
};

/** Whether every workload may call every service. */
export const permissive: Rule<boolean> = {
  name: 'permissive',
  layer: 1,
  compute: read => (read.get('MeshConfig', meshConfigKey) ?? closed).permissive,
};

export const trustDomain: Rule<string> = {
  name: 'trustDomain',
  layer: 1,
  compute: read => read.trust().trustDomain,
};

export const settings: Rule<Fragment> = {
  name: 'settings',
  layer: 2,
  compute: read => {
    const config = read.get('MeshConfig', meshConfigKey) ?? closed;
    read.because('', 'MeshConfig', meshConfigKey, 'mesh-wide settings');
    const data = {
      trustDomain: read.trust().trustDomain,
      mode: config.permissive ? ('permissive' as const) : ('smi' as const),
      egress: config.egress,
      idleTimeoutMs: config.sidecarTimeoutSeconds * 1000,
      logLevel: config.sidecarLogLevel,
    };
    return fragmentOf({ kind: 'settings', data, refs: {} });
  },
};

export const trust: Rule<Fragment> = {
  name: 'trust',
  layer: 2,
  compute: read => fragmentOf({ kind: 'trust', data: { roots: [...read.trust().roots] }, refs: {} }),
};

/** Whether a namespace takes part in the mesh. */
export const enrolledNamespace: Rule<boolean> = {
  name: 'enrolledNamespace',
  layer: 1,
  compute: (read, name) => isMember(read.get('Namespace', name)),
};

/** Who a pod with a sidecar is; null for a pod that is not of the mesh. */
export interface Workload {
  readonly uid: string;
  /** `namespace/serviceaccount` */
  readonly account: string;
  readonly principal: string;
}

export const workload: Rule<Workload | null> = {
  name: 'workload',
  layer: 2,
  compute: (read, key) => {
    const pod = read.get('Pod', key);
    if (pod?.proxy === undefined || !read.node(enrolledNamespace, pod.namespace)) return null;
    const account = `${pod.namespace}/${pod.serviceAccount}`;
    return { uid: pod.uid, account, principal: principalOf(account, read.node(trustDomain, '')) };
  },
};
