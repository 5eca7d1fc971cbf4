/** Why no rule of a server speaks of a client: what its TrafficTargets lack. */
import type { TrafficTargetObject } from '../../engine/model.ts';
import { keyOf } from '../../engine/snapshot.ts';
import { type Cause, isSource, namedMax, originOf, targetFix, targetsOf } from './cause.ts';
import type { Derived } from './derived.ts';

/** Why no access rule of a server speaks of a client. */
export function whyNoRule(state: Derived, client: string, server: string, isConnection: boolean): Cause {
  const targets = targetsOf(state, [server]);
  const told = targets.map(target => ({ target, why: whyItGivesNothing(state, target, client, isConnection) }));
  const [near, far] = [told.filter(({ why }) => why.length === 1), told.filter(({ why }) => why.length > 1)];
  const named = (near.length > 0 ? near : far).slice(0, namedMax);
  const [first] = named;
  return {
    reason: 'no-rule-for-principal',
    detail: `no TrafficTarget of destination ${server} gives ${client} a rule for ${isConnection ? 'connections' : 'requests'}`,
    origins: named.map(({ target, why }) => originOf('TrafficTarget', keyOf(target), why.join(', and '))),
    fix:
      first?.why.length === 1 && first.why[0] !== notSource
        ? routeFix(first.target)
        : sourceFix(client, server, first, routeKind(isConnection)),
  };
}

const notSource = 'its sources do not name the client';

function routeFix(target: TrafficTargetObject): string {
  return `give TrafficTarget ${keyOf(target)} a rule whose route object exists and has matches`;
}

function sourceFix(
  client: string,
  server: string,
  first: { readonly target: TrafficTargetObject } | undefined,
  kind: string,
): string {
  const fix = targetFix(client, [server], first === undefined ? [] : [keyOf(first.target)]);
  return `${fix}, with a rule of kind ${kind}`;
}

const routeKind = (isConnection: boolean) => (isConnection ? 'TCPRoute' : 'HTTPRouteGroup');

/** What a TrafficTarget lacks to give a client a rule. */
function whyItGivesNothing(
  state: Derived,
  target: TrafficTargetObject,
  client: string,
  isConnection: boolean,
): string[] {
  const kind = routeKind(isConnection);
  const rules = target.rules.filter(rule => rule.kind === kind);
  const gives = rules.some(({ name, matches = [] }) => {
    const key = `${target.namespace}/${name}`;
    if (isConnection) return state.object('TCPRoute', key) !== undefined;
    const group = state.object('HTTPRouteGroup', key);
    return group?.matches.some(match => matches.length === 0 || matches.includes(match.name)) ?? false;
  });
  const missing = rules.length === 0 ? `it has no rule of kind ${kind}` : `its ${kind}s say nothing, or do not exist`;
  return [...(isSource(target, client) ? [] : [notSource]), ...(gives ? [] : [missing])];
}
