import { describe, expect, it } from 'vitest';
import { type Explanation, explain, type Question } from '../../src/admin/explain.ts';
import { leftOut } from '../../src/admin/why/ends.ts';
import { keyOfRaw, type Raw } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';
import { snapshotOf } from './meshes.ts';

const closed: Raw = {
  ...make.meshConfig(false),
  spec: { traffic: { enablePermissiveTrafficPolicyMode: false, enableEgress: false } },
};

/** A buyer that may buy books of a store with one pod. */
const shop: readonly Raw[] = [
  make.namespace('shop'),
  closed,
  ...make.deployed('shop', 'buyer', '10.0.0.1'),
  ...make.deployed('shop', 'store', '10.0.0.2'),
  make.group('shop', 'routes', '/books', '/buy/.*'),
  make.target('shop', 'buy', 'store', ['shop/buyer'], 'routes'),
];

const asked: Question = { client: 'shop/buyer', service: 'shop/store', method: 'GET', path: '/books', headers: {} };

const ask = (raws: readonly Raw[], question: Partial<Question> = {}) =>
  explain({ snapshot: snapshotOf(raws) }, { ...asked, ...question });

/** The shop with some objects in the place of their namesakes, or besides. */
function shopWith(...objects: readonly Raw[]): Raw[] {
  const id = (raw: Raw) => `${raw.kind} ${keyOfRaw(raw)}`;
  return [...new Map([...shop, ...objects].map(raw => [id(raw), raw])).values()];
}

const shopWithout = (...ids: readonly string[]): Raw[] =>
  shop.filter(raw => !ids.includes(`${raw.kind} ${keyOfRaw(raw)}`));

/** The store with these ports; a name says the protocol. */
const store = (...ports: readonly [name: string, port: number, protocol?: string][]): Raw => ({
  ...make.service('shop', 'store'),
  spec: { ports: ports.map(([name, port, protocol = 'TCP']) => ({ name, port, protocol, targetPort: 8080 })) },
});

const slice = (ready: boolean, pods: Readonly<Record<string, string>>, ...names: readonly string[]): Raw => ({
  ...make.slice('shop', 'store', {}),
  ports: names.map((name, at) => ({ name, port: 8080 + at, protocol: 'TCP' })),
  endpoints: Object.entries(pods).map(([name, address]) => ({
    addresses: [address],
    conditions: { ready },
    targetRef: { kind: 'Pod', name },
  })),
});

const bare = (raw: Raw): Raw => ({ ...raw, metadata: { ...raw.metadata, labels: {} } });
const rawOf = (kind: string, name: string) => shop.find(raw => raw.kind === kind && raw.metadata.name === name) as Raw;

/** `Kind namespace/name: rule` of each object that a step names. */
const named = ({ origins }: Explanation['steps'][number]): string[] =>
  origins.map(({ object, rule }) => `${object.kind} ${object.namespace}/${object.name}: ${rule}`);

