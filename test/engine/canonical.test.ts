import { describe, expect, it } from 'vitest';
import { canonical, hashOf, type Json } from '../../src/engine/canonical.ts';

describe('canonical', () => {
  it('writes the sample of RFC 8785 section 3.2.2 as section 3.2.4 does', () => {
    const sample = {
      // biome-ignore lint/correctness/noPrecisionLoss: the sample of the RFC
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonical(sample)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units (RFC 8785 section 3.2.3)', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6'];
    const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'];
    const text = canonical(Object.fromEntries(keys.map(key => [key, 0])));
    expect(text).toBe(`{${sorted.map(key => `${JSON.stringify(key)}:0`).join(',')}}`);
  });

  it('sorts keys at every depth, keys that look like numbers too', () => {
    expect(canonical([{ 10: 0, 9: { b: 0, a: 0 } }])).toBe('[{"10":0,"9":{"a":0,"b":0}}]');
  });

  it.each<[number, string]>([
    [-0, '0'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [1e21, '1e+21'],
    [1e-7, '1e-7'],
  ])('writes %d as %s (RFC 8785 appendix B)', (number, text) => {
    expect(canonical(number)).toBe(text);
  });

  it('leaves out members whose value is undefined', () => {
    expect(canonical({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(hashOf({ a: 1, b: undefined })).toBe(hashOf({ a: 1 }));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuses %d', number => {
    expect(() => canonical({ a: [number] })).toThrow(TypeError);
  });

  it('addresses content, not the order in which it was written', () => {
    const one: Json = { a: [1, { c: 2, b: 3 }], d: null };
    const other: Json = { d: null, a: [1, { b: 3, c: 2 }] };
    expect(hashOf(one)).toBe(hashOf(other));
    expect(hashOf(one)).toMatch(/^[\w-]{32}$/);
    expect(hashOf([1, 2])).not.toBe(hashOf([2, 1]));
  });
});
