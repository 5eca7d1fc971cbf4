/**
 * Every committed history leads where it led when it was recorded. `UPDATE_HISTORIES=1` rewrites what it leads to:
 * read the difference before you commit it.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { oracle } from '../../src/admin/decisions.ts';
import { DivergenceError } from '../../src/engine/divergence.ts';
import { renewed, replayHistory } from '../../src/engine/export.ts';
import { type History, historyText, type Outcome } from '../../src/engine/history.ts';
import type { AppliedEvent, MeshEvent } from '../../src/engine/model.ts';
import { type Batch, expectEqual, type Mode, modes } from '../engine/modes.ts';
import { folder } from '../engine/recording.ts';
import { historyOf, recorded, textOf, update, write } from './files.ts';

const way = (threads = 0) => ({ file: join(folder(), 'journal.db'), threads, oracle });

async function failureOf(history: History): Promise<DivergenceError> {
  const failure = await replayHistory(history, way()).catch((error: unknown) => error);
  if (failure instanceof DivergenceError) return failure;
  throw new Error(`it did not diverge: ${failure}`);
}

describe.each(recorded)('%s', name => {
  if (update === '1')
    it('is written with what it leads to now', async () => write(name, await renewed(historyOf(name), way())));

  it('is canonical', () => {
    expect(historyText(historyOf(name))).toBe(textOf(name));
  });

  it.each([0, 2])('leads where it led, from its beginning and from the middle: %d threads', async threads => {
    const history = historyOf(name);
    const result = await replayHistory(history, way(threads));
    expect(result).toMatchObject({ byHash: true, outcomes: history.outcomes.length });
    expect(result.checkpoints.length).toBeGreaterThan(0);
  });

  // Modes begin with an empty mesh; a history that was sent may stand on a checkpoint.
  if (historyOf(name).header.from === 0)
    it('is the same in every mode', async () => {
      const fewThreads: Mode[] = [1, 2].map(threads => ({
        derive: 'incremental',
        threads,
        life: 'fresh',
        strict: true,
      }));
      await expectEqual([...modes(0), ...fewThreads], batchesOf(historyOf(name)), name);
    });
});

/** The events of a history as they were folded. */
function batchesOf({ events, outcomes }: History): Batch[] {
  return outcomes.map(({ after }, index) => {
    const before = outcomes[index - 1]?.after ?? 0;
    return { events: events.filter(({ revision }) => revision > before && revision <= after) };
  });
}

/** The outcome that an event is part of. */
function outcomeAfter({ outcomes }: History, revision: number): Outcome | undefined {
  return outcomes.find(({ after }) => after >= revision);
}

/** The same history in which one event says something else. */
function changed(history: History, at: number, change: (event: MeshEvent) => MeshEvent): History {
  return { ...history, events: history.events.map((event, index) => (index === at ? change(event) : event)) };
}

/** What an event can say without leaving its place: another version of the object, another pod, another root. */
function otherwise(event: MeshEvent): MeshEvent {
  if (event.type === 'rootChanged') return { ...event, roots: [...event.roots, 'another'] };
  if (event.type === 'enrolled') return { ...event, uid: 'another' };
  return event.type === 'applied' ? { ...event, resourceVersion: 'another' } : { ...event, key: 'not/there' };
}

/** The one name that a snapshot has no place for: whatever such an event says, it changes nothing. */
function hasPlace(event: MeshEvent | undefined): boolean {
  return event !== undefined && !('key' in event && event.key.split('/').includes('__proto__'));
}

describe('a history in which one event is another', () => {
  it.each(recorded)('%s: is seen at the revision of that event', async name => {
    const history = historyOf(name);
    for (let at = 0; at < history.events.length; at += 3) {
      if (!hasPlace(history.events[at])) continue;
      const revision = history.events[at]?.revision ?? 0;
      const { divergences, problem } = await failureOf(changed(history, at, otherwise));
      const after = outcomeAfter(history, revision)?.after;
      expect([...new Set(divergences.map(each => each.revision))], `event ${revision}`).toEqual([after]);
      expect(divergences[0], `event ${revision}`).toMatchObject({ part: 'snapshot', from: history.header.from });
      expect(problem).toMatchObject({
        code: 'FSM5003',
        what: expect.stringContaining(`after revision ${after} the snapshot`),
      });
    }
  });

  it('names the proxies and the decisions that differ', async () => {
    const history = historyOf('bookstore-split');
    const at = history.events.findLastIndex(event => event.type === 'applied' && event.kind === 'TrafficSplit');
    const { divergences } = await failureOf(changed(history, at, toVersion1));
    expect(divergences.filter(each => each.part === 'root').map(each => each.proxy)).toEqual(['bookbuyer/bookbuyer-1']);
    expect(divergences.filter(each => each.part === 'decision')).toContainEqual(
      expect.objectContaining({
        ask: {
          client: 'bookbuyer/bookbuyer',
          method: 'GET',
          path: '/buy',
          port: 14001,
          service: 'bookstore/bookstore',
        },
        expected: '100 % to bookstore/bookstore-v2:14001 (10.0.0.4:14001 admits)',
        found: '100 % to bookstore/bookstore-v1:14001 (10.0.0.3:14001 admits)',
      }),
    );
  });

  it('is compared by decisions alone when it was recorded by another derive version', async () => {
    const history = historyOf('bookstore-split');
    const other = { ...history, header: { ...history.header, derive: 0 } };
    const scrambled = other.outcomes.map(outcome => ({ ...outcome, snapshot: 'of another version' }));
    const result = await replayHistory({ ...other, outcomes: scrambled }, way());
    expect(result.byHash).toBe(false);
    const at = history.events.findLastIndex(event => event.type === 'applied' && event.kind === 'TrafficSplit');
    const { divergences } = await failureOf(changed(other, at, toVersion1));
    expect([...new Set(divergences.map(({ part }) => part))]).toEqual(['decision']);
  });
});

function toVersion1(event: MeshEvent): MeshEvent {
  const { object, ...rest } = event as AppliedEvent;
  const flipped = JSON.stringify(object).replace('"weight":0', '"weight":1').replace('"weight":100', '"weight":0');
  return { ...rest, object: JSON.parse(flipped) as AppliedEvent['object'] };
}

it('holds no key, token or annotation', () => {
  for (const name of recorded) {
    expect(textOf(name)).not.toMatch(/PRIVATE KEY|eyJ[\w-]{20,}\.|"annotations"|"env"/);
  }
});
