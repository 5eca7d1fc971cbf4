import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type SubjectName, signLeaf } from '../../src/identity/issuer.ts';
import { identityOf } from '../../src/identity/peer.ts';
import { ExtendedKeyUsage } from '../../src/identity/x509.ts';
import { dayMs, newKey, newRoot, pod, trustDomain, workload } from './harness.ts';

const uri: SubjectName = { type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/web' };
const twin: SubjectName = { type: 'dns', value: 'web.shop.sa.cluster.local' };
const foreignUri: SubjectName = { type: 'url', value: 'spiffe://other/ns/shop/sa/web' };
const podName: SubjectName = { type: 'dns', value: 'uid-1.pod.cluster.local' };

/** The root signs whatever it is told: what is refused here is refused by the reader. */
async function certificateWith(names: readonly SubjectName[]): Promise<X509Certificate> {
  const leaf = { publicKey: newKey().publicKey, names, usages: [ExtendedKeyUsage.clientAuth], validityMs: dayMs };
  const issued = await signLeaf(await newRoot('mesh'), { ...leaf, nowMs: Date.now() });
  return new X509Certificate(issued.certificatePem);
}

describe('the identity of a peer', () => {
  it('is read from both forms of a certificate that Node has', async () => {
    const certificate = new X509Certificate((await workload(await newRoot('mesh'))).cert);
    const { namespace, serviceAccount, podUid } = pod;
    const principal = 'buyer.web.bookbuyer.cluster.local';
    const result = { ok: true, identity: { trustDomain, namespace, serviceAccount, podUid, principal } };
    expect(identityOf(certificate, trustDomain)).toEqual(result);
    expect(identityOf(certificate.toLegacyObject(), trustDomain)).toEqual(result);
  });

  it('does not depend on the order of names', async () => {
    const certificate = await certificateWith([podName, twin, uri]);
    expect(identityOf(certificate, trustDomain)).toMatchObject({ ok: true, identity: { podUid: 'uid-1' } });
  });

  it.each<[string, readonly SubjectName[]]>([
    ['without a SPIFFE ID', [twin, podName]],
    ['without a twin', [uri, podName]],
    ['without a pod', [uri, twin]],
    ['with two SPIFFE IDs', [uri, { ...uri, value: 'spiffe://cluster.local/ns/shop/sa/admin' }, podName]],
    ['with a twin of somebody else', [uri, { ...twin, value: 'admin.shop.sa.cluster.local' }, podName]],
    ['with another twin after its pod', [uri, podName, { ...twin, value: 'admin.shop.sa.cluster.local' }]],
    ['with the twin twice', [uri, twin, twin]],
    ['with two pods', [uri, twin, podName, { ...podName, value: 'uid-2.pod.cluster.local' }]],
    ['with the name of a host', [uri, twin, podName, { type: 'dns', value: 'shop.example' }]],
    ['with an address', [uri, twin, podName, { type: 'ip', value: '127.0.0.1' }]],
    ['with a pod of another trust domain', [uri, twin, { ...podName, value: 'uid-1.pod.other' }]],
    [
      'with a name that holds others',
      [{ type: 'url', value: `${uri.value}, DNS:${twin.value}, DNS:${podName.value}` }],
    ],
    ['of another trust domain', [foreignUri, { ...twin, value: 'web.shop.sa.other' }, podName]],
  ])('is refused %s', async (_, names) => {
    const result = identityOf(await certificateWith(names), trustDomain);
    expect(result).toMatchObject({ ok: false, problem: { code: 'FSM2003' } });
  });
});
