/** Frames as RFC 6455 has them. */
import { describe, expect, test } from 'vitest';
import { acceptOf, FrameReader, frameOf, opcodes } from '../../../bench/targets/frames.ts';

const mask = Buffer.from([1, 2, 3, 4]);

test('the accept of section 1.3', () => {
  expect(acceptOf('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

test('the frames of section 5.7', () => {
  const hello = { opcode: 1, payload: Buffer.from('Hello') };
  expect(frameOf(hello).toString('hex')).toBe('810548656c6c6f');
  const masked = frameOf(hello, Buffer.from('37fa213d', 'hex'));
  expect(masked.toString('hex')).toBe('818537fa213d7f9f4d5158');
});

describe.each([0, 125, 126, 65_535, 65_536])('a message of %d bytes', length => {
  const payload = Buffer.alloc(length, 'a message ');

  test.each([undefined, mask])('comes back', key => {
    const frame = { opcode: opcodes.binary, payload };
    expect(new FrameReader().push(frameOf(frame, key))).toEqual([frame]);
  });
});

test('bytes that come one by one', () => {
  const reader = new FrameReader();
  const bytes = frameOf({ opcode: opcodes.binary, payload: Buffer.from('slow') }, mask);
  const messages = [...bytes].flatMap(byte => reader.push(Buffer.from([byte])));
  expect(messages.map(({ payload }) => payload.toString())).toEqual(['slow']);
});

test('fragments are joined', () => {
  const parts = ['0203666972', '00027374', '80022066', '8201ff'].map(hex => Buffer.from(hex, 'hex'));
  const messages = new FrameReader().push(Buffer.concat(parts));
  expect(messages.map(({ opcode, payload }) => [opcode, payload.toString('latin1')])).toEqual([
    [2, 'first f'],
    [2, '\xff'],
  ]);
});
