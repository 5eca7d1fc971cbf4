/** Runs a case again, or smaller ones instead of it, and says whether they fail in the same way. */
import type { Random } from '../simulator/random.ts';
import { type Case, exchangesOf, newId } from './case.ts';
import { check, issue, type Violation } from './check.ts';
import { probesOf } from './generate.ts';
import { runCase } from './run.ts';
import type { Fails } from './shrink.ts';
import type { Pair } from './world.ts';

/** Candidates that are tried at the same time, where one cannot spoil another. */
const together = 12;

/** The same case with other ids: an id is never used twice. */
export function withNewIds(from: Case, random: Random): Case {
  let text = JSON.stringify(from);
  for (const { id } of exchangesOf(from)) text = text.replaceAll(id, newId(random.next));
  return JSON.parse(text) as Case;
}

/** Fails as this violation does: of the same kind, in the same words, on the same shell. */
export function isSame(one: Violation, other: Violation): boolean {
  return one.kind === other.kind && one.what === other.what && one.shell === other.shell;
}

/** A violation, looked for again. */
export interface Repeated {
  /** As it was seen last. */
  latest: Violation;
  readonly fails: Fails;
}

/** Tells which of some cases fails in the way of a violation. @param onProbe it showed on a probe, not in the case itself */
export function failsLike(pair: Pair, violation: Violation, onProbe: boolean, random: Random): Repeated {
  const alone = onProbe || violation.kind === 'crash' || violation.kind === 'cross-talk';
  const repeated: Repeated = { latest: violation, fails };
  async function fails(candidates: readonly Case[]): Promise<Case | undefined> {
    for (let at = 0; at < candidates.length; at += alone ? 1 : together) {
      const some = candidates.slice(at, at + (alone ? 1 : together)).map(each => withNewIds(each, random));
      const failed = await firstFailing(pair, violation, some, onProbe ? probesOf(random) : []);
      if (failed === undefined || !(await isSure(failed.smaller))) continue;
      repeated.latest = failed.found;
      return failed.smaller;
    }
    return undefined;
  }
  /** On a busy machine a process may end so late that the next case is blamed: what ends one has to do it again. */
  async function isSure(smaller: Case): Promise<boolean> {
    if (violation.kind !== 'crash') return true;
    const once = [withNewIds(smaller, random)];
    return (await firstFailing(pair, violation, once, onProbe ? probesOf(random) : [])) !== undefined;
  }
  return repeated;
}

async function firstFailing(
  pair: Pair,
  violation: Violation,
  some: readonly Case[],
  probes: Case['links'],
): Promise<{ readonly smaller: Case; readonly found: Violation } | undefined> {
  const all = { links: some.flatMap(({ links }) => links) };
  const checked = { links: [...all.links, ...probes] };
  issue(checked);
  const found = check(checked, await runCase(pair, all, probes)).filter(each => isSame(each, violation));
  for (const each of some) {
    const own = found.find(({ id }) => some.length === 1 || exchangesOf(each).some(exchange => exchange.id === id));
    if (own !== undefined) return { smaller: each, found: own };
  }
  return undefined;
}
