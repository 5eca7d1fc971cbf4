/** What happens in the recorded meshes: changes to a real control plane, each waited for by what a proxy is told. */
import type { AnyNode } from '../../src/engine/config.ts';
import { bookstore, splitOf } from '../controller/bookstore.ts';
import type { Mesh } from '../controller/mesh.ts';

type Nodes = readonly AnyNode[];

const target = (name: string, version: string, callers: readonly string[], ...matches: readonly string[]) => `
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { namespace: bookstore, name: ${name} }
spec:
  destination: { kind: ServiceAccount, name: bookstore-${version}, namespace: bookstore }
  sources: [${callers.map(name => `{ kind: ServiceAccount, name: ${name}, namespace: ${name} }`).join(', ')}]
  rules: [{ kind: HTTPRouteGroup, name: bookstore-routes, matches: [${matches.join(', ')}] }]
`;

const routes = (books: string, buy: string) => `
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { namespace: bookstore, name: bookstore-routes }
spec:
  matches:
    - { name: books-bought, pathRegex: '${books}', methods: [GET] }
    - { name: buy-a-book, pathRegex: '${buy}', methods: [GET] }
`;

const meshConfig = (permissive: boolean, egress: boolean) => `
apiVersion: config.flomesh.io/v1alpha3
kind: MeshConfig
metadata: { namespace: fsm-system, name: fsm-mesh-config }
spec: { traffic: { enablePermissiveTrafficPolicyMode: ${permissive}, enableEgress: ${egress} } }
`;

/** The nodes as text: what they must come to hold is easiest to name there. */
const saying =
  (...words: readonly string[]) =>
  (nodes: Nodes) =>
    words.every(word => JSON.stringify(nodes).includes(word));
const silent = (word: string) => (nodes: Nodes) => nodes.length > 0 && !JSON.stringify(nodes).includes(word);
const weights = (v1: number, v2: number) => (nodes: Nodes) =>
  nodes.some(
    node =>
      node.kind === 'service' &&
      node.data.name === 'bookstore' &&
      node.data.ports[0]?.routes.some(({ backends }) => backends.map(each => each.weight).join() === `${v1},${v2}`),
  );

async function begun(mesh: Mesh) {
  bookstore(mesh);
  await mesh.controller.synced;
  const proxies = {
    buyer: await mesh.proxy('bookbuyer', 'bookbuyer-1'),
    thief: await mesh.proxy('bookthief', 'bookthief-1'),
    v1: await mesh.proxy('bookstore', 'bookstore-v1-1'),
    v2: await mesh.proxy('bookstore', 'bookstore-v2-1'),
  };
  await Promise.all(Object.values(proxies).map(proxy => proxy.until(nodes => nodes.length > 0)));
  return proxies;
}

async function bookstoreSplit(mesh: Mesh): Promise<void> {
  const { buyer } = await begun(mesh);
  for (const [v1, v2] of [
    [100, 0],
    [50, 50],
    [0, 100],
  ] as const) {
    mesh.apply(splitOf(v1, v2));
    await buyer.until(weights(v1, v2));
  }
  mesh.remove('trafficsplits.split.smi-spec.io', 'bookstore', 'bookstore-split');
  await buyer.until(nodes => !weights(0, 100)(nodes));
}

/** New pods come before old ones go; the proxies of both enrol, and a status that nobody reads is written in between. */
async function rollingRestart(mesh: Mesh): Promise<void> {
  const { buyer } = await begun(mesh);
  for (const turn of [2, 3]) {
    for (const version of ['v1', 'v2']) {
      const [account, name, before] = [`bookstore-${version}`, `bookstore-${version}-${turn}`, turn - 1];
      const ip = `10.0.${turn}.${version === 'v1' ? 3 : 4}`;
      mesh.pod('bookstore', name, account, { app: account, shop: 'books' }, ip);
      const proxy = await mesh.proxy('bookstore', name);
      await Promise.all([proxy.until(nodes => nodes.length > 0), buyer.until(saying(`"${ip}"`))]);
      mesh.setStatus('pods', 'bookstore', name, { message: 'still fine' });
      mesh.remove('pods', 'bookstore', `bookstore-${version}-${before}`);
      const old = before === 1 ? `10.0.0.${version === 'v1' ? 3 : 4}` : ip.replace(`.${turn}.`, `.${before}.`);
      await buyer.until(silent(`"${old}"`));
    }
  }
}

/** Each invalid version is followed by a valid object on the same watch, whose effect shows that both were seen. */
async function policyChanges(mesh: Mesh): Promise<void> {
  const { v1, v2, thief } = await begun(mesh);
  mesh.apply(target('buyers-v1', 'v1', ['bookbuyer'], 'books-bought'));
  await v1.until(silent('/buy"'));
  mesh.apply(
    target('buyers-v1', 'v1', ['bookthief'], 'buy-a-book').replace(
      ', namespace: bookstore }\n',
      ', namespace: bookthief }\n',
    ),
  );
  mesh.apply(target('buyers-v2', 'v2', ['bookbuyer', 'bookthief'], 'buy-a-book'));
  await v2.until(saying('bookthief.bookthief.cluster.local'));
  await thief.until(saying('bookstore-v2'));
  mesh.apply(routes('/books-bought', '/buy('));
  mesh.apply(routes('/other', '/another').replace('bookstore-routes', 'other-routes'));
  mesh.apply(target('buyers-v1', 'v1', ['bookbuyer']).replace('bookstore-routes', 'other-routes'));
  await v1.until(saying('/another'));
  mesh.apply(target('buyers-v1', 'v1', ['bookbuyer', 'bookthief'], 'books-bought', 'buy-a-book'));
  await v1.until(saying('bookthief.bookthief.cluster.local', '/buy"'));
  mesh.apply(routes('/books-bought.*', '/buy|/sell'));
  await v1.until(saying('/sell'));
  mesh.apply(target('buyers-v1', 'v1', ['bookbuyer'], 'books-bought', 'buy-a-book'));
  await v1.until(silent('bookthief.bookthief.cluster.local'));
  mesh.remove('traffictargets.access.smi-spec.io', 'bookstore', 'buyers-v2');
  await v2.until(silent('bookbuyer.bookbuyer.cluster.local'));
}

async function permissiveMode(mesh: Mesh): Promise<void> {
  const { thief } = await begun(mesh);
  mesh.apply(meshConfig(true, false));
  await thief.until(saying('"mode":"permissive"', 'bookstore-v1'));
  mesh.apply(meshConfig(true, true));
  await thief.until(saying('"egress":true'));
  mesh.apply(meshConfig(false, true));
  await thief.until(saying('"mode":"smi"'));
  mesh.remove('meshconfigs.config.flomesh.io', 'fsm-system', 'fsm-mesh-config');
  await thief.until(saying('"egress":false'));
}

/** File name → what happens to a control plane. */
export const meshes: Readonly<Record<string, (mesh: Mesh) => Promise<void>>> = {
  'bookstore-split': bookstoreSplit,
  'rolling-restart': rollingRestart,
  'policy-changes': policyChanges,
  'permissive-mode': permissiveMode,
};
