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

  it('refuses an identity whose names do not fit into a certificate', () => {
    const serviceAccount = Array.from({ length: 4 }, () => 'a'.repeat(60)).join('.');
    expect(isWorkloadIdentity({ ...dotted, podUid: '1' })).toBe(true);
    expect(isWorkloadIdentity({ ...dotted, podUid: '1', serviceAccount })).toBe(false);
    expect(isWorkloadIdentity({ ...dotted, podUid: '' })).toBe(false);
  });
});
