/** What happens in recorded histories that no API server lets happen, or that takes longer than a test: as facts. */
import type { Fact } from '../../src/engine/engine.ts';
import { applied, deleted, enrolled, type Raw } from '../engine/kit.ts';
import * as make from '../engine/objects.ts';

/** What a plain record of JavaScript has without anybody putting it there, where Kubernetes lets people name things so. */
const places = ['constructor/constructor', 'constructor/store', 'shop/constructor'] as const;

/** … and names that no API server admits; the mesh does not rely on one. */
const refused = ['__proto__', 'toString', 'hasOwnProperty'];

function awkwardNames(): Fact[][] {
  const raws = [
    make.namespace('constructor'),
    make.namespace('shop'),
    ...places.flatMap((place, at) => awkwardlyDeployed(place, `10.0.0.${at + 1}`)),
    make.group('constructor', 'constructor', '/constructor', '/__proto__.*', '/books'),
    make.target('constructor', 'constructor', 'constructor', ['shop/constructor'], 'constructor'),
    make.split('constructor', 'constructor', 'constructor', { constructor: 1, store: 3 }),
    make.target('constructor', 'store', 'store', ['shop/constructor', 'constructor/constructor'], 'constructor'),
  ];
  const strange = refused.flatMap(name => [make.namespace(name), ...make.deployed(name, name, '10.0.1.1')]);
  return [
    [trusting('root 1'), applied(make.meshConfig(false))],
    [...raws, ...strange].map(applied),
    [...raws, ...strange].filter(({ kind }) => kind === 'Pod').map(enrolled),
    [applied(make.meshConfig(true))],
    [applied(make.meshConfig(false)), applied(make.split('constructor', 'constructor', 'constructor', { store: 1 }))],
    [...strange, ...raws.slice(0, 8)].map(deleted),
  ];
}

function awkwardlyDeployed(place: string, address: string): Raw[] {
  const [namespace = '', name = ''] = place.split('/');
  // As it comes from JSON: a literal would set the prototype.
  const labels = JSON.parse('{ "__proto__": "a", "constructor": "b" }') as Record<string, string>;
  return make.deployed(namespace, name, address).map(raw => {
    if (raw.kind !== 'Pod') return raw;
    const metadata = { ...raw.metadata, labels: { ...raw.metadata.labels, ...labels } };
    return { ...withAddress(raw, address), metadata };
  });
}

function withAddress(raw: Raw, podIP: string): Raw {
  return raw.kind === 'Pod' ? { ...raw, status: { ...(raw.status as object), podIP } } : raw;
}

function trusting(...roots: readonly string[]): Fact {
  return { type: 'rootChanged', trustDomain: 'cluster.local', roots };
}

/** Both roots are trusted while certificates move from one to the other; at the end the trust domain changes. */
function rootRotation(): Fact[][] {
  const raws = [
    make.namespace('shop'),
    make.meshConfig(false),
    ...make.deployed('shop', 'buyer', '10.0.0.1'),
    ...make.deployed('shop', 'store', '10.0.0.2').map(raw => withAddress(raw, '10.0.0.2')),
    make.group('shop', 'routes', '/books', '/buy/.*'),
    make.target('shop', 'buy', 'store', ['shop/buyer'], 'routes'),
  ];
  return [
    [trusting('root 1'), ...raws.map(applied)],
    raws.filter(({ kind }) => kind === 'Pod').map(enrolled),
    [trusting('root 1', 'root 2')],
    [trusting('root 2', 'root 1')],
    [trusting('root 2')],
    [{ type: 'rootChanged', trustDomain: 'mesh.example', roots: ['root 3'] }],
  ];
}

/** File name → batches of facts. */
export const factHistories: Readonly<Record<string, () => Fact[][]>> = {
  'awkward-names': awkwardNames,
  'root-rotation': rootRotation,
};
