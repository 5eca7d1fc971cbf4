/** The fuzzer: cases by seed on every pair, what was broken, and the smallest case that shows it. */
import { Random } from '../simulator/random.ts';
import { type Case, type Exchange, exchangesOf } from './case.ts';
import { check, compare, issue, type Violation } from './check.ts';
import { caseOf, corpus, probesOf } from './generate.ts';
import { failsLike, isSame } from './repeat.ts';
import type { Finding } from './report.ts';
import { runCase } from './run.ts';
import { plainNames, shrink } from './shrink.ts';
import { toleratedBecause } from './tolerated.ts';
import { type Held, heldBy, type Pair } from './world.ts';
import { settled } from './write.ts';

/** What a run is told. */
export interface Options {
  readonly seed: number;
  /** Whether another case may begin. */
  readonly goesOn: (cases: number) => boolean;
  /** First case; for following one of a longer run. */
  readonly first: number;
  /** Time that shrinking one finding may take. */
  readonly shrinkMs: number;
  readonly findingsMax: number;
  tell(finding: Finding): void;
}

/** What a run came to. */
export interface Outcome {
  readonly cases: number;
  readonly exchanges: number;
  readonly findings: readonly Finding[];
  /** Breaches that did not come again when their case was run again. */
  readonly once: readonly Violation[];
  /** Reason → how many breaches it let pass. */
  readonly tolerated: ReadonlyMap<string, number>;
  readonly held: readonly { readonly before: Held; readonly after: Held }[];
}

const linksAtOnce = 24;

/** Runs cases on pairs until it has been long enough. */
export async function fuzz(pairs: readonly Pair[], options: Options): Promise<Outcome> {
  const run = new Run(pairs, options);
  const slices = slicesOf(options.seed);
  let number = options.first;
  for (let count = 0; options.goesOn(count) && run.wantsMore; count++) {
    await run.one(number, slices[number] ?? caseOf(new Random(options.seed).fork(`case ${number}`)));
    // What a process holds when it has seen everything once is what it may hold.
    if (count === Math.min(slices.length, 10)) run.weigh();
    number++;
  }
  return run.end(number - options.first);
}

/** The corpus as it is comes first, in pieces. */
export function slicesOf(seed: number): Case[] {
  const random = new Random(seed).fork('corpus');
  const links = random.shuffled(corpus(random).links);
  const count = Math.ceil(links.length / linksAtOnce);
  return Array.from({ length: count }, (_, at) => ({ links: links.slice(at * linksAtOnce, (at + 1) * linksAtOnce) }));
}

class Run {
  readonly #pairs: readonly Pair[];
  readonly #options: Options;
  readonly #findings: Finding[] = [];
  readonly #once: Violation[] = [];
  readonly #tolerated = new Map<string, number>();
  #before: Held[];
  #exchanges = 0;

  constructor(pairs: readonly Pair[], options: Options) {
    this.#pairs = pairs;
    this.#options = options;
    this.#before = pairs.map(heldBy);
  }

  get wantsMore(): boolean {
    return this.#findings.length < this.#options.findingsMax;
  }

  weigh(): void {
    this.#before = this.#pairs.map(heldBy);
  }

