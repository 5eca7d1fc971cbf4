/** Random histories of a small mesh, the same for the same seed. */
import type { Fact } from '../../src/engine/engine.ts';
import { applied, deleted, enrolled, keyOfRaw, pick, type Raw, random } from './kit.ts';
import * as make from './objects.ts';

type Next = () => number;

const spaces = ['a', 'b'];
const names = ['x', 'y', 'z', 'constructor'];
const patterns = ['/a', '/a.*', '/a|/b', '.*', '/[0-9]+', '('];

const someNames = (next: Next): string[] => names.filter(() => next() < 0.5);

const makers: readonly ((next: Next, serial: number) => Raw)[] = [
  next => make.namespace(pick(next, spaces), pick(next, [{ 'flomesh.io/monitored-by': 'fsm' }, {}])),
  next => make.namespace(pick(next, spaces)),
  next => make.account(pick(next, spaces), pick(next, names)),
  next => make.service(pick(next, spaces), pick(next, names), pick(next, [80, 81])),
  next =>
    make.slice(pick(next, spaces), pick(next, names), Object.fromEntries(someNames(next).map(name => [name, name]))),
  next => make.meshConfig(next() < 0.3),
  next => make.group(pick(next, spaces), pick(next, names), pick(next, patterns), pick(next, patterns)),
  next => randomTarget(next),
  next => randomTarget(next),
  next => randomSplit(next),
  next => randomSplit(next),
];

function randomTarget(next: Next): Raw {
  const from = someNames(next).map(name => `${pick(next, spaces)}/${name}`);
  return make.target(pick(next, spaces), pick(next, names), pick(next, names), from, pick(next, names));
}

function randomSplit(next: Next): Raw {
  const weights = Object.fromEntries(someNames(next).map(name => [name, Math.floor(next() * 3)]));
  const groups = next() < 0.5 ? [] : [pick(next, names)];
  return make.split(pick(next, spaces), pick(next, names), pick(next, names), weights, ...groups);
}

/** What a history has made and not deleted, by kind and key. */
type Alive = Map<string, Raw>;

/** Facts in the order in which they happen. A pod that is made again has another uid; only a pod that is there enrols. */
export function history(seed: number, length: number): Fact[] {
  const next = random(seed);
  const alive: Alive = new Map();
  return Array.from({ length }, (_, serial) => happen(next, alive, serial));
}

function happen(next: Next, alive: Alive, serial: number): Fact {
  const dice = next();
  const pods = [...alive.values()].filter(({ kind }) => kind === 'Pod');
  if (dice < 0.02) return { type: 'rootChanged', trustDomain: 'mesh', roots: [pick(next, ['root 1', 'root 2'])] };
  if (dice < 0.2 && alive.size > 0) return forget(alive, pick(next, [...alive.values()]));
  if (dice < 0.35 && pods.length > 0) return enrolled(pick(next, pods));
  if (dice < 0.5) return remember(alive, podOf(next, alive, serial));
  return remember(alive, pick(next, makers)(next, serial));
}

function podOf(next: Next, alive: Alive, serial: number): Raw {
  const raw = make.pod(pick(next, spaces), pick(next, names), pick(next, names), `uid-${serial}`);
  const known = alive.get(`Pod ${keyOfRaw(raw)}`);
  return known === undefined ? raw : { ...known, status: { podIP: `10.0.0.${serial}` } };
}

function remember(alive: Alive, raw: Raw): Fact {
  alive.set(`${raw.kind} ${keyOfRaw(raw)}`, raw);
  return applied(raw);
}

function forget(alive: Alive, raw: Raw): Fact {
  alive.delete(`${raw.kind} ${keyOfRaw(raw)}`);
  return deleted(raw);
}

/** Deletes everything that a history has touched. */
export function endOf(facts: readonly Fact[]): Fact[] {
  const touched = new Map<string, Fact>();
  for (const fact of facts) {
    if (fact.type !== 'applied') continue;
    const { kind, key, resourceVersion } = fact;
    touched.set(`${kind} ${key}`, { type: 'deleted', kind, key, resourceVersion });
  }
  return [...touched.values()];
}

/** Cuts facts into batches of up to `most`. */
export function batches(seed: number, facts: readonly Fact[], most: number): Fact[][] {
  const next = random(seed);
  const cut: Fact[][] = [];
  for (let at = 0; at < facts.length; ) {
    const size = 1 + Math.floor(next() * most);
    cut.push(facts.slice(at, at + size));
    at += size;
  }
  return cut;
}
