/**
 * How a ServiceAccount is written where only DNS names can be: its principal, and the DNS twin that a certificate
 * carries and a proxy's script reads back (`dataplane/policy/principal.js`). Kubernetes allows names that no DNS name
 * can hold: a label of a ServiceAccount may have 253 characters, one of DNS has 63, and a DNS name has 253 in all. So
 * there are three forms, each under a reserved label of its own, so that no two accounts share one:
 *
 * | form | twin | principal |
 * |---|---|---|
 * | plain | `<account>.<namespace>.sa.<trust domain>` | `<account>.<namespace>.<trust domain>` |
 * | folded: a label is too long | `<labels in pieces>.<namespace>.sa-long.<trust domain>` | the same as plain |
 * | hashed: the whole is too long even then | `<hash>.<namespace>.sa-hash.<trust domain>` | `~<hash>.<namespace>.<trust domain>` |
 *
 * No ServiceAccount has a `~` in its name. The SPIFFE ID keeps the true name in every form.
 */
import { createHash } from 'node:crypto';

/** A ServiceAccount. */
export interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** Longest label and longest name of DNS in text form (RFC 1035, 2.3.4). */
const labelMax = 63;
const nameMax = 253;

/** A piece of a label that is too long has a letter before and behind it. */
const pieceMax = labelMax - 2;

/** Hexadecimal digits of a SHA-256 that fit into a label: 240 bits. */
const hashDigits = 60;

/** The principal of a ServiceAccount, as policies and rules compare it. */
export function principalOf(account: Account, trustDomain: string): string {
  const name = inForm(account, trustDomain) === 'hashed' ? `~${hashOf(account.name)}` : account.name;
  return `${name}.${account.namespace}.${trustDomain}`;
}

/** The DNS name in a workload's certificate from which a script reads the principal. */
export function twinOf(account: Account, trustDomain: string): string {
  return twins[inForm(account, trustDomain)](account, trustDomain);
}

type Form = 'plain' | 'folded' | 'hashed';

const twins: Readonly<Record<Form, (account: Account, trustDomain: string) => string>> = {
  plain: ({ namespace, name }, trustDomain) => `${name}.${namespace}.sa.${trustDomain}`,
  folded: ({ namespace, name }, trustDomain) => `${folded(name)}.${namespace}.sa-long.${trustDomain}`,
  hashed: ({ namespace, name }, trustDomain) => `${hashOf(name)}.${namespace}.sa-hash.${trustDomain}`,
};

/** Most names are short: nothing is made for them but their length. */
function inForm(account: Account, trustDomain: string): Form {
  const { namespace, name } = account;
  const fits = name.length + namespace.length + trustDomain.length + '..sa.'.length <= nameMax;
  if (fits && (name.length <= labelMax || name.split('.').every(label => label.length <= labelMax))) return 'plain';
  return twins.folded(account, trustDomain).length <= nameMax ? 'folded' : 'hashed';
}

/** Every label in pieces `c…x`, its last one `e…x`: letters at both ends keep a dash from standing there. */
function folded(name: string): string {
  return name.split('.').map(foldedLabel).join('.');
}

function foldedLabel(label: string): string {
  const count = Math.max(1, Math.ceil(label.length / pieceMax));
  const pieces = Array.from({ length: count }, (_, at) => label.slice(at * pieceMax, (at + 1) * pieceMax));
  return pieces.map((piece, at) => `${at === count - 1 ? 'e' : 'c'}${piece}x`).join('.');
}

function hashOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, hashDigits);
}
