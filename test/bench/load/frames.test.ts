/** Frames of WebSocket: what a client writes, and what it reads in whatever pieces. */
import { expect, test } from 'vitest';
import { frame, MessageReader, type Read } from '../../../bench/load/protocols/websocket-frames.ts';

/** A frame of a server: final or not, of any kind, with its length in as many bytes as it is given. */
function served(first: number, payload: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(payload.length));
  if (payload.length < 126) return Buffer.concat([Buffer.from([first, payload.length]), payload]);
  if (payload.length < 65_536) return Buffer.concat([Buffer.from([first, 126]), length.subarray(6), payload]);
  return Buffer.concat([Buffer.from([first, 127]), length, payload]);
}

const some = (length: number) => Buffer.alloc(length, 'x');

test.each([0, 1, 125, 126, 65_535, 65_536, 70_000])(
  'a message of %i bytes is masked and says how long it is',
  length => {
    const bytes = frame('binary', some(length));
    const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    expect(bytes).toHaveLength(head + 4 + length);
    expect(bytes[0]).toBe(0x82);
    expect(bytes[1]).toBe(0x80 | (head === 2 ? length : head === 4 ? 126 : 127));
    if (head === 4) expect(bytes.readUInt16BE(2)).toBe(length);
    if (head === 10) expect(bytes.readBigUInt64BE(2)).toBe(BigInt(length));
    const mask = bytes.subarray(head, head + 4);
    expect(bytes.subarray(head + 4).every((byte, at) => (byte ^ (mask[at % 4] ?? 0)) === 0x78)).toBe(true);
  },
);

const stream = Buffer.concat([
  served(0x82, some(0)),
  served(0x02, some(3)),
  served(0x89, Buffer.from('are you there')),
  served(0x00, some(0)),
  served(0x80, some(200)),
  served(0x82, some(126)),
  served(0x88, Buffer.from([3, 232])),
]);

const all = (reads: readonly Read[]) => ({
  lengths: reads.flatMap(({ lengths }) => lengths),
  pings: reads.flatMap(({ pings }) => pings).map(String),
  closed: reads.some(({ closed }) => closed),
});
const wanted = { lengths: [0, 203, 126], pings: ['are you there'], closed: true };

test('messages, fragments, a ping between them and the end are read in one piece', () => {
  expect(all([new MessageReader().push(stream)])).toEqual(wanted);
});

test('cut in two at every byte', () => {
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const reader = new MessageReader();
    expect(all([reader.push(stream.subarray(0, cut)), reader.push(stream.subarray(cut))])).toEqual(wanted);
  }
});

test('byte by byte', () => {
  const reader = new MessageReader();
  expect(all([...stream].map(byte => reader.push(Buffer.from([byte]))))).toEqual(wanted);
});

test('a long length', () => {
  expect(all([new MessageReader().push(served(0x82, some(70_000)))]).lengths).toEqual([70_000]);
});

test('a server that masks is refused', () => {
  expect(() => new MessageReader().push(frame('binary', some(1)))).toThrow('masked');
});