describe('a refusal of the client has its own reason, and names what it is for', () => {
  const onlyStore = ['Service shop/store: the service itself'];
  const cases: [what: string, raws: readonly Raw[], question: Partial<Question>, reason: string, objects: string[]][] =
    [
      [
        'pods are not ready',
        shopWith(slice(false, { store: '10.0.0.2' }, '')),
        {},
        'no-endpoints',
        ['Pod shop/store: is not ready'],
      ],
      [
        'pods that are ready have no sidecar',
        shopWith(bare(rawOf('Pod', 'store'))),
        {},
        'no-sidecar',
        ['Pod shop/store: has no sidecar'],
      ],
      [
        'no pod is behind it',
        shopWith(slice(true, {}, '')),
        {},
        'no-pods',
        ['Service shop/store: its selector finds no pod'],
      ],
      [
        'no slice is there',
        shopWithout('EndpointSlice shop/store-1'),
        {},
        'no-pods',
        ['Service shop/store: its selector finds no pod'],
      ],
      [
        'slices name no pod',
        shopWith(slice(true, { gone: '10.0.0.9' }, '')),
        {},
        'no-pods',
        ['EndpointSlice shop/store-1: names no pod'],
      ],
      [
        'the pods lack the target port',
        shopWith(slice(true, { store: '10.0.0.2' }, 'other')),
        {},
        'no-endpoints',
        ['Service shop/store: its pods: does not have the target port'],
      ],
      ['a port that it does not have', shop, { port: 81 }, 'unknown-port', onlyStore],
      [
        'a port that is UDP',
        shopWith(store(['dns', 53, 'UDP'], ['http', 80])),
        { port: 53 },
        'unknown-port',
        onlyStore,
      ],
      [
        'no port named of several',
        shopWith(store(['http-a', 8081], ['http-b', 8082])),
        {},
        'ambiguous-port',
        onlyStore,
      ],
      ['no TCP port at all', shopWith(store(['dns', 53, 'UDP'])), {}, 'unknown-port', onlyStore],
      ['no TrafficTarget', shopWithout('TrafficTarget shop/buy'), {}, 'no-traffic-target', []],
      [
        'a TrafficTarget of others',
        shopWith(make.target('shop', 'buy', 'store', ['shop/thief'], 'routes')),
        {},
        'no-traffic-target',
        ['TrafficTarget shop/buy: its sources do not name the client'],
      ],
      [
        'its namespace is in no mesh',
        [...shop, make.namespace('out', {}), ...make.deployed('out', 'far', '10.0.0.7')],
        { service: 'out/far' },
        'namespace-not-in-mesh',
        ['Namespace /out: is not enrolled'],
      ],
      [
        'its namespace is ignored',
        [
          ...shop,
          make.namespace('out', { 'flomesh.io/monitored-by': 'fsm', 'flomesh.io/ignore': 'true' }),
          ...make.deployed('out', 'far', '10.0.0.7'),
        ],
        { service: 'out/far' },
        'namespace-not-in-mesh',
        ['Namespace /out: is ignored'],
      ],
      [
        'the client has no sidecar',
        shopWith(bare(rawOf('Pod', 'buyer'))),
        {},
        'not-meshed',
        ['Pod shop/buyer: has no sidecar'],
      ],
      [
        "the client's namespace is in no mesh",
        shopWith(make.namespace('shop', {})),
        {},
        'namespace-not-in-mesh',
        ['Namespace /shop: is not enrolled'],
      ],
      ['a host that is none', shop, { headers: { host: 'a:b:c' } }, 'bad-host', []],
      [
        'a host that names nothing',
        shop,
        { headers: { host: 'nowhere.example' } },
        'unknown-service',
        ['MeshConfig fsm-system/fsm-mesh-config: mesh-wide settings'],
      ],
    ];
  it.each(cases)('%s', (_, raws, question, reason, objects) => {
    const { steps, outcome } = ask(raws, question);
    expect(steps).toHaveLength(1);
    expect(steps[0]).toMatchObject({ at: 'client', decision: 'refuse', reason });
    expect(named(steps[0] as Explanation['steps'][number]).slice(0, Math.max(1, objects.length))).toEqual(objects);
    expect(steps[0]?.fix).toMatch(/^[a-z]/);
    const isDenied = reason === 'no-traffic-target' || [400, 403].includes(steps[0]?.answer?.status ?? 0);
    expect(outcome).toBe(isDenied ? 'denied' : 'unroutable');
  });

  it('tells what the proxy itself says beside why it says so', () => {
    const [step] = ask(shopWithout('TrafficTarget shop/buy')).steps;
    expect(step?.answer).toMatchObject({ status: 404, reason: 'unknown-service' });
    expect(step?.fix).toBe('write a TrafficTarget with source ServiceAccount shop/buyer and destination shop/store');
  });
});

