import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../src/api/problem.ts';
import { DivergenceError, wordsOf } from '../../src/engine/divergence.ts';
import { exportHistory, replayHistory } from '../../src/engine/export.ts';
import { type History, historyText, parseHistory } from '../../src/engine/history.ts';
import type { Oracle } from '../../src/engine/outcomes.ts';
import { snapshotHash } from '../../src/engine/snapshot.ts';
import { batches, history } from './history.ts';
import { applied } from './kit.ts';
import { service } from './objects.ts';
import { folder, record } from './recording.ts';

/** Says which configuration a caller runs: enough to see that it is asked, and about which state. */
const oracle: Oracle = {
  questions: ({ roots }) => Object.keys(roots).map(client => ({ client, service: 'a/x', port: 80 })),
  answers: ({ roots }, asks) => asks.map(({ client }) => roots[client] ?? 'none'),
};
const way = (file = join(folder(), 'again.db')) => ({ file, threads: 0, oracle });

async function exported(seed: number, length: number, maxBytes = 1 << 30) {
  const file = join(folder(), 'journal.db');
  const live = await record(file, 0, { maxBytes });
  for (const batch of batches(seed, history(seed, length), 8)) await live.write(batch);
  const text = historyText(await exportHistory(way(file)));
  const wanted = { journal: live.journal.id, snapshot: snapshotHash(live.engine.snapshot), roots: live.view().roots };
  await live.close();
  return { text, wanted };
}

describe('a journal as text', () => {
  it('leads to the same, and is the same text when it is read and written', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { text, wanted } = await exported(seed, 60);
      expect(historyText(parseHistory(text)), `seed ${seed}`).toBe(text);
      expect(await replayHistory(parseHistory(text), way()), `seed ${seed}`).toMatchObject(wanted);
    }
  });

  it('stands on a checkpoint when the first events are gone', async () => {
    const { text, wanted } = await exported(5, 150, 4000);
    const read = parseHistory(text);
    expect(read.header.from).toBeGreaterThan(1);
    expect(read.base.length).toBeGreaterThan(1);
    expect(await replayHistory(read, way())).toMatchObject(wanted);
  });

  it('says after so many batches only of some what they led to, and always of the last', async () => {
    const file = join(folder(), 'journal.db');
    const live = await record(file);
    for (let port = 1; port <= 450; port++) await live.write([applied(service('shop', 'a', port))]);
    await live.close();
    const { outcomes } = await exportHistory(way(file));
    expect(outcomes.length).toBeLessThanOrEqual(200);
    expect(outcomes.at(-1)?.after).toBe(450);
  });
});

describe('a text that is not what it says', () => {
  const edited = async (change: (lines: string[]) => void) => {
    const lines = (await exported(1, 30)).text.split('\n');
    change(lines);
    return lines.join('\n');
  };

  it.each<[string, (lines: string[]) => void, string]>([
    ['no JSON', lines => lines.splice(3, 1, 'something'), 'FSM5001: line 4'],
    ['no object', lines => lines.splice(3, 1, '[]'), 'FSM5001: line 4'],
    ['nothing at all', lines => lines.splice(0), 'FSM5001: line 1'],
    ['no header', lines => lines.splice(0, 1), 'FSM5001: line 1'],
    ['a line of another kind', lines => lines.splice(1, 0, '{}'), 'FSM5001: line 2'],
    ['an event that is missing', lines => lines.splice(1, 1), 'FSM5001: line 2'],
    [
      'an event without an object',
      lines => lines.splice(1, 1, '{"revision":1,"at":1,"type":"applied","key":"a"}'),
      'FSM5001: line 2',
    ],
    ['a decision before any outcome', lines => lines.splice(1, 0, '{"ask":{},"is":""}'), 'FSM5001: line 2'],
    ['a newer format', lines => lines.splice(0, 1, '{"history":2}'), 'FSM5002: the history has format 2'],
    [
      'a later normaliser',
      lines => lines.splice(0, 1, lines[0]?.replace(/"normaliser":\d+/, '"normaliser":99') ?? ''),
      'FSM5002: the history has objects of a later normaliser',
    ],
  ])('%s', async (_, change, message) => {
    const text = await edited(change);
    expect(() => parseHistory(text)).toThrow(ProblemError);
    expect(() => parseHistory(text)).toThrow(message);
  });
});

describe('a divergence', () => {
  const failureOf = async (read: History) => {
    const failure = await replayHistory(read, way()).catch((error: unknown) => error);
    if (failure instanceof DivergenceError) return failure;
    throw new Error('it did not diverge');
  };

  it('names the first revision, the part, the proxy and the request', async () => {
    const read = parseHistory((await exported(4, 60)).text);
    const index = read.outcomes.findIndex(({ roots }) => Object.values(roots).some(hash => hash !== null));
    const outcome = read.outcomes[index];
    const [proxy = '', hash = ''] = Object.entries(outcome?.roots ?? {}).find(([, root]) => root !== null) ?? [];
    const wrong = { ...outcome, snapshot: 'S', roots: { ...outcome?.roots, [proxy]: 'R' } };
    const outcomes = read.outcomes.with(index, { ...wrong, after: outcome?.after ?? 0, decisions: [] });
    const { divergences, problem } = await failureOf({ ...read, outcomes });
    const at = { revision: outcome?.after, from: 0 };
    expect(divergences[0]).toEqual({ part: 'snapshot', ...at, expected: 'S', found: expect.stringMatching(/^.{32}$/) });
    expect(divergences[1]).toEqual({ part: 'root', ...at, proxy, expected: 'R', found: hash });
    expect(problem.what).toMatch(
      /^after revision \d+ the snapshot is "\S{32}", expected was "S", and 1 more difference$/,
    );
  });

  it('in a decision says who asks for what', async () => {
    const read = parseHistory((await exported(4, 60)).text);
    const index = read.outcomes.findIndex(({ decisions }) => decisions.length > 0);
    const outcome = read.outcomes[index];
    if (outcome === undefined) throw new Error('nobody was asked');
    const decisions = outcome.decisions.map(({ ask }) => ({ ask, is: 'otherwise' }));
    const { divergences, problem } = await failureOf({
      ...read,
      outcomes: read.outcomes.with(index, { ...outcome, decisions }),
    });
    expect(divergences.map(({ part }) => part)).toEqual(decisions.map(() => 'decision'));
    expect(problem.what).toContain(`${wordsOf(decisions[0]?.ask ?? { client: '', service: '', port: 0 })} is "`);
    expect(wordsOf({ client: 'a/b', service: 'c/d', port: 80, method: 'GET', path: '/', headers: { x: 'y' } })).toBe(
      'GET /, x: y of a/b to c/d:80',
    );
  });
});
