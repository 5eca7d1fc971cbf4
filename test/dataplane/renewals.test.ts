import { expect, it } from 'vitest';
import type { Problem } from '../../src/api/problem.ts';
import { heartbeatSeconds } from '../../src/dataplane/push/protocol.ts';
import { RenewalBook } from '../../src/dataplane/push/renewals.ts';
import type { Peer } from '../../src/dataplane/push/server.ts';
import { type Renewed, renewalDueAt } from '../../src/identity/renewal.ts';

const gone: Problem = { code: 'FSM2003', path: '', what: 'gone', why: 'it left', fix: 'nothing' };
const peer = { podUid: 'uid', principal: 'p', certificate: () => ({}) } as unknown as Peer;

it('tells once what hinders a renewal, and again when it is something else', async () => {
  const told: string[] = [];
  let result: Renewed = { ok: false, problem: gone };
  const renewal = { dueAt: () => new Date(0), renew: async () => result };
  const book = new RenewalBook(renewal, problem => told.push(problem.what));
  for (let beat = 0; beat < 3; beat++) expect(await book.renew(peer)).toBeUndefined();
  result = { ok: false, problem: { ...gone, what: 'the clock' } };
  await book.renew(peer);
  expect(told).toEqual(['gone', 'the clock']);
});

it('renews the shortest certificate that is accepted before it ends, whatever the dice and the beat', () => {
  const leastMs = 5 * 60_000;
  const dueMs = renewalDueAt(new Date(0), new Date(leastMs), 1).getTime();
  // Due just after a beat, then one try that fails: the next beat is still in time.
  expect(dueMs + 3 * heartbeatSeconds * 1000).toBeLessThan(leastMs);
});
