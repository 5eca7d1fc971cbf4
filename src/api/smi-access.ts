/** access.smi-spec.io: who may call whom. */
import type { Static } from 'typebox';
import { choice, dnsName, list, metadata, object, optional, port, reads, text } from './schema.ts';

const identityFields = {
  kind: choice('Kind of the identity.', ['ServiceAccount'], reads),
  name: text('Name of the ServiceAccount.', { ...dnsName, ...reads }),
  namespace: optional(
    text("Namespace of the ServiceAccount; the TrafficTarget's own when absent.", { ...dnsName, ...reads }),
  ),
};

const rule = object('What is allowed: routes of an HTTPRouteGroup, or ports of a TCPRoute.', {
  kind: choice(
    'Kind of the route object, which lies in the namespace of the TrafficTarget. UDPRoute is accepted and allows nothing, since the mesh carries no UDP.',
    ['HTTPRouteGroup', 'TCPRoute', 'UDPRoute'],
    reads,
  ),
  name: text('Name of the route object.', { ...dnsName, ...reads }),
  matches: optional(
    list(
      'Names of matches of the HTTPRouteGroup. Absent or empty: the whole group.',
      text('Name of a match.', { maxLength: 253 }),
      reads,
    ),
  ),
});

/** access.smi-spec.io/v1alpha3 TrafficTarget. */
export const TrafficTarget = object(
  'Allows workloads (the sources) to call others (the destination). Without permissive mode, what no TrafficTarget allows is denied.',
  {
    metadata: metadata({}),
    spec: object('Who may call whom, and how.', {
      destination: object(
        'Who is called. It must lie in the namespace of the TrafficTarget, so that nobody can open the services of another namespace.',
        {
          ...identityFields,
          port: optional(
            port('Port of the pods that is opened (not of a Service). Absent: every port that the rules open.', reads),
          ),
        },
      ),
      sources: list('Who may call.', object('A caller.', identityFields), {
        minItems: 1,
        'x-fsm-fix': 'name at least one ServiceAccount, or delete the TrafficTarget to allow nobody',
      }),
      rules: list('What they may call; a request has to match one of the rules.', rule, {
        minItems: 1,
        'x-fsm-fix': 'name an HTTPRouteGroup or a TCPRoute, or delete the TrafficTarget to allow nothing',
      }),
    }),
  },
);
export type TrafficTarget = Static<typeof TrafficTarget>;
