import { describe, expect, it } from 'vitest';
import { LineReader } from '../../src/dataplane/push/lines.ts';
import { random } from '../engine/kit.ts';

const lines = ['a', 'ä', '{"what":"€ 5"}', '😀'.repeat(300), 'é'.repeat(1000), 'x'];
const bytes = Buffer.from(`${lines.join('\n')}\n`);

/** Bytes in pieces of the sizes that are drawn, each in memory that is written over afterwards, as a socket's is. */
function inPieces(reader: LineReader, all: Buffer, size: () => number): string[] {
  const found: string[] = [];
  for (let at = 0; at < all.length; ) {
    const piece = Buffer.from(all.subarray(at, at + size()));
    at += piece.length;
    found.push(...reader.push(piece));
    piece.fill('#');
  }
  return found;
}

describe('lines come out whole', () => {
  it('byte by byte, through the middle of every character', () => {
    expect(inPieces(new LineReader(10_000), bytes, () => 1)).toEqual(lines);
  });

  it('however they are cut', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const next = random(seed);
      const most = 1 + Math.floor(next() * 400);
      const size = () => 1 + Math.floor(next() * most);
      expect(inPieces(new LineReader(10_000), bytes, size), `seed ${seed}`).toEqual(lines);
    }
  });

  it('as soon as their end is there, without the empty ones', () => {
    const reader = new LineReader(100);
    expect(reader.push(Buffer.from('one\n\n\ntwo\nthr'))).toEqual(['one', 'two']);
    expect(reader.push(Buffer.from('ee'))).toEqual([]);
    expect(reader.push(Buffer.from('\n'))).toEqual(['three']);
  });
});

describe('a line may be so long and no longer', () => {
  const line = '12345678€';
  const most = Buffer.byteLength(line);

  it.each([1, 4, 100])('in pieces of %d', size => {
    const twice = Buffer.from(`${line}\n${line}\n`);
    expect(inPieces(new LineReader(most), twice, () => size)).toEqual([line, line]);
    expect(() => inPieces(new LineReader(most - 1), twice, () => size)).toThrow(RangeError);
  });

  it('and is refused before its end has come', () => {
    const reader = new LineReader(most);
    expect(reader.push(Buffer.from(line))).toEqual([]);
    expect(() => reader.push(Buffer.from('9'))).toThrow(`longer than ${most} bytes`);
  });
});

it('bytes that are no UTF-8 are refused, also those that two pieces make', () => {
  expect(() => new LineReader(100).push(Buffer.from([0xff, 0x0a]))).toThrow(TypeError);
  const reader = new LineReader(100);
  reader.push(Buffer.from([0xe2, 0x82]));
  expect(() => reader.push(Buffer.from('\n'))).toThrow(TypeError);
});
