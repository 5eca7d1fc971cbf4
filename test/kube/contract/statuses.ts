import { expect } from 'vitest';
import { listAll } from '../../../src/kube/client.ts';
import { createStatusWriter } from '../../../src/kube/status.ts';
import { type ContractCase, install, kubeEvents, widgetsOf } from './lab.ts';

const problem = {
  code: 'FSM1002',
  path: '/spec/service',
  what: 'Service shop/web does not exist',
  why: 'there is nothing to split',
  fix: 'create it',
} as const;

/** Saying what is wrong with an object. */
export const statuses: readonly ContractCase[] = [
  {
    name: 'writes a condition once, and leaves those of others alone',
    run: async lab => {
      const [inside, widgets] = [await lab.namespace(), widgetsOf('cond')];
      await install(lab, widgets, { status: {} });
      const path = { namespace: inside, name: 'a' };
      const created = await lab.client.create(widgets, { metadata: path, spec: { size: 1 } });
      const theirs = {
        type: 'Theirs',
        status: 'True',
        reason: 'Any',
        message: '',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      };
      await lab.client.patch(widgets, { ...path, subresource: 'status' }, 'merge', {
        status: { conditions: [theirs] },
      });
      const writer = createStatusWriter(lab.client, {
        resources: [{ ...widgets, version: 'v2', versions: ['v2', 'v1'] }],
        onProblem: fail,
      });
      const desired = {
        kind: 'Widget',
        ...path,
        resourceVersion: created.metadata.resourceVersion ?? '',
        problems: [problem],
      };
      writer.update({ ...desired, generation: 1 });
      await writer.idle();
      const written = await lab.client.get(widgets, path);
      expect(written.status).toEqual({
        conditions: [
          theirs,
          {
            type: 'Accepted',
            status: 'False',
            reason: 'FSM1002',
            message:
              'FSM1002 /spec/service: Service shop/web does not exist; there is nothing to split. Fix: create it',
            observedGeneration: 1,
            lastTransitionTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
        ],
      });
      // What our own write brings back says the same, so nothing is written: no loop.
      writer.update({ ...desired, resourceVersion: written.metadata.resourceVersion ?? '' });
      await writer.idle();
      expect((await lab.client.get(widgets, path)).metadata.resourceVersion).toBe(written.metadata.resourceVersion);
      expect(writer.counters).toMatchObject({ written: 1, unchanged: 1, errors: 0 });
      writer.update({ ...desired, problems: [], generation: 1 });
      await writer.idle();
      expect(await lab.client.get(widgets, path)).toMatchObject({
        status: { conditions: [theirs, { type: 'Accepted', status: 'True', reason: 'Accepted' }] },
      });
    },
  },
  {
    name: 'writes an event where the kind has no status',
    run: async lab => {
      const [inside, widgets] = [await lab.namespace(), widgetsOf('bare')];
      await install(lab, widgets);
      const path = { namespace: inside, name: 'a' };
      await lab.client.create(widgets, { metadata: path });
      for (const onProblem of [fail, fail]) {
        const writer = createStatusWriter(lab.client, { resources: [widgets], onProblem });
        writer.update({ kind: 'Widget', ...path, problems: [problem] });
        await writer.idle();
      }
      const events = await listAll(lab.client, kubeEvents, { namespace: inside });
      expect(events).toEqual([
        expect.objectContaining({
          type: 'Warning',
          reason: 'FSM1002',
          message: expect.stringContaining('Service shop/web does not exist'),
          involvedObject: expect.objectContaining({ kind: 'Widget', namespace: inside, name: 'a' }),
        }),
      ]);
    },
  },
];

function fail(problem: { what: string }): never {
  throw new Error(`no problem was expected: ${problem.what}`);
}
