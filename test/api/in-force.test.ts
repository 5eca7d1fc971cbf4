import { describe, expect, it, test } from 'vitest';
import { parseDurationMs } from '../../src/api/duration.ts';
import { forceOf, idleFields, withoutForce } from '../../src/api/in-force.ts';
import { type Field, fieldsOf } from '../../src/api/reference.ts';
import { type ResourceKind, resourceOf, resources } from '../../src/api/resources.ts';
import { rulesOf } from '../../src/api/rules.ts';
import type { SchemaNode } from '../../src/api/schema.ts';
import { validate } from '../../src/api/validate.ts';
import { normalise } from '../../src/engine/normalise.ts';

const written = resources.filter(({ custom }) => custom).map(({ kind }) => kind);

function fields(kind: ResourceKind): Field[] {
  return fieldsOf(resourceOf(kind).schema as SchemaNode).filter(({ path }) => path.startsWith('spec'));
}

const isLeaf = ({ node }: Field) => node.properties === undefined && node.items?.properties === undefined;

describe.each(written)('%s', kind => {
  it('says of every field whether it is in force', () => {
    const silent = fields(kind).filter(field => isLeaf(field) && !forceOf(kind, field.path, field.node));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it('says nothing of a field that it does not have, or that the mesh reads', () => {
    const known = new Map(fields(kind).map(({ path, node }) => [path, node]));
    const table = Object.keys(withoutForce[kind] ?? {});
    expect(table.filter(path => !known.has(path) || known.get(path)?.['x-fsm-reads'])).toEqual([]);
  });
});

/** An object with one field set. */
function objectWith(path: string, value: unknown): Record<string, unknown> {
  const [first = '', ...rest] = path.split('.');
  const inner = rest.length === 0 ? value : objectWith(rest.join('.'), value);
  return first.endsWith('[]') ? { [first.slice(0, -2)]: [inner] } : { [first]: inner };
}

/** A value that is not the default. */
function otherValue(node: SchemaNode): unknown {
  if (node.enum !== undefined) return node.enum.find(value => value !== node.default);
  if (node.type === 'boolean') return node.default !== true;
  if (node.type === 'array') return ['x'];
  if (node.type === 'object') return { x: 'y' };
  if (node.type === 'string') return 'x';
  return Number(node.default ?? node.minimum ?? 0) + 1;
}

describe('a field that is not in force', () => {
  const idle = written.flatMap(kind =>
    fields(kind)
      .filter(field => isLeaf(field) && ['not yet', 'no effect'].includes(forceOf(kind, field.path, field.node) ?? ''))
      .map(({ path, node }) => [kind, path, node] as const),
  );

  it.each(idle)('%s %s is named when it is set, and not when it has its default', (kind, path, node) => {
    const { schema } = resourceOf(kind);
    expect(idleFields(kind, schema as SchemaNode, objectWith(path, otherValue(node)))).toEqual([path]);
    expect(idleFields(kind, schema as SchemaNode, objectWith(path, node.default))).toEqual([]);
  });

  it('is named where the schema does not know it', () => {
    const raw = {
      metadata: { name: 'x', namespace: 'shop' },
      spec: { service: 's', backends: [{ service: 'a', weight: 1, zone: 'b' }], mirror: { service: 'c' } },
    };
    expect(normalise('TrafficSplit', raw)).toMatchObject({
      ok: true,
      object: { idle: ['spec.backends[].zone', 'spec.mirror'] },
    });
  });

  it('leaves an object alone of which all is in force', () => {
    const raw = { metadata: { name: 'x', namespace: 'shop' }, spec: { matches: { name: 'tcp', ports: [80] } } };
    expect(normalise('TCPRoute', raw)).toMatchObject({ ok: true, object: { ports: [80] } });
    expect(normalise('TCPRoute', raw)).not.toHaveProperty('object.idle');
  });
});

describe('every number and every duration', () => {
  const isNumber = ({ type }: SchemaNode) => type === 'integer' || type === 'number';
  const all = written.flatMap(kind => fields(kind).map(({ path, node }) => ({ kind, path, node })));
  const numbers = all.filter(({ node }) => isNumber(node));
  const durations = all.filter(({ node }) => node['x-fsm-duration'] !== undefined);
  const problemsAt = (kind: ResourceKind, path: string, value: unknown) => {
    const raw = { metadata: { name: 'x', namespace: 'shop' }, ...objectWith(path, value) };
    const pointer = `/${path.replaceAll('[]', '.0').replaceAll('.', '/')}`;
    const bySchema = validate(kind, '', raw).filter(each => each.path === pointer);
    if (bySchema.length > 0) return bySchema.filter(({ fix }) => !fix.includes('maxWeight'));
    // An object that lacks other fields is not asked for more.
    const rules = kind === 'MeshConfig' ? rulesOf(kind, resourceOf(kind).schema as SchemaNode, raw) : [];
    const beyond = rules.filter(each => each.path === pointer);
    return beyond.filter(({ fix }) => !fix.includes('maxWeight')).map(finding => ({ code: 'FSM1001', ...finding }));
  };

  it('looks like one only where it is one', () => {
    const patterns = all.filter(({ node }) => node.pattern?.includes('|m|s|'));
    expect(patterns.map(({ path }) => path)).toEqual(durations.map(({ path }) => path));
    expect(numbers.length).toBeGreaterThan(20);
  });

  it.each(numbers)('$kind $path has bounds, and is held to them', ({ kind, path, node }) => {
    const { minimum = Number.NaN, maximum = Number.NaN } = node;
    for (const good of [minimum, maximum]) expect([good, problemsAt(kind, path, good)]).toEqual([good, []]);
    for (const bad of [minimum - 1, maximum + 1, 1e99, -1e99, '1', null])
      expect([bad, problemsAt(kind, path, bad)]).toEqual([bad, [expect.objectContaining({ code: 'FSM1001' })]]);
  });

  it.each(durations)('$kind $path has bounds, and is held to them', ({ kind, path, node }) => {
    const { least = '', most = '' } = node['x-fsm-duration'] ?? {};
    for (const good of [least, most]) expect([good, problemsAt(kind, path, good)]).toEqual([good, []]);
    const below =
      (parseDurationMs(least) ?? 0) === 0 ? [] : ['0', '0s', '1ns', `${(parseDurationMs(least) ?? 0) - 1e-3}ms`];
    for (const bad of [...below, '-1s', '999999999h', '1e3s', 'soon', '', 5])
      expect([bad, problemsAt(kind, path, bad)]).toEqual([bad, [expect.objectContaining({ code: 'FSM1001' })]]);
  });

  test('a certificate lasts long enough to be renewed', () => {
    const problems = problemsAt('MeshConfig', 'spec.certificate.serviceCertValidityDuration', '5s');
    expect(problems).toMatchObject([{ why: expect.stringContaining('may end before'), fix: 'write 24h' }]);
  });

  test('a weight does not rise downwards', () => {
    const raw = { metadata: { name: 'x', namespace: 'shop' }, spec: { warmup: { minWeight: 20, maxWeight: 10 } } };
    expect(validate('MeshConfig', '', raw)).toMatchObject([{ path: '/spec/warmup/minWeight' }]);
  });
});
