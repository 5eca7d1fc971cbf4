import { describe, expect, it } from 'vitest';
import { principalOf as readPrincipal } from '../../src/dataplane/policy/policy.js';
import { namespaceOf } from '../../src/dataplane/policy/principal.js';
import { principalOf, twinOf } from '../../src/engine/principals.ts';
import { pick, random } from './kit.ts';

const trustDomain = 'cluster.local';
const letters = 'abcex01-';

/** Names as Kubernetes takes them: labels of any length, 253 characters in all. */
function accountName(next: () => number): string {
  const labels = Array.from({ length: 1 + Math.floor(next() * 3) }, () => label(next));
  return (
    labels
      .join('.')
      .slice(0, 253)
      .replace(/[-.]+$/, '') || 'a'
  );
}

function label(next: () => number): string {
  const length = Math.floor(next() * pick(next, [8, 70, 260]));
  const text = Array.from({ length }, () => letters[Math.floor(next() * letters.length)]).join('');
  return `a${text}e`;
}

const samples = Array.from({ length: 3000 }, (_, seed) => {
  const next = random(seed);
  return { name: accountName(next), namespace: ['lab', 'a', 'n'.repeat(63)][seed % 3] ?? 'lab' };
});

describe('the DNS twin of a ServiceAccount', () => {
  it('is a DNS name, whatever the account is called', () => {
    for (const account of samples) {
      const twin = twinOf(account, trustDomain);
      expect(twin.length).toBeLessThanOrEqual(253);
      for (const part of twin.split('.')) expect(part).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    }
  });

  it('is read back by the policy as the principal that rules name', () => {
    for (const account of samples) {
      const principal = principalOf(account, trustDomain);
      expect(readPrincipal([twinOf(account, trustDomain), '1.pod.cluster.local'], trustDomain)).toBe(principal);
      expect(namespaceOf(principal, trustDomain)).toBe(account.namespace);
    }
  });

  it('belongs to one account only, and so does the principal', () => {
    const [twins, principals] = [new Map<string, string>(), new Map<string, string>()];
    for (const account of samples) {
      const id = `${account.namespace}/${account.name}`;
      const [twin, principal] = [twinOf(account, trustDomain), principalOf(account, trustDomain)];
      expect(twins.get(twin) ?? id).toBe(id);
      expect(principals.get(principal) ?? id).toBe(id);
      twins.set(twin, id);
      principals.set(principal, id);
    }
    expect(twins.size).toBeGreaterThan(2000);
  });

  it.each([
    ['plain', 'web.v2', 'web.v2.lab.sa.cluster.local', 'web.v2.lab.cluster.local'],
    ['plain up to 63', 'a'.repeat(63), `${'a'.repeat(63)}.lab.sa.cluster.local`, `${'a'.repeat(63)}.lab.cluster.local`],
    [
      'folded from 64',
      'a'.repeat(64),
      `c${'a'.repeat(61)}x.eaaax.lab.sa-long.cluster.local`,
      `${'a'.repeat(64)}.lab.cluster.local`,
    ],
    [
      'folded label by label',
      `b.${'a'.repeat(62)}-b`,
      `ebx.c${'a'.repeat(61)}x.ea-bx.lab.sa-long.cluster.local`,
      `b.${'a'.repeat(62)}-b.lab.cluster.local`,
    ],
  ])('%s', (_, name, twin, principal) => {
    expect(twinOf({ namespace: 'lab', name }, trustDomain)).toBe(twin);
    expect(principalOf({ namespace: 'lab', name }, trustDomain)).toBe(principal);
  });

  it('is a hash where nothing longer fits, and no account can be called so', () => {
    const account = { namespace: 'lab', name: 'a'.repeat(253) };
    expect(twinOf(account, trustDomain)).toMatch(/^[0-9a-f]{60}\.lab\.sa-hash\.cluster\.local$/);
    expect(principalOf(account, trustDomain)).toMatch(/^~[0-9a-f]{60}\.lab\.cluster\.local$/);
  });
});
