import { sign, X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { Problem } from '../../src/api/problem.ts';
import { identityOf } from '../../src/identity/peer.ts';
import { enrolAudience, enrolPaths, proofMessage } from '../../src/identity/protocol.ts';
import {
  type ControlPlane,
  enrolRequest,
  fetchNonce,
  newKey,
  type Overrides,
  pod,
  post,
  postEnrol,
  publicPem,
  startControlPlane,
  trustDomain,
} from './harness.ts';

let plane: ControlPlane;

async function start(overrides: Overrides = {}): Promise<void> {
  plane = await startControlPlane(overrides);
}

afterEach(() => plane.stop());

async function expectRefused(changes: Record<string, unknown>, reason: string | RegExp): Promise<void> {
  const answer = await postEnrol(plane, await enrolRequest(plane, changes));
  expect(answer).toMatchObject({ status: 401, body: { problem: { code: 'FSM2001' } } });
  expect(plane.log.at(-1)?.reason).toMatch(reason);
  expect(plane.enrolled).toEqual([]);
}

describe('enrolment', () => {
  it('gives a certificate for the key and the pod of the token', async () => {
    await start();
    const request = await enrolRequest(plane);
    const { status, body } = await postEnrol(plane, request);
    expect(status).toBe(200);
    const certificate = new X509Certificate(body.certificate);
    expect(publicPem(certificate.publicKey)).toBe(request.publicKey);
    expect(identityOf(certificate, trustDomain)).toMatchObject({ ok: true, identity: { podUid: pod.podUid } });
    expect(certificate.verify(new X509Certificate(body.roots[0] ?? '').publicKey)).toBe(true);
    expect(body).toMatchObject({ trustDomain, notAfter: certificate.validToDate.toISOString() });
    expect(plane.enrolled).toEqual([pod]);
  });

  it('gives none to a pod that takes no part, says why, and does when it does', async () => {
    let hindrance: Problem | undefined = {
      code: 'FSM3005',
      path: '',
      what: 'no part',
      why: 'no label',
      fix: 'label it',
    };
    await start({ hindrance: () => hindrance });
    const answer = await postEnrol(plane, await enrolRequest(plane));
    expect(answer).toMatchObject({ status: 503, body: { problem: { code: 'FSM3005', why: 'no label' } } });
    expect(plane.enrolled).toEqual([]);
    hindrance = undefined;
    expect(await postEnrol(plane, await enrolRequest(plane))).toMatchObject({ status: 200 });
  });

  it('takes a ServiceAccount whose name DNS cannot hold, and says so where a certificate cannot hold it either', async () => {
    let long = { ...pod, serviceAccount: 'a'.repeat(253) };
    await start({ reviewToken: async () => ({ ok: true, ...long }) });
    const { status, body } = await postEnrol(plane, await enrolRequest(plane));
    expect(status).toBe(200);
    expect(identityOf(new X509Certificate(body.certificate), trustDomain)).toMatchObject({
      ok: true,
      identity: { serviceAccount: long.serviceAccount, principal: expect.stringMatching(/^~[0-9a-f]{60}\./) },
    });
    long = { ...pod, serviceAccount: 'a'.repeat(254) };
    const refused = await postEnrol(plane, await enrolRequest(plane));
    expect(refused).toMatchObject({
      status: 400,
      body: { problem: { what: expect.stringContaining('cannot be written') } },
    });
  });

  it('takes no name from what the proxy says', async () => {
    await start();
    const claims = { namespace: 'kube-system', serviceAccount: 'admin', podUid: 'x', identity: { podUid: 'x' } };
    const { body } = await postEnrol(plane, await enrolRequest(plane, claims));
    expect(identityOf(new X509Certificate(body.certificate), trustDomain)).toMatchObject({
      identity: { namespace: pod.namespace, serviceAccount: pod.serviceAccount, podUid: pod.podUid },
    });
  });

  it('refuses a proof of another key', async () => {
    await start();
    await expectRefused({ publicKey: publicPem(newKey().publicKey) }, /^proof$/);
  });

  it('refuses a proof that is no signature', async () => {
    await start();
    await expectRefused({ proof: 'AAAA' }, /^proof$/);
    await expectRefused({ proof: '%' }, /^proof$/);
  });

  it('refuses a proof that was made for another token', async () => {
    await start();
    await expectRefused({ token: plane.tokens.make() }, /^proof$/);
  });

  it('refuses a proof that was made for another nonce', async () => {
    await start();
    await expectRefused({ nonce: await fetchNonce(plane) }, /^proof$/);
  });

  it('refuses a token that the cluster does not know', async () => {
    await start();
    await expectRefused(await signedWith('nobody.made.this'), /does not know \[token\]/);
  });

  it('refuses a token of another audience', async () => {
    await start();
    const forApi = plane.tokens.make('https://kubernetes.default.svc');
    await expectRefused(await signedWith(forApi), enrolAudience(trustDomain));
  });

  it('refuses a token that is bound to no pod', async () => {
    await start();
    const unbound = plane.tokens.make(enrolAudience(trustDomain), { ...pod, podUid: '' });
    await expectRefused(await signedWith(unbound), /the identity cannot be written/);
  });

  it('uses a nonce once, whatever became of it', async () => {
    await start();
    const request = await enrolRequest(plane);
    expect((await postEnrol(plane, request)).status).toBe(200);
    expect((await postEnrol(plane, request)).status).toBe(401);
    expect(plane.log.at(-1)?.reason).toBe('nonce');
    const other = await enrolRequest(plane);
    expect((await postEnrol(plane, { ...other, proof: 'AAAA' })).status).toBe(401);
    expect((await postEnrol(plane, other)).status).toBe(401);
    expect(plane.log.at(-1)?.reason).toBe('nonce');
  });

  it('of two requests with one nonce at a time lets one through', async () => {
    await start();
    const request = await enrolRequest(plane);
    const answers = await Promise.all([postEnrol(plane, request), postEnrol(plane, request)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
  });

  it('refuses a nonce that nobody gave, or that has expired', async () => {
    let monotonicMs = 0;
    await start({ monotonicMs: () => monotonicMs });
    await expectRefused(await signedWith(plane.tokens.make(), 'made-up'), /^nonce$/);
    const request = await enrolRequest(plane);
    monotonicMs = 60_000;
    expect((await postEnrol(plane, request)).status).toBe(401);
    expect(plane.log.at(-1)?.reason).toBe('nonce');
  });

  it('says the same words whichever check failed', async () => {
    await start();
    const bodies = [{ proof: 'AAAA' }, { nonce: 'x' }, await signedWith('unknown')].map(async changes => {
      return (await postEnrol(plane, await enrolRequest(plane, changes))).body;
    });
    expect(new Set((await Promise.all(bodies)).map(body => JSON.stringify(body))).size).toBe(1);
  });

  it('issues nothing while the clock is before its floor', async () => {
    await start({ now: () => 1000, clockFloorMs: () => 2000 });
    const answer = await postEnrol(plane, await enrolRequest(plane));
    expect(answer).toMatchObject({ status: 503, body: { problem: { code: 'FSM2002' } } });
    expect(plane.enrolled).toEqual([]);
  });

  it('says "later" when the cluster cannot be asked, and keeps the reason to itself', async () => {
    const problem = { code: 'FSM4002', path: '', what: 'apiserver 10.0.0.1 is away', why: '', fix: '' } as const;
    await start({ reviewToken: async () => ({ ok: false, problem }) });
    const answer = await postEnrol(plane, await enrolRequest(plane));
    expect(answer.status).toBe(503);
    expect(JSON.stringify(answer.body)).not.toContain('10.0.0.1');
    expect(plane.log.at(-1)?.reason).toContain('10.0.0.1');
  });

  it('gives no certificate that the lead was not told of', async () => {
    await start({ enrolled: () => Promise.reject(new Error('journal is full')) });
    const answer = await postEnrol(plane, await enrolRequest(plane));
    expect(answer.status).toBe(503);
    expect(JSON.stringify(answer.body)).not.toMatch(/CERTIFICATE|journal/);
  });

  it('never writes a token or a key into its log, not even when others quote it', async () => {
    await start({ reviewToken: async token => Promise.reject(new Error(`cannot post {"token":"${token}"}`)) });
    const request = await enrolRequest(plane);
    await postEnrol(plane, request);
    await postEnrol(plane, `{"token":"${request.token}"`);
    const log = JSON.stringify(plane.log);
    expect(log).toContain('cannot post');
    expect(log).not.toContain(request.token);
    expect(log).not.toContain(request.proof);
  });
});

describe('what enrolment takes at most', () => {
  it.each<[string, unknown, number]>([
    ['no JSON', '{', 400],
    ['null', null, 400],
    ['an array', [], 400],
    ['a field of another type', { token: 1, nonce: 'a', publicKey: 'b', proof: 'c' }, 400],
    ['an inherited field', '{"__proto__":{"token":"a"},"nonce":"a","publicKey":"b","proof":"c"}', 400],
    ['a nonce too long', { token: 'a', nonce: 'a'.repeat(65), publicKey: 'b', proof: 'c' }, 400],
    ['a body too long', { token: 'a'.repeat(40_000) }, 413],
  ])('refuses %s', async (_, body, status) => {
    await start();
    expect(await postEnrol(plane, body)).toMatchObject({ status, body: { problem: { code: 'FSM2001' } } });
  });

  it('answers 404 elsewhere', async () => {
    await start();
    expect((await post(plane, '/v1/enrol/other', {})).status).toBe(404);
  });

  it('bounds the nonces that wait', async () => {
    await start({ limits: { noncesMax: 2 } });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await post(plane, enrolPaths.nonce, {})).status);
    expect(statuses).toEqual([200, 200, 503]);
  });

  it('bounds what is under way', async () => {
    const held = Promise.withResolvers<void>();
    await start({
      limits: { concurrencyMax: 1 },
      reviewToken: async () => held.promise.then(() => ({ ok: true, ...pod })),
    });
    const [first, second] = [await enrolRequest(plane), await enrolRequest(plane)];
    const answers = [postEnrol(plane, first), postEnrol(plane, second)];
    expect((await Promise.race(answers)).status).toBe(503);
    held.resolve();
    expect((await Promise.all(answers)).map(({ status }) => status).sort()).toEqual([200, 503]);
    expect((await postEnrol(plane, await enrolRequest(plane))).status).toBe(200);
  });

  it('bounds the rate of one address', async () => {
    await start({ rate: { perSecond: 0.001, burst: 2 } });
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) statuses.push((await post(plane, enrolPaths.nonce, {})).status);
    expect(statuses).toEqual([200, 200, 429]);
  });
});

describe('the log of refusals', () => {
  it('is bounded, and counts what it leaves out', async () => {
    let monotonicMs = 0;
    await start({ monotonicMs: () => monotonicMs, rate: { perSecond: 1000, burst: 1000 } });
    const refuse = () => post(plane, enrolPaths.enrol, '{');
    await Promise.all(Array.from({ length: 110 }, refuse));
    expect(plane.log).toHaveLength(100);
    monotonicMs = 1000;
    await refuse();
    expect(plane.log.at(-1)).toMatchObject({ message: 'enrolment refused', unwritten: 10 });
  });
});

/** A consistent request around a given token, and a nonce of the plane's unless given. */
async function signedWith(token: string, nonce?: string) {
  const keys = newKey();
  const used = nonce ?? (await fetchNonce(plane));
  const proof = sign('sha256', proofMessage(used, token), keys.privateKey).toString('base64');
  return { token, nonce: used, publicKey: publicPem(keys.publicKey), proof };
}
