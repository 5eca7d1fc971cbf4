import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rowOf } from '../../src/cli/cluster/columns.ts';
import { readManifests } from '../../src/cli/cluster/manifests.ts';
import { choose, type ProxyRow } from '../../src/cli/commands/proxy.ts';
import { age, table } from '../../src/cli/output.ts';

describe('output', () => {
  test('aligns columns and leaves no spaces at the end', () => {
    expect(
      table(
        ['NAME', 'AGE'],
        [
          ['a', '1s'],
          ['bbbbbb', ''],
        ],
      ),
    ).toBe('NAME    AGE\na       1s\nbbbbbb');
  });

  test.each([
    [42_000, '42s'],
    [190_000, '3m10s'],
    [3_600_000, '60m'],
    [5 * 3_600_000, '5h'],
    [12 * 86_400_000, '12d'],
    [Number.NaN, ''],
  ])('writes an age of %d ms as %s', (ms, text) => {
    expect(age(0, ms)).toBe(text);
  });
});

describe('a row', () => {
  test('of a split names its backends, and whether the mesh takes it', () => {
    const split = {
      metadata: { name: 's', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { service: 'shop', backends: [{ service: 'v1', weight: 1 }] },
      status: { conditions: [{ type: 'Accepted', status: 'False' }] },
    };
    expect(rowOf('TrafficSplit', split, false, Date.parse('2026-01-01T00:01:00Z'))).toEqual({
      NAME: 's',
      SERVICE: 'shop',
      BACKENDS: 'v1 1',
      ACCEPTED: 'False',
      AGE: '60s',
    });
  });

  test.each([
    [{ phase: 'Running', containerStatuses: [{ ready: true, state: { running: {} } }] }, 'Running'],
    [
      { phase: 'Running', containerStatuses: [{ state: { waiting: { reason: 'CrashLoopBackOff' } } }] },
      'CrashLoopBackOff',
    ],
    [{ phase: 'Failed', reason: 'Evicted' }, 'Evicted'],
    [{ phase: 'Pending' }, 'Pending'],
  ])('of a pod says what it is about: %j', (status, text) => {
    expect(rowOf('Pod', { metadata: { name: 'p' }, status }, false, 0).STATUS).toBe(text);
    const going = { metadata: { name: 'p', deletionTimestamp: '2026-01-01T00:00:00Z' }, status };
    expect(rowOf('Pod', going, false, 0).STATUS).toBe('Terminating');
  });

  test('of a kind that nobody knows has name and age', () => {
    const row = rowOf('Widget', { metadata: { name: 'w' } }, true, 0);
    expect(row).toEqual({ NAME: 'w', AGE: '' });
  });
});

describe('manifests', () => {
  const file = (content: string) => {
    const path = join(mkdtempSync(join(tmpdir(), 'fsm-cli-')), 'm.yaml');
    writeFileSync(path, content);
    return path;
  };
  const object = (name: string) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name} } }`;

  test('may be several documents, empty ones and lists', async () => {
    const list = `{ apiVersion: v1, kind: List, items: [${object('b')}, ${object('c')}] }`;
    const found = await readManifests([file([object('a'), '', list].join('\n---\n'))]);
    expect(found.map(one => 'manifest' in one && one.manifest.metadata.name)).toEqual(['a', 'b', 'c']);
  });

  test.each([
    ['a: [', /is no YAML/],
    ['{ kind: ConfigMap, metadata: { name: a } }', /lacks apiVersion/],
    ['{ apiVersion: v1, kind: ConfigMap, metadata: { name: 7 } }', /lacks apiVersion, kind or metadata.name/],
    ['just text', /lacks apiVersion/],
    ['[1, 2]', /lacks apiVersion/],
    ['{ kind: List, items: [null] }', /lacks apiVersion/],
    [`a: &a [x]\nb: &b [${'*a,'.repeat(200)}]\nc: [${'*b,'.repeat(200)}]`, /cannot be used/],
  ])('that are %j are told in their place, and hide nothing beside them', async (content, message) => {
    const found = await readManifests([file(`${object('before')}\n---\n${content}`), file(object('after'))]);
    expect(found.map(one => ('manifest' in one ? one.manifest.metadata.name : one.problem.what))).toEqual([
      'before',
      expect.stringMatching(message),
      'after',
    ]);
  });

  test('that are nothing at all are a mistake of the user', async () => {
    await expect(readManifests([file('')])).rejects.toThrow('there is no object');
  });

  test('may be a folder, and a file that cannot be read hides none of the others', async () => {
    const one = file(object('a'));
    const found = await readManifests([dirname(one), join(dirname(one), 'nothing'), one]);
    expect(found.map(each => ('manifest' in each ? each.manifest.metadata.name : each.problem.code))).toEqual([
      'a',
      'FSM6005',
      'a',
    ]);
  });
});

describe('the name of a proxy', () => {
  const rows = ['a/web-1', 'b/web-1', 'b/db-2'].map(pod => ({ pod }) as ProxyRow);

  test('may be short where that is enough', () => {
    expect(choose('b/web-1', rows)).toBe('b/web-1');
    expect(choose('db', rows)).toBe('b/db-2');
    expect(() => choose('web', rows)).toThrow('web may be a/web-1, b/web-1');
    expect(() => choose('cache', rows)).toThrow('no enrolled sidecar is called cache');
  });
});
