/** Which objects a command line means, in the ways that kubectl knows. */
import { usage } from '../failure.ts';
import type { Discovered, Discovery } from './discovery.ts';

/** A kind, and the name of one of its objects; without a name all of them. */
export interface Target {
  readonly kind: Discovered;
  readonly name?: string;
}

/**
 * `pods`, `pods,svc`, `all`; with names `pods a b`, `pods,svc a`; `pod/a svc/b`.
 *
 * @throws ProblemError FSM6003 for what is mixed, or a kind that the cluster does not have
 */
export async function targetsOf(discovery: Discovery, args: readonly string[]): Promise<readonly Target[]> {
  const [first = '', ...names] = args;
  if (args.some(arg => arg.includes('/'))) return pairs(discovery, args);
  const kinds = await kindsOf(discovery, first);
  if (names.length === 0) return kinds.map(kind => ({ kind }));
  return kinds.flatMap(kind => names.map(name => ({ kind, name })));
}

async function kindsOf(discovery: Discovery, text: string): Promise<readonly Discovered[]> {
  const names = text.split(',').filter(Boolean);
  if (names.length === 0) throw usage('no kind is named', 'name one, such as pods');
  const kinds: Discovered[] = [];
  for (const name of names) kinds.push(...(await discovery.named(name)));
  return kinds.filter(
    (kind, i) => kinds.findIndex(one => one.plural === kind.plural && one.group === kind.group) === i,
  );
}

async function pairs(discovery: Discovery, args: readonly string[]): Promise<readonly Target[]> {
  const targets: Target[] = [];
  for (const arg of args) {
    const [kindName = '', name = '', ...more] = arg.split('/');
    if (kindName === '' || name === '' || more.length > 0)
      throw usage(`${arg} is no kind/name`, 'write every one as kind/name, or a kind and then names');
    for (const kind of await kindsOf(discovery, kindName)) targets.push({ kind, name });
  }
  return targets;
}
