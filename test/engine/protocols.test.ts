import { describe, expect, it } from 'vitest';
import type { Protocol } from '../../src/engine/config.ts';
import { combined } from '../../src/engine/derive/protocols.ts';

const tcp = { protocol: 'tcp' };
const first = { protocol: 'tcp-server-first' };
const either = { protocol: 'http', opaque: true };

/** What a port of a pod is that is behind two services, by what each says of it. */
const pairs: readonly (readonly [Protocol, Protocol, ReturnType<typeof combined> | object])[] = [
  ['http', 'http', { protocol: 'http' }],
  ['http', 'http2', { protocol: 'http' }],
  ['http', 'grpc', { protocol: 'http' }],
  ['http', 'tcp', either],
  ['http', 'https', either],
  ['http', 'tcp-server-first', first],
  ['http2', 'http2', { protocol: 'http2' }],
  ['http2', 'grpc', { protocol: 'http2' }],
  ['http2', 'tcp', either],
  ['http2', 'https', either],
  ['http2', 'tcp-server-first', first],
  ['grpc', 'grpc', { protocol: 'grpc' }],
  ['grpc', 'tcp', either],
  ['grpc', 'https', either],
  ['grpc', 'tcp-server-first', first],
  ['tcp', 'tcp', tcp],
  ['tcp', 'https', tcp],
  ['tcp', 'tcp-server-first', first],
  ['https', 'https', { protocol: 'https' }],
  ['https', 'tcp-server-first', first],
  ['tcp-server-first', 'tcp-server-first', first],
];

describe('a target port of two services', () => {
  it.each(pairs)('%s and %s', (a, b, both) => {
    expect(combined([a, b])).toEqual(both);
    expect(combined([b, a])).toEqual(both);
    expect(combined([a, b, a])).toEqual(both);
  });

  it('has a line for every pair', () => {
    const names = [...new Set(pairs.map(([a]) => a))];
    expect(pairs).toHaveLength((names.length * (names.length + 1)) / 2);
  });

  it('is bytes as soon as one of several says that the server speaks first', () => {
    expect(combined(['http', 'grpc', 'tcp', 'tcp-server-first'])).toEqual(first);
  });
});
