import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createRootIssuer } from '../../src/identity/issuer.ts';
import { createRenewal, keepFresh, type RenewalOptions, renewalDueAt } from '../../src/identity/renewal.ts';
import { dayMs, newRoot, pod, publicPem, trustDomain, workload } from './harness.ts';

const startMs = Date.UTC(2026, 0, 15);

async function renewalAt(nowMs: number, changes: Partial<RenewalOptions> = {}) {
  const root = await newRoot('mesh', () => startMs);
  const held = await workload(root, startMs);
  const renewal = createRenewal({
    issuer: createRootIssuer(root, () => nowMs),
    trustDomain,
    validityMs: () => dayMs,
    now: () => nowMs,
    clockFloorMs: () => startMs,
    takesPart: () => true,
    ...changes,
  });
  return { root, held, renewal };
}

describe('the time of renewal', () => {
  it('is around half of the life and before two thirds, whatever the life and the dice', () => {
    for (const lifeMs of [2_000, 60_000, 3_600_000, dayMs, 90 * dayMs]) {
      for (let step = 0; step <= 100; step += 1) {
        const due = renewalDueAt(new Date(startMs), new Date(startMs + lifeMs), Math.min(step / 100, 1 - 2 ** -53));
        const part = (due.getTime() - startMs) / lifeMs;
        expect(part).toBeGreaterThanOrEqual(0.4);
        expect(part).toBeLessThanOrEqual(0.6);
      }
    }
  });

  it('differs between proxies that started together', () => {
    const [first, last] = [0, 0.999].map(random => renewalDueAt(new Date(0), new Date(dayMs), random).getTime());
    expect((last ?? 0) - (first ?? 0)).toBeGreaterThan(dayMs / 10);
  });

  it('leaves a third of the real life, also when the life is short and backdated', async () => {
    const { issued } = await workload(await newRoot('mesh', () => startMs), startMs, 30_000);
    const dueMs = renewalDueAt(issued.notBefore, issued.notAfter, 0).getTime();
    expect(dueMs).toBeGreaterThan(startMs + 5_000);
    expect(renewalDueAt(issued.notBefore, issued.notAfter, 1).getTime()).toBeLessThan(startMs + 20_000);
  });
});

describe('a renewed certificate', () => {
  it('has the same key and names, another serial and a new life', async () => {
    const nowMs = startMs + dayMs / 2;
    const { held, renewal } = await renewalAt(nowMs);
    const result = await renewal.renew(new X509Certificate(held.cert));
    if (!result.ok) throw new Error(result.problem.what);
    const [before, after] = [held.cert, result.certificate.certificatePem].map(pem => new X509Certificate(pem));
    expect(publicPem(after?.publicKey ?? never())).toBe(publicPem(before?.publicKey ?? never()));
    expect(after?.subjectAltName).toBe(before?.subjectAltName);
    expect(after?.serialNumber).not.toBe(before?.serialNumber);
    expect(after?.validToDate).toEqual(new Date(nowMs + dayMs));
  });

  it('can be renewed in its turn, after the first one has ended', async () => {
    let nowMs = startMs + dayMs / 2;
    const { root, held, renewal } = await renewalAt(nowMs, { now: () => nowMs });
    const first = await renewal.renew(held.cert);
    if (!first.ok) throw new Error(first.problem.what);
    nowMs = startMs + dayMs;
    const later = createRenewal({ ...rest(root), now: () => nowMs });
    expect(await later.renew(held.cert)).toMatchObject({ ok: false, problem: { code: 'FSM2003' } });
    expect(await later.renew(first.certificate.certificatePem)).toMatchObject({ ok: true });
  });

  it('is not for a pod that is gone', async () => {
    const asked: unknown[] = [];
    const { held, renewal } = await renewalAt(startMs, { takesPart: identity => asked.push(identity) === 0 });
    expect(await renewal.renew(held.cert)).toMatchObject({ ok: false, problem: { code: 'FSM2003' } });
    const { namespace, serviceAccount, podUid } = pod;
    expect(asked).toEqual([{ trustDomain, namespace, serviceAccount, podUid }]);
  });

  it('is not made while the clock is before its floor', async () => {
    const { held, renewal } = await renewalAt(startMs - 1);
    expect(await renewal.renew(held.cert)).toMatchObject({ ok: false, problem: { code: 'FSM2002' } });
  });

  it('is a problem, not an exception, when the certificate manager fails', async () => {
    const issuer = { issue: () => Promise.reject(new Error('vault is sealed')), roots: () => [] };
    const { held, renewal } = await renewalAt(startMs, { issuer });
    const result = await renewal.renew(held.cert);
    expect(result).toMatchObject({ ok: false, problem: { what: expect.stringContaining('vault is sealed') } });
  });
});

describe('keeping a certificate fresh', () => {
  it('renews at each due time, retries a failure after a minute, and looks at the clock every hour', async () => {
    let nowMs = startMs;
    let calls = 0;
    const waits: number[] = [];
    const installed: Date[] = [];
    const failures: unknown[] = [];
    const abort = new AbortController();
    const life = () => ({ notBefore: new Date(nowMs), notAfter: new Date(nowMs + 4 * 3_600_000) });
    await keepFresh(life(), {
      make: async () => {
        calls += 1;
        if (calls === 1) throw new Error('not now');
        return life();
      },
      install: ({ notBefore }) => {
        installed.push(notBefore);
        if (installed.length === 2) abort.abort();
      },
      failed: error => void failures.push(error),
      now: () => nowMs,
      random: () => 0.5,
      wait: async delayMs => {
        waits.push(delayMs);
        nowMs += delayMs;
      },
      signal: abort.signal,
    });
    const hourMs = 3_600_000;
    expect(waits.slice(0, 5)).toEqual([hourMs, hourMs, 60_000, hourMs, hourMs]);
    expect(failures).toHaveLength(1);
    expect(installed).toEqual([startMs + 2 * hourMs + 60_000, startMs + 4 * hourMs + 60_000].map(ms => new Date(ms)));
  });

  it('ends when it is told to, and its timer keeps no process alive', async () => {
    const abort = new AbortController();
    const certificate = { notBefore: new Date(), notAfter: new Date(Date.now() + dayMs) };
    const make = () => Promise.reject(new Error('never due'));
    const kept = keepFresh(certificate, {
      make,
      install: () => undefined,
      failed: () => undefined,
      now: Date.now,
      random: Math.random,
      signal: abort.signal,
    });
    abort.abort();
    await expect(kept).resolves.toBeUndefined();
  });
});

function rest(root: Parameters<typeof createRootIssuer>[0]): Omit<RenewalOptions, 'now'> {
  const issuer = createRootIssuer(root, () => startMs + dayMs);
  return { issuer, trustDomain, validityMs: () => dayMs, clockFloorMs: () => startMs, takesPart: () => true };
}

function never(): never {
  throw new Error('no certificate');
}
