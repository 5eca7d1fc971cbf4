import { BehaviorSubject, filter, tap } from 'rxjs';
import { expect } from 'vitest';
import { watchAll } from '../../../src/kube/watch/all.ts';
import { newCounters } from '../../../src/kube/watch/types.ts';
import { problemLog, record } from '../recorder.ts';
import { type ContractCase, configMaps, install, put, services, watchOf, widgetsOf } from './lab.ts';

/** Following what changes. */
export const watches: readonly ContractCase[] = [
  {
    name: 'tells the list, then each change',
    run: async lab => {
      const inside = await lab.namespace();
      const a = await put(lab, inside, 'a');
      using told = record(watchOf(lab, configMaps, inside));
      await told.seen(/^synced/);
      const b = await put(lab, inside, 'b');
      await lab.client.delete(configMaps, { namespace: inside, name: 'a' });
      const deleted = await told.seen(/^deleted/);
      expect(told.lines.filter(each => !/^synced|kube-root-ca/.test(each))).toEqual([
        `applied ${inside}/a ${a.metadata.resourceVersion}`,
        `applied ${inside}/b ${b.metadata.resourceVersion}`,
        deleted,
      ]);
      expect(deleted).toMatch(new RegExp(`^deleted ${inside}/a [0-9]+$`));
    },
  },
  {
    name: 'loses nothing while it is held, and needs no new list for it',
    run: async lab => {
      const inside = await lab.namespace();
      const [hold, counters] = [new BehaviorSubject(false), newCounters()];
      using told = record(watchOf(lab, configMaps, inside, { hold, counters }));
      await told.seen(/^synced/);
      await put(lab, inside, 'before');
      await told.seen(/before/);
      hold.next(true);
      await put(lab, inside, 'gone');
      await lab.client.delete(configMaps, { namespace: inside, name: 'gone' });
      await put(lab, inside, 'while');
      hold.next(false);
      await told.seen(/while/);
      const names = told.lines.map(each => each.replace(/ \d+$/, '')).filter(each => /gone|while/.test(each));
      expect(names).toEqual([`applied ${inside}/gone`, `deleted ${inside}/gone`, `applied ${inside}/while`]);
      expect(counters).toMatchObject({ relists: 0, missed: 0, errors: 0, reconnects: 1 });
    },
  },
  {
    name: 'tells what a consumer has only when it differs',
    run: async lab => {
      const inside = await lab.namespace();
      const [same, changed] = [await put(lab, inside, 'same'), await put(lab, inside, 'changed')];
      const known = [same, changed].map(
        ({ metadata }) => [`${inside}/${metadata.name}`, metadata.resourceVersion ?? ''] as const,
      );
      await lab.client.replace(configMaps, { ...changed, data: { now: 'newer' } });
      using told = record(watchOf(lab, configMaps, inside, { known: [...known, [`${inside}/deleted`, '1']] }));
      await told.seen(/^synced/);
      const lines = told.lines.filter(each => !/^synced|kube-root-ca/.test(each));
      expect(lines.map(each => each.replace(/ \d+$/, ''))).toEqual([
        `applied ${inside}/changed`,
        `deleted ${inside}/deleted`,
      ]);
    },
  },
  {
    name: 'follows a kind that is installed later',
    run: async lab => {
      const inside = await lab.namespace();
      const widgets = widgetsOf('late');
      const log = problemLog();
      const bounds = { absentMs: 50, confirmMs: 10 };
      using told = record(watchOf(lab, widgets, inside, { onProblem: log.onProblem, bounds }));
      expect(await told.seen(/^synced/)).toBe('synced ');
      await install(lab, widgets);
      await lab.client.create(widgets, { metadata: { namespace: inside, name: 'a' } });
      await told.seen(/^applied/);
      expect(log.codes()).toEqual(['FSM4001']);
    },
  },
  {
    name: 'follows an older version where the newer one is not served',
    run: async lab => {
      const inside = await lab.namespace();
      const widgets = { ...widgetsOf('old'), versions: ['v2', 'v1'] };
      await install(lab, widgets);
      await lab.client.create(widgets, { metadata: { namespace: inside, name: 'a' } });
      const log = problemLog();
      const versions: unknown[] = [];
      const told = watchOf(lab, { ...widgets, version: 'v2' }, inside, { onProblem: log.onProblem }).pipe(
        tap(event => void (event.type === 'applied' && versions.push(event.raw.apiVersion))),
      );
      using recorder = record(told);
      await recorder.seen(/^synced \d/);
      await lab.client.create(widgets, { metadata: { namespace: inside, name: 'b' } });
      await recorder.seen(/^applied .*\/b /);
      expect(versions).toEqual([`${widgets.group}/v1`, `${widgets.group}/v1`]);
      expect(log.problems).toEqual([]);
    },
  },
  {
    name: 'tells a slow consumer the newest of each object',
    run: async lab => {
      const inside = await lab.namespace();
      const log = problemLog();
      const proceed = Promise.withResolvers<void>();
      // Slow from `busy` on, and not before: others' objects come and go in this cluster, too.
      const isBusy = () => told.lines.some(each => each.includes('/busy '));
      const watched = watchAll(lab.client, [configMaps, services], {
        onProblem: log.onProblem,
        ready: () => (isBusy() ? proceed.promise : Promise.resolve()),
      });
      const mine = watched.pipe(
        filter(event => event.type === 'synced' || ('key' in event && event.key.startsWith(`${inside}/`))),
      );
      using told = record(mine);
      await told.seen(/^synced/);
      await put(lab, inside, 'busy');
      await told.seen(/busy/);
      const first = await put(lab, inside, 'a');
      await lab.client.replace(configMaps, { ...first, data: { a: '1' } });
      const last = await lab.client.replace(configMaps, {
        ...first,
        metadata: { namespace: inside, name: 'a' },
        data: { a: '2' },
      });
      const done = await put(lab, inside, 'z');
      using other = record(watchOf(lab, configMaps, inside));
      await other.seen(/\/z /);
      proceed.resolve();
      await told.seen(/\/z /);
      const lines = told.lines.filter(each => /\/[az] /.test(each));
      expect(lines.slice(-2)).toEqual([
        `applied ${inside}/a ${last.metadata.resourceVersion}`,
        `applied ${inside}/z ${done.metadata.resourceVersion}`,
      ]);
      expect(log.problems).toEqual([]);
    },
  },
];
