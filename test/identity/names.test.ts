import { describe, expect, it } from 'vitest';
import {
  dnsTwin,
  isWorkloadIdentity,
  parseDnsTwin,
  parsePodDnsName,
  parsePrincipal,
  parseSpiffeId,
  podDnsName,
  principalName,
  spiffeId,
} from '../../src/identity/names.ts';

const dotted = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'web.v2' };

describe('names of a workload', () => {
  it('writes one identity three ways', () => {
    expect(spiffeId(dotted)).toBe('spiffe://cluster.local/ns/shop/sa/web.v2');
    expect(dnsTwin(dotted)).toBe('web.v2.shop.sa.cluster.local');
    expect(principalName(dotted)).toBe('web.v2.shop.cluster.local');
    expect(podDnsName({ trustDomain: 'cluster.local', podUid: '1-a' })).toBe('1-a.pod.cluster.local');
  });

  it('reads back what it wrote, from the right', () => {
    expect(parseSpiffeId(spiffeId(dotted))).toEqual(dotted);
    expect(parseDnsTwin(dnsTwin(dotted), 'cluster.local')).toEqual(dotted);
    expect(parsePrincipal(principalName(dotted), 'cluster.local')).toEqual(dotted);
    expect(parsePodDnsName('1-a.pod.cluster.local', 'cluster.local')).toBe('1-a');
  });

  it.each([
    'spiffe://cluster.local/ns/shop/sa/',
    'spiffe://cluster.local/ns/shop/sa/web/x',
    'spiffe://cluster.local/ns/a.b/sa/web',
    'spiffe://cluster.local/ns/Shop/sa/web',
    'spiffe://cluster.local/ns/shop/sa/..',
    'spiffe://cluster.local:80/ns/shop/sa/web',
    'https://cluster.local/ns/shop/sa/web',
    ' spiffe://cluster.local/ns/shop/sa/web',
    'spiffe://cluster.local/ns/shop/sa/web\n',
    '',
  ])('refuses the SPIFFE ID %j', uri => {
    expect(parseSpiffeId(uri)).toBeUndefined();
  });

  it.each(['web.shop.cluster.local', 'web.shop.sa.other.local', 'shop.sa.cluster.local', '.shop.sa.cluster.local', ''])(
    'refuses the twin %j',
    name => {
      expect(parseDnsTwin(name, 'cluster.local')).toBeUndefined();
    },
  );

  it.each(['a.b.pod.cluster.local', '.pod.cluster.local', 'A.pod.cluster.local', 'a.cluster.local'])(
    'refuses the pod name %j',
    name => {
      expect(parsePodDnsName(name, 'cluster.local')).toBeUndefined();
    },
  );

  it.each(['a'.repeat(64), 'a'.repeat(253), `${'a'.repeat(100)}.b`, Array(4).fill('a'.repeat(60)).join('.')])(
    'takes every name that Kubernetes gives a ServiceAccount, whatever DNS can hold: %s',
    serviceAccount => {
      const identity = { ...dotted, serviceAccount };
      expect(isWorkloadIdentity({ ...identity, podUid: '1' })).toBe(true);
      expect(parseSpiffeId(spiffeId(identity))).toEqual(identity);
      const labels = dnsTwin(identity).split('.');
      expect(Math.max(...labels.map(({ length }) => length))).toBeLessThanOrEqual(63);
      expect(dnsTwin(identity).length).toBeLessThanOrEqual(253);
    },
  );

  it('refuses an identity whose names do not fit into a certificate', () => {
    const trustDomain = Array(4).fill('a'.repeat(60)).join('.');
    expect(isWorkloadIdentity({ ...dotted, podUid: '1' })).toBe(true);
    expect(isWorkloadIdentity({ ...dotted, podUid: '1', trustDomain })).toBe(false);
    expect(isWorkloadIdentity({ ...dotted, podUid: '1', serviceAccount: 'a'.repeat(254) })).toBe(false);
    expect(isWorkloadIdentity({ ...dotted, podUid: '1', serviceAccount: 'a..b' })).toBe(false);
    expect(isWorkloadIdentity({ ...dotted, podUid: '' })).toBe(false);
  });
});
