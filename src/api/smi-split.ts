/** split.smi-spec.io: how the traffic of a service is divided. */
import type { Static } from 'typebox';
import { choice, dnsName, list, metadata, object, optional, reads, text, whole } from './schema.ts';

const serviceText = {
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([./][a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$',
  maxLength: 253,
  'x-fsm-expects': 'a service as name, name.namespace, name.namespace.svc.cluster.local or namespace/name',
  ...reads,
} as const;

const spec = {
  service: text('The apex service: the name that clients call.', serviceText),
  backends: list(
    'Where the requests go.',
    object('A share of the traffic.', {
      service: text('The service that gets the share.', serviceText),
      weight: whole('Share of this backend, relative to the sum of all weights.', {
        minimum: 0,
        maximum: 1_000_000,
        'x-fsm-fix': 'write 0 to send nothing there, or a whole number up to 1000000',
        ...reads,
      }),
    }),
    {
      minItems: 1,
      maxItems: 100,
      'x-fsm-fix': 'name a backend, or delete the TrafficSplit to send all to the apex service',
    },
  ),
};

const match = object('A set of requests.', {
  apiGroup: optional(choice('Group of the route object; may be left out.', ['specs.smi-spec.io'])),
  kind: choice('Kind of the route object.', ['HTTPRouteGroup'], reads),
  name: text('Name of the HTTPRouteGroup, which lies in the namespace of the TrafficSplit.', { ...dnsName, ...reads }),
});

const summary = 'Divides the traffic of a service among others, by weight.';

/** split.smi-spec.io/v1alpha4 TrafficSplit. */
export const TrafficSplit = object(summary, {
  metadata: metadata({}),
  spec: object('How the traffic is divided.', {
    ...spec,
    matches: optional(
      list('Divide only these requests; the rest goes to the apex service. Absent or empty: every request.', match, {
        maxItems: 100,
      }),
    ),
  }),
});
export type TrafficSplit = Static<typeof TrafficSplit>;

/** split.smi-spec.io/v1alpha2 TrafficSplit: the same without `matches`. */
export const TrafficSplitV1alpha2 = object(summary, {
  metadata: metadata({}),
  spec: object('How the traffic is divided.', spec),
});

/**
 * The service that a TrafficSplit names. `name` lies in the split's own namespace; `name.namespace`, with or
 * without the cluster's domain behind it, and `namespace/name` say their own.
 */
export function serviceNamed(written: string, ownNamespace: string): { namespace: string; name: string } {
  const [left = '', right] = written.split('/');
  if (right !== undefined) return { namespace: left, name: right };
  const [name = '', namespace] = written.split('.');
  return { namespace: namespace ?? ownNamespace, name };
}
