import { describe, expect, it } from 'vitest';
import { explain } from '../../src/admin/explain.ts';
import { questionOf } from '../../src/admin/why/question.ts';
import { ProblemError } from '../../src/api/problem.ts';
import type { Raw } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';
import { snapshotOf } from './meshes.ts';

/** A headless Service with a pod that has a hostname. */
const database: readonly Raw[] = [
  ...make.deployed('lab', 'db', '10.0.1.1').filter(({ kind }) => !['Service', 'EndpointSlice'].includes(kind)),
  { ...make.service('lab', 'db'), spec: { clusterIP: 'None', ports: [{ name: '', port: 80, protocol: 'TCP' }] } },
  {
    ...make.slice('lab', 'db', {}),
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: ['10.0.1.1'],
        hostname: 'db-0',
        conditions: { ready: true },
        targetRef: { kind: 'Pod', name: 'db' },
      },
    ],
  },
];

const namedHost: Raw = {
  kind: 'HTTPRouteGroup',
  metadata: { namespace: 'shop', name: 'routes' },
  spec: { matches: [{ name: 'all', pathRegex: '.*', methods: ['*'], headers: [{ host: 'store.shop' }] }] },
};

/** A buyer that may call a store by one of its names, and a database by any; a service of this name is elsewhere too. */
const mesh = (egress: boolean): readonly Raw[] => [
  make.namespace('shop'),
  make.namespace('lab'),
  {
    ...make.meshConfig(false),
    spec: { traffic: { enablePermissiveTrafficPolicyMode: false, enableEgress: egress } },
  },
  ...make.deployed('shop', 'buyer', '10.0.0.1'),
  ...make
    .deployed('shop', 'store', '10.0.0.2')
    .map(raw =>
      raw.kind === 'Service'
        ? { ...raw, spec: { ...(raw.spec as object), clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'] } }
        : raw,
    ),
  ...make.deployed('lab', 'store', '10.0.1.2'),
  ...make.deployed('lab', 'far', '10.0.1.3'),
  ...database,
  namedHost,
  { ...make.group('lab', 'routes', '.*') },
  make.target('shop', 'buy', 'store', ['shop/buyer'], 'routes'),
  make.target('lab', 'query', 'db', ['shop/buyer'], 'routes'),
];

function answerTo(service: string, more: Readonly<Record<string, string>> = {}, egress = false) {
  const snapshot = snapshotOf(mesh(egress));
  const { question, assumed } = questionOf(snapshot, new URLSearchParams({ client: 'shop/buyer', service, ...more }));
  return { ...explain({ snapshot }, question), assumed };
}

describe('what is asked for is what a client would write', () => {
  it.each([
    ['store', 'shop/store', 'store', 'denied', 'no-route-match'],
    ['store.shop', 'shop/store', 'store.shop', 'allowed', undefined],
    ['shop/store', 'shop/store', 'store.shop', 'allowed', undefined],
    ['STORE.shop', 'shop/store', 'STORE.shop', 'allowed', undefined],
    ['store.shop.svc', 'shop/store', 'store.shop.svc', 'denied', 'no-route-match'],
    ['store.shop.svc.cluster.local', 'shop/store', 'store.shop.svc.cluster.local', 'denied', 'no-route-match'],
    ['store.shop:80', 'shop/store', 'store.shop:80', 'allowed', undefined],
    ['10.96.0.7', 'shop/store', '10.96.0.7', 'denied', 'no-route-match'],
    ['store.shop:81', 'shop/store', 'store.shop:81', 'unroutable', 'unknown-port'],
    ['db-0.db.lab', 'lab/db', 'db-0.db.lab', 'allowed', undefined],
    ['db-0.db.lab.svc.cluster.local:8080', 'lab/db', 'db-0.db.lab.svc.cluster.local:8080', 'allowed', undefined],
    ['db-1.db.lab', 'lab/db', 'db-1.db.lab', 'unroutable', 'no-endpoints'],
    ['10.0.1.1', 'lab/db', '10.0.1.1', 'allowed', undefined],
    ['10.0.1.1:8080', 'lab/db', '10.0.1.1:8080', 'allowed', undefined],
    ['10-0-1-1.lab.pod', 'lab/db', '10-0-1-1.lab.pod', 'allowed', undefined],
    ['store.lab', 'lab/store', 'store.lab', 'denied', 'no-traffic-target'],
    ['10.0.1.3', 'lab/far', '10.0.1.3', 'denied', 'no-traffic-target'],
    ['far', 'lab/far', 'far.lab', 'denied', 'no-traffic-target'],
    ['stroe.shop', '', 'stroe.shop', 'unroutable', 'no-such-service'],
    ['www.example.com', '', 'www.example.com', 'unroutable', 'no-such-service'],
    ['10.9.9.9', '', '10.9.9.9', 'unroutable', 'no-such-service'],
  ])('%s', (written, service, host, outcome, reason) => {
    const answer = answerTo(written);
    expect([answer.service, answer.host, answer.outcome, answer.steps.at(-1)?.reason]).toEqual([
      service,
      host,
      outcome,
      reason,
    ]);
  });

  it('the port may stand behind the name or apart, and an IPv6 address stands in brackets', () => {
    expect(answerTo('store.shop', { port: '80' }).host).toBe('store.shop:80');
    expect(answerTo('store.shop:81', { port: '80' }).host).toBe('store.shop:80');
    expect(answerTo('[fd00::1]:80').host).toBe('[fd00::1]:80');
    expect(answerTo('fd00::1').host).toBe('[fd00::1]');
  });

  it('beyond the mesh it passes where egress is open, and says where to', () => {
    const { outcome, steps } = answerTo('www.example.com:8443', {}, true);
    expect([outcome, steps[0]?.detail]).toEqual(['passthrough', expect.stringContaining('www.example.com:8443')]);
  });

  it('a bare name that nobody has, or several other namespaces have, is refused', () => {
    expect(() => answerTo('stroe')).toThrow(ProblemError);
    expect(() => answerTo('nowhere/store')).toThrow(ProblemError);
    expect(() => answerTo('store.shop:http')).toThrow(ProblemError);
  });
});