describe('the port', () => {
  it.each<[string, readonly [string, number, string?][], number | undefined, number]>([
    ['is the only one', [['http', 8081]], undefined, 8081],
    [
      'is 80 where there are several',
      [
        ['http-a', 70],
        ['http-b', 80],
      ],
      undefined,
      80,
    ],
    [
      'is the only one that is TCP',
      [
        ['dns', 53, 'UDP'],
        ['http', 8081],
      ],
      undefined,
      8081,
    ],
    [
      'is the one that is asked for',
      [
        ['http-a', 70],
        ['http-b', 80],
      ],
      70,
      70,
    ],
  ])("is the proxy's own choice: it %s", (_, ports, port, taken) => {
    const raws = shopWith(store(...ports), slice(true, { store: '10.0.0.2' }, ...ports.map(([name]) => name)));
    const { outcome, request } = ask(raws, port === undefined ? {} : { port });
    expect([outcome, request.port]).toEqual(['allowed', taken]);
  });

  it('that carries connections is asked about a connection', () => {
    const raws = shopWith(store(['tcp', 9000]), slice(true, { store: '10.0.0.2' }, 'tcp'));
    expect(ask(raws).steps[1]).toMatchObject({ reason: 'no-rule-for-principal', fix: expect.stringContaining('rule') });
    const route: Raw = { kind: 'TCPRoute', metadata: { namespace: 'shop', name: 'all' }, spec: {} };
    const buy = make.target('shop', 'buy', 'store', ['shop/buyer'], 'routes');
    const rules = [{ kind: 'TCPRoute', name: 'all' }];
    const opened = { ...buy, spec: { ...(buy.spec as object), rules } };
    const { outcome, steps } = ask([...raws.filter(({ kind }) => kind !== 'TrafficTarget'), opened, route]);
    expect(outcome).toBe('allowed');
    expect(steps.flatMap(named)).toContain('TCPRoute shop/all: ports');
  });
});

/** More pods of the store: name → account and address. */
const podsOf = (accounts: Readonly<Record<string, string>>): Raw[] =>
  Object.entries(accounts).map(([name, account]) => make.pod('shop', name, account));

describe('every endpoint that may be chosen', () => {
  it('is asked: of two ServiceAccounts one may be called', () => {
    const pods = { store: '10.0.0.2', other: '10.0.0.3', third: '10.0.0.4' };
    const { outcome, steps } = ask([...shopWith(slice(true, pods, '')), ...podsOf({ other: 'other', third: 'other' })]);
    expect(outcome).toBe('allowed');
    expect(steps.slice(1).map(({ pod, endpoints, decision, reason }) => [pod, endpoints, decision, reason])).toEqual([
      ['shop/store', 1, 'forward', undefined],
      ['shop/buyer', 2, 'skip', 'no-traffic-target'],
    ]);
  });

  it('is asked: of two ServiceAccounts one may be called on another port only', () => {
    const pods = { store: '10.0.0.2', other: '10.0.0.3' };
    const elsewhere = make.target('shop', 'elsewhere', 'other', ['shop/buyer'], 'routes');
    const spec = elsewhere.spec as { readonly destination: object };
    const limited = { ...elsewhere, spec: { ...spec, destination: { ...spec.destination, port: 9000 } } };
    const { outcome, steps } = ask([...shopWith(slice(true, pods, '')), ...podsOf({ other: 'other' }), limited]);
    expect(outcome).toBe('allowed');
    expect(steps.slice(1).map(({ decision, cause, fix }) => [decision, cause, fix])).toEqual([
      ['forward', undefined, undefined],
      [
        'skip',
        'no TrafficTarget lets buyer.shop.cluster.local call port 8080 of these pods: shop/elsewhere opens port 9000',
        'take destination.port out of TrafficTarget shop/elsewhere, or write a TrafficTarget for port 8080',
      ],
    ]);
    expect(steps.flatMap(named)).toContain('TrafficTarget shop/elsewhere: opens other ports');
  });

  it('is told of when it is known and never chosen', () => {
    const endpoint = (address: string) => ({ address, port: 80, principal: 'p' });
    const forward = { action: 'forward', service: '', backend: '', protocol: 'http' } as const;
    const decisions = [{ ...forward, endpoint: endpoint('::1'), target: '[::1]:80' }];
    const refusal = { action: 'refuse', status: 503, reason: 'no-endpoints', detail: '' } as const;
    expect(leftOut([endpoint('::1'), endpoint('10.0.0.1')], { decisions })).toEqual([endpoint('10.0.0.1')]);
    expect(leftOut([endpoint('10.0.0.1')], { decisions: [refusal] })).toEqual([]);
  });

  it('is asked of every backend with a weight, and of no other', () => {
    const backends = ['v1', 'v2', 'v3'].flatMap((name, at) => make.deployed('shop', name, `10.0.1.${at}`));
    const empty = { ...make.slice('shop', 'v2', {}) };
    const raws = [
      ...shopWith(...backends, empty, make.split('shop', 'split', 'store', { v1: 3, v2: 1, v3: 0 })),
      make.target('shop', 'to-v1', 'v1', ['shop/buyer'], 'routes'),
    ];
    const { outcome, steps } = ask(raws);
    expect(steps[0]?.detail).toBe('shop/store:80 goes to shop/v1:80 75 %, shop/v2:80 25 %');
    expect(steps.slice(1).map(({ at, backend, reason }) => [at, backend, reason])).toEqual([
      ['server', 'shop/v1:80', undefined],
      ['client', 'shop/v2:80', 'no-endpoints'],
    ]);
    expect(outcome).toBe('partly allowed');
  });

  it('with a split of no weight there is none, and the split is named', () => {
    const [step] = ask(shopWith(make.split('shop', 'split', 'store', { store: 0, missing: 1 }))).steps;
    expect(step).toMatchObject({ reason: 'no-endpoints', fix: expect.stringContaining('weight') });
    expect(named(step as Explanation['steps'][number])).toContain('TrafficSplit shop/split: weights of the backends');
  });

  it('is told in few steps and soon, of a thousand', () => {
    const names = Array.from({ length: 1000 }, (_, at) => `p${at}`);
    const addresses = Object.fromEntries(names.map((name, at) => [name, `10.1.${at >> 8}.${at & 255}`]));
    const accounts = Object.fromEntries(names.map((name, at) => [name, at < 600 ? 'store' : `account-${at % 40}`]));
    const raws = [...shopWith(slice(true, addresses, '')), ...podsOf(accounts)];
    const { steps, left = 0, outcome } = ask(raws);
    expect(steps.length).toBeLessThanOrEqual(24);
    expect(steps.reduce((sum, { endpoints = 0 }) => sum + endpoints, left)).toBe(1000);
    expect(outcome).toBe('allowed');
  });
});

