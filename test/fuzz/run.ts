/** Runs a case on a pair of sidecars, and notes what everybody saw. */
import type { Seen } from './apps.ts';
import { type Case, exchangesOf, type Link } from './case.ts';
import { Client, type LinkCame, type Surroundings } from './client.ts';
import { Reader1, Reader2 } from './readers.ts';
import { endedOf, type Pair, startAgain } from './world.ts';
import { settled } from './write.ts';

/** What became of a case on one pair. */
export interface Ran {
  readonly pair: Pair;
  readonly links: readonly LinkCame[];
  /** How many of them, the last, are probes. */
  readonly probes: number;
  /** Requests that the app got. */
  readonly seen: readonly Seen[];
  /** Ids whose request has reached the app, at least its head. */
  readonly reached: ReadonlySet<string>;
  /** Sidecars that ended, and what they said last. */
  readonly ended: readonly string[];
}

/** Links at the same time, and the probes after them; sidecars that ended are started again. */
export async function runCase(pair: Pair, { links }: Case, probes: readonly Link[] = []): Promise<Ran> {
  pair.app.play(exchangesOf({ links: [...links, ...probes] }));
  const surroundings: Surroundings = { at: pair.at, app: pair.app, boundMs: pair.boundMs };
  const run = (link: Link) => new Client(surroundings, link, link.speaks === 1 ? new Reader1() : new Reader2()).run();
  const first = await Promise.all(links.map(run));
  const second = await Promise.all(probes.map(run));
  const late = performance.now() + pair.boundMs;
  await settled(
    () => pair.app.isQuiet,
    () => late,
  );
  const ended = await lastWordsOf(pair);
  const { seen, progress } = pair.app;
  return {
    pair,
    links: [...first, ...second],
    probes: second.length,
    seen: [...seen],
    reached: new Set(progress.keys()),
    ended,
  };
}

async function lastWordsOf(pair: Pair): Promise<string[]> {
  const names = endedOf(pair);
  if (names.length === 0) return [];
  const words: string[] = [];
  for (const { spec, program } of [pair.buyer, pair.store]) {
    if (program === undefined || !names.includes(spec.podName)) continue;
    const { code, signal } = await program.ended();
    words.push(`${spec.podName} (${code ?? signal}): ${program.text.slice(-1500)}`);
  }
  await startAgain(pair);
  return words;
}
