/** What the policy itself says of a request, asked in this process; and which headers have to pass. */
import * as policy from '../../src/dataplane/policy/policy.js';
import type { InboundDecision, Refusal, RequestDescription } from '../../src/dataplane/policy/types.ts';
import type { Seen } from './apps.ts';
import { type Fields, type Message, valuesOf } from './parse.ts';
import type { Pair } from './world.ts';

/** RFC 9110, 7.6.1, and what each hop says for itself. */
const ofTheHop =
  /^(connection|keep-alive|proxy-connection|te|transfer-encoding|upgrade|http2-settings|content-length|expect|trailer|host)$/;
/** Claims of an identity: they end at the first sidecar. */
const claims = /^(serviceidentity|x-forwarded-client-cert|fsm-stats.*)$/;

/** The headers that reach the other end, in small letters, repeated ones joined. */
export function endToEnd(fields: Fields): ReadonlyMap<string, string> {
  const named = valuesOf(fields, 'connection').flatMap(value =>
    value
      .toLowerCase()
      .split(',')
      .map(each => each.trim()),
  );
  const map = new Map<string, string>();
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    if (ofTheHop.test(key) || claims.test(key) || named.includes(key)) continue;
    const before = map.get(key);
    map.set(key, before === undefined ? value : `${before}${key === 'cookie' ? '; ' : ', '}${value}`);
  }
  return map;
}

/** As the rules are asked about it: an absolute target goes before Host. */
export function described({ method, target, fields }: Message): RequestDescription {
  const [, authority, rest = ''] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  const whole = authority === undefined ? target : rest.startsWith('/') ? rest : `/${rest}`;
  const host = authority ?? valuesOf(fields, 'host')[0] ?? '';
  return {
    method,
    path: whole.replace(/[?#].*$/s, ''),
    host,
    headers: { ...Object.fromEntries(endToEnd(fields)), host },
  };
}

/** What both sidecars together have to decide about a request as it was sent. */
export function decisionOn({ tables, buyer }: Pair, message: Message): InboundDecision {
  const request = described(message);
  const routed = policy.routeRequest(tables.buyer, request, {});
  if (routed.action === 'refuse') return routed;
  if (routed.action === 'passthrough') throw new Error('egress is off');
  return policy.admitRequest(tables.store, routed.endpoint.port, buyer.principal, request);
}

/** The refusal of a request as the app saw it; undefined where the rules admit it. */
export function refusalOf({ tables, buyer }: Pair, { port, message }: Seen): Refusal | undefined {
  const decision = policy.admitRequest(tables.store, port, buyer.principal, described(message));
  return decision.action === 'refuse' ? decision : undefined;
}