describe('what a request says', () => {
  it('is what rules read: method, path without query, headers and host', () => {
    const matches = [
      { name: 'm', pathRegex: '/books', methods: ['PUT'], headers: { host: 'store.shop', 'x-user': 'j.*' } },
    ];
    const raws = shopWith({ ...make.group('shop', 'routes'), spec: { matches } });
    const request = { method: 'PUT', path: '/books?all', headers: { 'x-user': 'jo' } };
    expect(ask(raws, request).outcome).toBe('allowed');
    // The host of a rule is the same on any port.
    expect(ask(raws, { ...request, port: 80 }).outcome).toBe('allowed');
    expect(ask(raws, { ...request, headers: {} }).outcome).toBe('denied');
    expect(ask(raws, { ...request, method: 'put' }).outcome).toBe('denied');
  });

  it.each([
    ['/public/../books', 'dot-segments'],
    [`/buy/${'x'.repeat(9000)}`, 'no-route-match'],
  ])('is refused for its own sake: %s', (path, reason) => {
    const raws = shopWith(make.group('shop', 'routes', '/books'));
    expect(ask(raws, { path }).steps[1]).toMatchObject({ at: 'server', reason });
  });
});

it('says that a request leaves the mesh, and what would keep it', () => {
  const egress = {
    ...make.meshConfig(false),
    spec: { traffic: { enablePermissiveTrafficPolicyMode: false, enableEgress: true } },
  };
  const { outcome, steps } = ask([
    ...shopWithout('TrafficTarget shop/buy', 'MeshConfig fsm-system/fsm-mesh-config'),
    egress,
  ]);
  expect(outcome).toBe('passthrough');
  expect(steps[0]).toMatchObject({ decision: 'passthrough', reason: 'no-traffic-target' });
  expect(named(steps[0] as Explanation['steps'][number])).toContain(
    'MeshConfig fsm-system/fsm-mesh-config: mesh-wide settings',
  );
});

it('names the MeshConfig where everybody may call everybody', () => {
  const { outcome, steps } = ask(shopWith(make.meshConfig(true)), { path: '/anything' });
  expect(outcome).toBe('allowed');
  expect(steps[1]?.origins.map(({ object }) => object.kind)).toEqual(['MeshConfig']);
});