  async one(number: number, each: Case): Promise<void> {
    const probes = probesOf(new Random(this.#options.seed).fork(`probes ${number}`));
    const checked = { links: [...each.links, ...probes] };
    issue(checked);
    const rans = await Promise.all(this.#pairs.map(pair => runCase(pair, each, probes)));
    this.#exchanges += exchangesOf(checked).length * rans.length;
    const [one, other] = rans;
    const found = [
      ...rans.flatMap(ran => check(checked, ran)),
      ...(one !== undefined && other !== undefined ? compare(one, other) : []),
    ];
    for (const violation of found) await this.#look(violation, each, checked, number);
  }

  /** Leaves out what is tolerated and what has been found before; the rest is tried again, and made small. */
  async #look(violation: Violation, each: Case, checked: Case, number: number): Promise<void> {
    const exchange = exchangesOf(checked).find(({ id }) => id === violation.id);
    const reason = toleratedBecause(violation, checked);
    if (reason !== undefined) return void this.#tolerated.set(reason, (this.#tolerated.get(reason) ?? 0) + 1);
    if (!this.wantsMore || this.#findings.some(finding => explains(finding, violation, exchange))) return;
    if (this.#once.filter(once => isSame(once, violation)).length > 2) return;
    const found = await this.#smallest(violation, each, number);
    if (found === undefined) return void this.#once.push(violation);
    const finding = { ...found, seed: `seed ${this.#options.seed}, case ${number}` };
    this.#findings.push(finding);
    this.#options.tell(finding);
  }

  async #smallest(violation: Violation, each: Case, number: number): Promise<Omit<Finding, 'seed'> | undefined> {
    const pair = this.#pairs.find(({ shell }) => shell === violation.shell);
    if (pair === undefined || violation.what.includes('admitted on')) return { violation, smallest: each };
    const own = each.links.filter(({ exchanges }) => exchanges.some(({ id }) => id === violation.id));
    const random = new Random(this.#options.seed).fork(`again ${number} ${violation.id}`);
    const again = failsLike(pair, violation, own.length === 0 && violation.id !== '', random);
    const starts = own.length === 0 ? [each, each] : [{ links: own }, each, each];
    for (const start of starts) {
      const failed = await again.fails([start]);
      const late = performance.now() + this.#options.shrinkMs;
      if (failed === undefined) continue;
      const smallest = await shrink(failed, again.fails, () => performance.now() > late);
      return { violation: again.latest, smallest };
    }
    return undefined;
  }

  async end(cases: number): Promise<Outcome> {
    const held = await Promise.all(
      this.#pairs.map(async (pair, at) => ({
        before: this.#before[at] as Held,
        after: await rested(pair, this.#before[at] as Held),
      })),
    );
    held.forEach(({ before, after }, at) => {
      const pair = this.#pairs[at] as Pair;
      if (isLess(after, before)) return;
      const detail = `${JSON.stringify(before)} → ${JSON.stringify(after)}`;
      const violation = {
        kind: 'memory',
        shell: pair.shell,
        id: '',
        what: 'memory or open files do not return',
        detail,
      } as const;
      const finding = { violation, smallest: { links: [] }, seed: `seed ${this.#options.seed}` };
      this.#findings.push(finding);
      this.#options.tell(finding);
    });
    return {
      cases,
      exchanges: this.#exchanges,
      findings: this.#findings,
      once: this.#once,
      tolerated: this.#tolerated,
      held,
    };
  }
}

/** How much more may be held than at the beginning: kept connections and a heap that has grown once. */
const allowance: Held = { memoryMiB: 250, files: 80 };

function isLess(after: Held, before: Held): boolean {
  return after.memoryMiB < before.memoryMiB + allowance.memoryMiB && after.files < before.files + allowance.files;
}

const settleMs = 10_000;

/** What a pair holds when it has come to rest, or after a time in which it should have. */
async function rested(pair: Pair, before: Held): Promise<Held> {
  const late = performance.now() + settleMs;
  await settled(
    () => isLess(heldBy(pair), before),
    () => late,
  );
  return heldBy(pair);
}

/** Whether a violation is one more sign of what was found: the same words, and the message that it took. */
function explains({ violation, smallest }: Finding, other: Violation, exchange: Exchange | undefined): boolean {
  if (!isSame(violation, other)) return false;
  const cause = exchangesOf(smallest);
  if (exchange === undefined || cause.length !== 1) return true;
  const [{ name, answer }] = cause as [Exchange];
  const plain =
    plainNames[answer.speaks === 2 && name.startsWith('GET') ? 1 : name.startsWith('h2') ? 2 : 1][answer.speaks];
  return (
    (name === plain || isLike(name, exchange.name)) &&
    (isPlain(answer.name) || isLike(answer.name, exchange.answer.name))
  );
}

function isPlain(answer: string): boolean {
  return answer === 'with a length' || answer === 'h2 with a body';
}

/** Mutated messages are not told apart: what was found is mended first. */
function isLike(found: string, name: string): boolean {
  return found === name || (found.endsWith('~') && name.endsWith('~'));
}
